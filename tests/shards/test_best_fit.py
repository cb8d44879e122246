"""Rows of whole documents: every token once, documents cut only where they are longer than a row."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.shards.best_fit import Rows, best_fit
from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import BOS, EOS, PAD


class Documents:
    """An open split of documents with these numbers of tokens, all but their markers different."""

    folder = "data/shards/train"

    def __init__(self, lengths, in_file=23):
        self.documents = []
        for length in lengths:
            first = 10 + sum(map(len, self.documents))
            self.documents.append([BOS, *range(first, first + length - 2), EOS])
        self.stream = np.array([token for document in self.documents for token in document], np.int64)
        self.arrays = [self.stream[i : i + in_file] for i in range(0, len(self.stream), in_file)]
        self.starts = np.cumsum([0, *map(len, self.arrays)])
        self.tokens = len(self.stream)

    begins = Shards.begins

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.tokens
        return self.stream[start:stop]


def holds(row, document):
    """Whether a document stands in a row, whole."""
    return f" {' '.join(map(str, document))} " in f" {' '.join(map(str, row))} "


@settings(deadline=None)
@given(st.lists(st.integers(2, 60), min_size=1, max_size=40), st.integers(2, 30), st.integers(0, 3))
def test_an_epoch_reads_every_document_once_and_cuts_the_long_ones_alone(lengths, context, epoch):
    shards = Documents(lengths)
    rows = Rows(shards, context, seed=1)
    read = rows.read(epoch * rows.per_epoch, rows.per_epoch)
    assert read.shape == (rows.per_epoch, context + 1)
    for document in shards.documents:
        if len(document) <= context + 1:
            assert any(holds(row, document) for row in read)
    targets = Counter(token for row in read.tolist() for token in row[1:] if token not in (PAD, BOS))
    expected = Counter(token for document in shards.documents for token in document[1:])
    assert targets >= expected
    # The rest of a long document begins with a token that the row before it has predicted already.
    assert (targets - expected).total() <= sum(len(document) > context + 1 for document in shards.documents)
    assert rows.padding() == pytest.approx((read == PAD).mean())


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_rows_hold_no_more_than_fits_and_no_two_would_fit_into_one(lengths):
    lengths = np.array(lengths)
    order, firsts = best_fit(lengths, 20)
    assert sorted(order) == list(range(len(lengths)))
    sums = [int(lengths[order[a:b]].sum()) for a, b in pairwise(firsts)]
    assert all(0 < total <= 20 for total in sums)
    # Best fit opens a row only for a piece that no other has room for, so no two rows would fit into one.
    assert len(sums) < 2 or sum(sorted(sums)[:2]) > 20


@given(st.integers(0, 200), st.integers(1, 12), st.data())
def test_a_steps_rows_do_not_depend_on_how_it_is_cut_or_reached(first, count, data):
    shards = Documents([3, 9, 14, 5, 22, 7, 7, 2, 31, 8])
    whole = Rows(shards, 16, seed=2).read(first, count)
    again = Rows(shards, 16, seed=2)
    cut = data.draw(st.integers(0, count))
    parts = [again.read(first + cut, count - cut), again.read(first, cut)]
    assert np.array_equal(np.concatenate(parts[::-1]), whole)


def test_epochs_put_other_documents_together():
    rows = Rows(Documents([3, 3, 4, 4, 5, 5, 6, 6] * 30), 15, seed=0)
    together = [{tuple(sorted(row)) for row in rows.read(e * rows.per_epoch, rows.per_epoch)} for e in (0, 1)]
    assert len(together[0] & together[1]) < rows.per_epoch / 2


def test_documents_of_a_corpus_leave_little_empty():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.8, 5_000).astype(int) + 2
    assert Rows(Documents(lengths), 256, seed=0).padding() < 0.005


def test_too_few_rows_are_named():
    with pytest.raises(UserError, match=r"44 tokens make 3 rows of 16, but 8 are needed; add text"):
        Rows(Documents([20, 20, 4]), 16, seed=0).require(8, "add text")
