"""Words, lines and hashes of a batch, against the same done text by text."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.overlap.text_batch import TextBatch

TEXTS = st.lists(st.text("aB1İı .,'-/:\n…€😀", max_size=60), min_size=1, max_size=6)


def cut(batch, spans):
    laid = "\0".join([*batch.texts, ""])
    pieces = [laid[start:stop] for start, stop in zip(spans.starts, spans.stops, strict=True)]
    return [pieces[first:last] for first, last in zip(spans.offsets, spans.offsets[1:], strict=False)]


@given(TEXTS)
def test_lines_match_str_split(texts):
    batch = TextBatch(texts)
    assert cut(batch, batch.lines) == [text.split("\n") for text in texts]
    assert batch.byte_lengths(batch.lines).tolist() == [
        len(line.encode()) for text in texts for line in text.split("\n")
    ]


@given(TEXTS)
def test_words_cover_everything_but_spaces(texts):
    batch = TextBatch(texts)
    assert ["".join(words) for words in cut(batch, batch.words)] == ["".join(text.split()) for text in texts]


@given(TEXTS)
def test_hash_spans_is_equal_for_equal_spans_only(texts):
    batch = TextBatch(texts)
    pieces = [piece for document in cut(batch, batch.words) for piece in document]
    hashes = batch.word_hashes.tolist()
    assert len(set(hashes)) == len(set(pieces)) == len(set(zip(pieces, hashes, strict=True)))


@given(TEXTS)
def test_is_repeat_marks_lines_that_occurred_before(texts):
    batch = TextBatch(texts)
    expected = []
    for text in texts:
        seen = Counter()
        for line in text.split("\n"):
            expected.append(seen[line] > 0)
            seen[line] += 1
    assert batch.is_repeat(batch.lines).tolist() == expected


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
def test_words_are_split_as_spacy_splits_them(text, words):
    batch = TextBatch([text])
    assert cut(batch, batch.words) == [words]


def test_sum_by_document():
    batch = TextBatch(["bir iki", "", "üç"])
    assert batch.words.counts.tolist() == [2, 0, 1]
    assert batch.words.sum_by_document(np.array([1, 2, 4])).tolist() == [3, 0, 4]
    assert batch.words.document.tolist() == [0, 0, 2]
