"""Rows of whole documents: every token once, documents cut only where they are longer than a row."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.shards.best_fit import BestFitSampler, pack_best_fit
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS, EOS, PAD


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

    document_starts = Shards.document_starts

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.tokens
        return self.stream[start:stop]


def contains(row, document):
    """Return true where a row contains a whole document."""
    return f" {' '.join(map(str, document))} " in f" {' '.join(map(str, row))} "


@settings(deadline=None)
@given(st.lists(st.integers(2, 60), min_size=1, max_size=40), st.integers(2, 30), st.integers(0, 3))
def test_best_fit_sampler_reads_every_document_once_an_epoch_and_cuts_only_long_ones(lengths, context, epoch):
    shards = Documents(lengths)
    sampler = BestFitSampler(shards, context, seed=1)
    read = sampler.read(epoch * sampler.rows_per_epoch, sampler.rows_per_epoch)
    assert read.shape == (sampler.rows_per_epoch, context + 1)
    for document in shards.documents:
        if len(document) <= context + 1:
            assert any(contains(row, document) for row in read)
    targets = Counter(token for row in read.tolist() for token in row[1:] if token not in (PAD, BOS))
    expected = Counter(token for document in shards.documents for token in document[1:])
    assert targets >= expected
    # The rest of a long document begins with a token that the row before it has predicted already.
    assert (targets - expected).total() <= sum(len(document) > context + 1 for document in shards.documents)
    assert sampler.padding_fraction() == pytest.approx((read == PAD).mean())


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_pack_best_fit_fills_no_row_too_far_and_no_two_would_fit_into_one(lengths):
    lengths = np.array(lengths)
    order, row_starts = pack_best_fit(lengths, 20)
    assert sorted(order) == list(range(len(lengths)))
    sums = [int(lengths[order[a:b]].sum()) for a, b in pairwise(row_starts)]
    assert all(0 < total <= 20 for total in sums)
    # Best fit opens a row only for a chunk that no other has room for, so no two rows would fit into one.
    assert len(sums) < 2 or sum(sorted(sums)[:2]) > 20


@given(st.integers(0, 200), st.integers(1, 12), st.data())
def test_best_fit_sampler_read_depends_on_row_numbers_alone(first, count, data):
    shards = Documents([3, 9, 14, 5, 22, 7, 7, 2, 31, 8])
    whole = BestFitSampler(shards, 16, seed=2).read(first, count)
    again = BestFitSampler(shards, 16, seed=2)
    split = data.draw(st.integers(0, count))
    end, beginning = again.read(first + split, count - split), again.read(first, split)
    assert np.array_equal(np.concatenate([beginning, end]), whole)


def test_best_fit_sampler_epochs_combine_other_documents():
    sampler = BestFitSampler(Documents([3, 3, 4, 4, 5, 5, 6, 6] * 30), 15, seed=0)
    count = sampler.rows_per_epoch
    first, second = ({tuple(sorted(row)) for row in sampler.read(e * count, count)} for e in (0, 1))
    assert len(first & second) < count / 2


def test_padding_fraction_is_small_for_documents_of_a_corpus():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.8, 5_000).astype(int) + 2
    assert BestFitSampler(Documents(lengths), 256, seed=0).padding_fraction() < 0.005


def test_require_rows_names_too_few_rows():
    with pytest.raises(UserError, match=r"44 tokens make 3 rows of 16, but 8 are needed; add text"):
        BestFitSampler(Documents([20, 20, 4]), 16, seed=0).require_rows(
            8, "add text, or lower train.tokens_per_step"
        )
