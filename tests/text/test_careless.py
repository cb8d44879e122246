import random
from collections import Counter

import pytest

from pipeline.text.careless import double_letter, is_short, type_carelessly
from pipeline.text.casing import lower

QUESTION = "Iğdır'ın plakası kaç, söyler misin?"


def forms(text, count=400):
    """Return how often each careless form of `text` comes up."""
    return Counter(type_carelessly(text, random.Random(i)) for i in range(count))


def fold(text):
    """Return a text without what careless typing changes: case, marks, ASCII letters, doubled letters."""
    plain = lower(text).translate(str.maketrans("çğıöşü", "cgiosu", "'.?!, "))
    plain = plain.replace("biliyor", "biliyo")
    return "".join(a for a, b in zip(plain, plain[1:] + " ", strict=True) if a != b)


@pytest.mark.parametrize(
    "form",
    [
        "ığdırın plakası kaç, söyler misin",
        "igdirin plakasi kac, soyler misin",
        "IĞDIRIN PLAKASI KAÇ, SÖYLER MİSİN",
        "ığdır'ın plakası kaç, söyler misin?",
        "ığdırın plakası kaç, söyler misin?",
    ],
)
def test_type_carelessly_gives_the_forms_that_people_type(form):
    assert form in forms(QUESTION)


def test_type_carelessly_keeps_the_words():
    assert {fold(form) for form in forms(QUESTION)} == {fold(QUESTION)}


def test_type_carelessly_begins_with_a_small_letter_unless_all_are_capitals():
    for form in forms("Sen kimsin?"):
        assert form[0] == "s" or form.startswith(("SEN KİMSİN",))


@pytest.mark.parametrize(
    ("text", "short"),
    [("Merhaba!", "mrb"), ("Selam, naber?", "slm, nbr"), ("Teşekkürler!", "tşk"), ("Hoşça kal!", "hoşçakal")],
)
def test_type_carelessly_shortens_usual_words(text, short):
    assert short in forms(text)


@pytest.mark.parametrize("text", ["?", "👍", "12", "…"])
def test_type_carelessly_leaves_something_of_every_message(text):
    assert set(forms(text, 50)) == {text}


def test_double_letter_doubles_one():
    doubled = {double_letter("ab!", random.Random(i)) for i in range(50)}
    assert doubled == {"aab!", "abb!", "abbb!", "abbbb!"}


def test_is_short_takes_what_is_pasted_for_longer():
    assert is_short("Merhaba!\n")
    assert not is_short("def f():\n    return 1")
    assert not is_short("a" * 200)
