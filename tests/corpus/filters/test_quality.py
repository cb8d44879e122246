"""Prose, and pages that are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.filters.quality import has_bad_lines, is_not_prose
from pipeline.corpus.filters.repetition import is_repetitive
from pipeline.overlap.text_batch import TextBatch
from tests.helpers.prose import PROSE


@settings(deadline=None)
@given(st.lists(st.text("ab \n.", max_size=80), min_size=1, max_size=5))
def test_filters_take_any_text_and_do_not_depend_on_the_batch(texts):
    for rule in (is_repetitive, has_bad_lines, is_not_prose):
        batch_result = rule(TextBatch(texts)).tolist()
        assert batch_result == [bool(rule(TextBatch([text]))[0]) for text in texts]


def test_filters_keep_prose():
    batch = TextBatch([PROSE.strip()])
    assert not is_repetitive(batch)[0]
    assert not has_bad_lines(batch)[0]
    assert not is_not_prose(batch)[0]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            ["Ana sayfa", "Haberler", "Spor", "Hava durumu", "İletişim"] * 3
        ),  # no line ends as a sentence
        "\n".join(["Bu satır her seferinde aynen gelir.", *PROSE.split("\n")[:2]] * 2),
        "\n".join("kısa." for _ in range(40)),
    ],
)
def test_has_bad_lines_of_pages_of_lines(text):
    assert has_bad_lines(TextBatch([text]))[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: " ".join(text.split()[:30]),  # too few words
        lambda text: (
            text.replace("ve", "")
            .replace("bir", "")
            .replace("da ", " ")
            .replace("ile", "")
            .replace("bu", "")
            .replace("en ", " ")
            .replace("sonra", "")
            .replace("için", "")
            .replace("daha", "")
        ),
        lambda text: text.replace(" ", " # "),
        lambda text: text.replace(".", "...") + "\nAma...\nSonra...\nEvet...",
        lambda text: "\n".join(f"• {line}" for line in text.strip().split("\n")),
        lambda text: text + " 12 34 56 78 90" * 30,
        lambda text: " ".join(text.replace(" ", "").split("\n")) * 20,  # no spaces
    ],
)
def test_is_not_prose(change):
    assert is_not_prose(TextBatch([change(PROSE).strip()]))[0]
