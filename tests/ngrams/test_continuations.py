from collections import Counter

import numpy as np
import pytest

from pipeline.ngrams.continuations import ContinuationSampler, measure_depth
from pipeline.ngrams.counting import count_ngrams, estimate_discounts
from pipeline.ngrams.storage import Storage

A, B, C, END = 4, 5, 6, 2
VOCAB = 8
WORDS = ["abcaba", "abc", "babbca", "cabcaba", "abb", "accab"]
TEXT = np.array([i for word in WORDS for i in (1, *(A + "abc".index(c) for c in word), END)], np.uint16)


def make_sampler(order):
    counts = count_ngrams(TEXT, VOCAB, order, Storage())
    return ContinuationSampler(counts, VOCAB, Storage()), [estimate_discounts(level) for level in counts]


def probabilities_without(place, order, discounts):
    """p [V] of the token at `place` by dictionaries, from all n-grams but those that end there."""
    starts = np.maximum.accumulate(np.where(TEXT == 1, np.arange(len(TEXT)), 0))
    grams = [Counter() for _ in range(order + 1)]
    for end in range(len(TEXT)):
        for n in range(1, order + 1):
            if end != place and end - n + 1 >= starts[end] and (n > 1 or TEXT[end] != 1):
                grams[n][tuple(TEXT[end - n + 1 : end + 1].tolist())] += 1
    counts = [{}, *grams[1:]]
    for n in range(1, order):
        before = Counter(gram[1:] for gram in grams[n + 1])
        counts[n] = {g: count if g[0] == 1 else before[g] for g, count in grams[n].items()}
    p = np.full(VOCAB, 1 / VOCAB)
    for n in range(1, order + 1):
        if place - n + 1 < starts[place]:
            break
        context = tuple(TEXT[place - n + 1 : place].tolist())
        d = [0.0, *discounts[n - 1]]
        seen = [counts[n].get((*context, w), 0) for w in range(VOCAB)]
        if sum(seen):
            left = sum(d[min(c, 3)] for c in seen)
            p = (np.array([c - d[min(c, 3)] for c in seen]) + p * left) / sum(seen)
    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_draws_have_the_probabilities_of_the_text_without_the_token(order):
    sampler, discounts = make_sampler(order)
    draws = 20_000
    drawn = sampler.add_draws(TEXT[None].astype(np.int64), draws, seed=0, first=0)[0]
    assert (drawn[:, 0] == TEXT).all()
    for place in np.flatnonzero(TEXT != 1):
        frequencies = np.bincount(drawn[place, 1:], minlength=VOCAB) / draws
        expected = probabilities_without(place, order, discounts)
        assert expected.sum() == pytest.approx(1)
        np.testing.assert_allclose(frequencies, expected, atol=5 * 0.5 / draws**0.5)


def test_draws_of_a_place_that_the_row_does_not_show_are_its_token():
    sampler, _ = make_sampler(3)
    row = TEXT[2:9][None].astype(np.int64)  # in the middle of a document, to the beginning of the next
    drawn = sampler.add_draws(row, 50, seed=0, first=0)[0]
    assert (drawn[1] == C).all()  # one token before, of the two that are needed
    assert len(set(drawn[2].tolist())) > 1
    assert (drawn[-1] == 1).all()  # <s> is what follows </s>
    unread = np.array([[1, 7, 7, 7, 7]])  # a text that was not counted
    assert (sampler.add_draws(unread, 5, seed=0, first=0)[0, 1:] == 7).all()


def test_measure_depth_counts_from_the_beginning_of_documents():
    rows = np.array([[A, B, C, END, 1, A, B], [1, A, END, 0, 0, 0, 0]])
    distance, depth = measure_depth(rows, 3)
    assert distance.tolist() == [[0, 1, 2, 3, 0, 1, 2], [0, 1, 2, 0, 1, 2, 3]]
    assert depth.tolist() == [[0, 0, 3, 3, 0, 1, 2], [0, 1, 2, 0, 0, 3, 3]]


def test_draws_of_a_row_do_not_depend_on_the_others():
    sampler, _ = make_sampler(3)
    rows = TEXT[:36].reshape(3, 12).astype(np.int64)
    together = sampler.add_draws(rows, 4, seed=5, first=7)
    apart = [sampler.add_draws(rows[i : i + 1], 4, seed=5, first=7 + i)[0] for i in range(3)]
    assert together.tolist() == np.stack(apart).tolist()
    assert together.tolist() != sampler.add_draws(rows, 4, seed=6, first=7).tolist()


def test_documents_shorter_than_the_order_have_draws_too():
    text = np.array([1, A, END, 1, A, END, 1, B, END], np.uint16)
    for order in (2, 3, 6):
        counts = count_ngrams(text, VOCAB, order, Storage())
        rows = np.append(text, [0, 0, 0])[None].astype(np.int64)
        drawn = ContinuationSampler(counts, VOCAB, Storage()).add_draws(rows, 50, seed=0, first=0)[0]
        assert {A, B} <= set(drawn[1, 1:].tolist())
        assert (drawn[-3:] == 0).all()  # padding is not of the text
