import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.clean import clean

# All code points, lone surrogates too, and often those that mean something here.
TEXTS = st.text(
    st.characters() | st.sampled_from(" \t\r\n\x0b\x0c\x85\u2028\u2581\ufeff\0\ud800\u0307\u0327ıİsşS")
)


@given(TEXTS)
@example("s\x00\u0327")  # dropping the control character lets the two compose
@example("a\n\u0301b")
def test_clean_guarantees(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")  # no lone surrogates
    assert unicodedata.is_normalized("NFC", cleaned)
    assert "\u2581" not in cleaned
    assert cleaned == cleaned.strip()
    assert "\n\n" not in cleaned
    assert all(char == "\n" for char in cleaned if unicodedata.category(char) == "Cc")
    assert clean(cleaned) == cleaned


@given(st.text(alphabet="abcçdeıiİğüşöIĞ .,"))
def test_clean_keeps_words(text: str) -> None:
    assert clean(text).split() == text.split()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("bir\r\n\r\niki\rüç", "bir\niki\nüç"),
        ("bir\n \t\n\n  iki  ", "bir\niki"),
        ("bir\u2028iki\x0cüç\x85dört", "bir\niki\nüç…dört"),
        ("ka\x00le\x1bm\x7f", "kalem"),
        ("\tBu\u2581bir  metin.\t3", "Bu bir  metin. 3"),
        ("I\u0307stanbul, s\u0327ehir", "İstanbul, şehir"),
        ("bir\ud83d iki", "bir iki"),
        ("\ufeffbaş", "baş"),
        (" \n\t ", ""),
    ],
)
def test_clean_examples(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
