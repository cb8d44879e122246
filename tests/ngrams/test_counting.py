import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ngrams import counting
from pipeline.ngrams.counting import (
    FALLBACK,
    Counts,
    add_occurrences,
    count_ngrams,
    estimate_discounts,
    smooth_level,
    sort_with_order,
    split_by_sum,
    train_ngram_model,
)
from pipeline.ngrams.storage import Storage


def make_counts(values):
    """Counts of n-grams of a single context."""
    zeros = np.zeros(len(values), np.int64)
    return Counts(np.array([0, len(values)]), np.arange(len(values)), np.asarray(values), zeros)


def test_estimate_discounts_of_known_counts():
    y = 40 / 80
    counts = make_counts(np.repeat([1, 2, 3, 4], [40, 20, 10, 5]))
    assert estimate_discounts(counts) == pytest.approx((1 - y, 2 - 1.5 * y, 3 - 2 * y))
    assert estimate_discounts(make_counts([1, 1, 5])) == FALLBACK


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 12), st.integers(1, 8))
def test_split_by_sum_covers_all_within_the_limit(sizes, limit, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "CHUNK", chunk)
        ranges = list(split_by_sum(np.array(sizes), limit))
    assert [start for start, _ in ranges] == [0, *(stop for _, stop in ranges[:-1])]
    assert ranges[-1][1] == len(sizes)
    assert all(sum(sizes[a:b]) <= limit or b - a == 1 for a, b in ranges)
    # No range is cut short: the next member would not have fitted.
    assert all(sum(sizes[a : b + 1]) > limit for a, b in ranges[:-1])


documents = st.lists(st.lists(st.integers(2, 6), max_size=12), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(documents, st.integers(1, 5), st.integers(1, 20), st.integers(1, 9))
def test_a_model_counted_in_pieces_and_in_files_is_the_same(tmp_path_factory, texts, order, limit, chunk):
    stream = np.array([token for words in texts for token in [1, *words]], dtype=np.uint16)
    whole = train_ngram_model(stream, 7, order)
    storage = Storage(tmp_path_factory.mktemp("ngrams"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "CHUNK", chunk)
        patch.setattr(counting, "MAX_SORTED", limit)
        counts = count_ngrams(stream, 7, order, storage)
        levels = [smooth_level(of_length, n, None, storage) for n, of_length in enumerate(counts, 1)]
    for ours, theirs in zip(whole.levels, levels, strict=True):
        for name in ("starts", "tokens", "discounted", "backoff"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_no_more_is_sorted_at_once_than_fits(monkeypatch):
    sizes = []
    monkeypatch.setattr(counting, "MAX_SORTED", 20)
    monkeypatch.setattr(
        counting, "sort_with_order", lambda keys: sizes.append(len(keys)) or sort_with_order(keys)
    )
    rng = np.random.default_rng(0)
    stream = np.array([i for _ in range(30) for i in (1, *rng.integers(4, 20, 5), 2)], np.uint16)
    count_ngrams(stream, 20, 4, Storage())
    # 30 documents begin with <s>: a single context, which is not divided.
    assert max(sizes) == 30
    assert sum(sizes) == 30 * (6 + 5 + 4)
    assert len(sizes) > 15


@pytest.mark.parametrize("largest", [3, 2**40, 2**62])  # the last one leaves no bits for the places
def test_sort_with_order_keeps_the_order_of_equal_keys(largest):
    keys = np.random.default_rng(0).integers(0, largest, 1000)
    ordered, order = sort_with_order(keys)
    expected = np.argsort(keys, kind="stable")
    assert order.tolist() == expected.tolist()
    assert ordered.tolist() == keys[expected].tolist()
    assert [part.tolist() for part in sort_with_order(keys[:0])] == [[], []]


def test_add_occurrences_counts_each_rank():
    counts = np.array([5, 0, 1, 0])
    add_occurrences(counts, np.array([2, 0, 2, 3]))
    assert counts.tolist() == [6, 0, 3, 1]
