"""Words, lines and hashes of a batch, against the same done text by text."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.filters.text_batch import LaidOut

TEXTS = st.lists(st.text("aB1İı .,'-/:\n…€😀", max_size=60), min_size=1, max_size=6)


def cut(batch, spans):
    laid = "\0".join([*batch.texts, ""])
    pieces = [laid[start:stop] for start, stop in zip(spans.starts, spans.stops, strict=True)]
    return [pieces[first:last] for first, last in zip(spans.of, spans.of[1:], strict=False)]


@given(TEXTS)
def test_lines_are_those_of_split(texts):
    batch = LaidOut(texts)
    assert cut(batch, batch.lines) == [text.split("\n") for text in texts]
    assert batch.bytes(batch.lines).tolist() == [
        len(line.encode()) for text in texts for line in text.split("\n")
    ]


@given(TEXTS)
def test_words_are_all_that_is_no_space(texts):
    batch = LaidOut(texts)
    assert ["".join(words) for words in cut(batch, batch.words)] == ["".join(text.split()) for text in texts]


@given(TEXTS)
def test_equal_spans_have_equal_hashes_and_others_do_not(texts):
    batch = LaidOut(texts)
    pieces = [piece for document in cut(batch, batch.words) for piece in document]
    hashes = batch.word_hashes.tolist()
    assert len(set(hashes)) == len(set(pieces)) == len(set(zip(pieces, hashes, strict=True)))


@given(TEXTS)
def test_repeated_lines_are_those_that_were_there_before(texts):
    batch = LaidOut(texts)
    expected = []
    for text in texts:
        seen = Counter()
        for line in text.split("\n"):
            expected.append(seen[line] > 0)
            seen[line] += 1
    assert batch.repeated(batch.lines).tolist() == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ankara'ya 3,5 saatte gitti.", ["Ankara'ya", "3,5", "saatte", "gitti", "."]),
        ("“Gel”, dedi; gelmedi…", ["“", "Gel", "”", ",", "dedi", ";", "gelmedi", "…"]),
        ("23/4/1920 günü saat 14.30'da", ["23/4/1920", "günü", "saat", "14.30'da"]),
        ("Türk-İş, 1950-1960 -di", ["Türk", "-", "İş", ",", "1950", "-", "1960", "-di"]),
        ("A. Yılmaz 5. kez bitti.Sonra", ["A.", "Yılmaz", "5.", "kez", "bitti", ".", "Sonra"]),
        ("ve/veya (bkz. s.12)...", ["ve", "/", "veya", "(", "bkz", ".", "s.12", ")", "..."]),
    ],
)
def test_words_are_cut_as_spacy_cuts_them(text, words):
    batch = LaidOut([text])
    assert cut(batch, batch.words) == [words]


def test_sums_by_document():
    batch = LaidOut(["bir iki", "", "üç"])
    assert batch.words.counts.tolist() == [2, 0, 1]
    assert batch.words.summed(np.array([1, 2, 4])).tolist() == [3, 0, 4]
    assert batch.words.document.tolist() == [0, 0, 2]
