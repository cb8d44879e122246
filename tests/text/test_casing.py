import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.casing import capitalize, lower, upper

PAIRS = [
    ("ığdır", "IĞDIR"),
    ("istanbul", "İSTANBUL"),
    ("şanlıurfa", "ŞANLIURFA"),
    ("çiğ köfte", "ÇİĞ KÖFTE"),
    ("hakkâri", "HAKKÂRİ"),
    ("üç kişi", "ÜÇ KİŞİ"),
]


@pytest.mark.parametrize(("small", "large"), PAIRS)
def test_lower_and_upper_keep_dotted_and_dotless_i_apart(small: str, large: str) -> None:
    assert lower(large) == small
    assert upper(small) == large


def test_lower_and_upper_of_a_decomposed_dotted_i() -> None:
    assert lower(unicodedata.normalize("NFD", "İZMİR")) == "izmir"
    assert upper("i\u0307zmir") == "İZMİR"


@pytest.mark.parametrize(
    ("text", "expected"), [("ırmak", "Irmak"), ("izmir'de", "İzmir'de"), ("Ankara", "Ankara"), ("", "")]
)
def test_capitalize_changes_only_the_first_letter(text: str, expected: str) -> None:
    assert capitalize(text) == expected


@given(st.text(alphabet="abcçdefgğhıijklmnoöprsştuüvyzâîû '0123456789"))
def test_upper_then_lower_round_trips_turkish_letters(text: str) -> None:
    assert lower(upper(text)) == text
    assert len(upper(text)) == len(text)
