import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.normalize import normalize_text

TEXT = "Iğdır'ın ışığı, İzmir'in ılık rüzgârı…\nŞöyle dedi: “Çok güzel!”"
SPACES = (
    "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2581\u3000"
)
# All code points, lone surrogates too, and often those that mean something here or are damage.
TEXTS = st.text(
    st.characters()
    | st.sampled_from(" \t\r\n\x0b\x0c\x85\xa0\u2028\u2581\ufeff\0\ud800\u0307\u0327ıİsşSÃ¼ÄŸâ€™ýþșÅ")
)


@given(TEXTS)
@example("s\x00\u0327")  # dropping the control character lets the two compose
@example("Ã\x00¼ ve Å\u200aŸ")  # or become mojibake
@example("\u212bŸ")  # composing makes mojibake
@example("\n\0\ta")
def test_normalize_text_guarantees(text):
    form = normalize_text(text)
    form.encode("utf-8")  # no lone surrogates
    assert unicodedata.is_normalized("NFC", form)
    assert all(char in "\n\t" for char in form if unicodedata.category(char) == "Cc")
    assert not set(form) & set(SPACES)
    assert all(not line.lstrip("\t").count("\t") for line in form.split("\n"))
    assert normalize_text(form) is form


@pytest.mark.parametrize(
    "version",
    [
        unicodedata.normalize("NFD", TEXT),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("\n", "\u2028"),
        *(TEXT.replace(" ", space) for space in SPACES),
        TEXT.replace(" ", "\t"),
        "\ufeff" + TEXT,
        TEXT.replace("ı", "\0ı"),
        TEXT.replace("e", "e\ud83d"),
        TEXT.replace("i", "i\u0307"),
        TEXT.encode().decode("cp1252", "ignore").replace("Ä°", "Ä°"),
    ],
)
def test_normalize_text_of_every_version_of_a_text_is_equal(version):
    assert version != TEXT
    assert normalize_text(version) == TEXT


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("if x:\n\tif y:\n\t\treturn\t1\t\t# bir", "if x:\n\tif y:\n\t\treturn 1  # bir"),
        ("\tgirinti", "\tgirinti"),
        (" \tgirinti", "  girinti"),
        ("  iki  boşluk \n\n ve boş satır ", "  iki  boşluk \n\n ve boş satır "),
        ("👨‍👩‍👧 می‌خواهم", "👨‍👩‍👧 می‌خواهم"),
        ("10\u202f000\u00a0₺", "10 000 ₺"),
        ("", ""),
    ],
)
def test_normalize_text_keeps_indentation_blank_lines_and_joiners(text, form):
    assert normalize_text(text) == form


def test_normalize_text_knows_all_spaces_of_unicode():
    spaces = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Zs"}
    assert {normalize_text(f"a{space}b") for space in spaces} == {"a b"}
