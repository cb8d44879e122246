import numpy as np
import pytest

from pipeline.eval_sets.readers import Pair
from pipeline.evaluation.minimal_pairs import measure, wilson_interval


def by_length(sequences):
    """Prefers the shorter sentence."""
    return np.array([float(len(ids)) for ids in sequences])


PAIRS = [
    Pair("ab", "abc", "x"),
    Pair("abc", "ab", "x"),
    Pair("a", "ab", "y.z"),
    Pair("same", "same", "y.z"),
    Pair("ab", "cd", "w"),
]


def test_accuracy_by_type_ties_wrong_identical_pairs_dropped(tokenizer):
    figures = measure(PAIRS, tokenizer, by_length, {"n_gram": lambda s: -by_length(s)})
    assert {kind: each["accuracy"] for kind, each in figures["types"].items()} == {"w": 0, "x": 0.5, "y_z": 1}
    assert {kind: each["n"] for kind, each in figures["types"].items()} == {"w": 1, "x": 2, "y_z": 1}
    assert (figures["n"], figures["ties"], figures["identical_dropped"]) == (4, 1, 1)
    assert figures["mean"] == 0.5
    assert figures["n_gram"] == pytest.approx(0.5 / 3)
    assert figures["types"]["x"]["n_gram"] == 0.5


def test_sentences_are_scored_from_their_start_without_an_end_token(tokenizer):
    seen = []

    def scorer(sequences):
        seen.extend(sequences)
        return by_length(sequences)

    measure([Pair("a", "b", "x")], tokenizer, scorer, {})
    assert seen == [[1, 8 + ord("a")], [1, 8 + ord("b")]]


def test_only_identical_pairs_leave_counts(tokenizer):
    figures = measure([Pair("a", "a", "x")], tokenizer, by_length, {})
    assert figures == {"n": 0, "ties": 0, "identical_dropped": 1, "uneven_dropped": 0, "types": {}}


def test_pairs_of_uneven_length_are_dropped_and_counted_where_a_limit_is_set(tokenizer):
    pairs = [Pair("a", "abc", "x"), Pair("ab", "a", "x")]
    figures = measure(pairs, tokenizer, by_length, {}, most_tokens_apart=1)
    assert (figures["n"], figures["uneven_dropped"], figures["mean"]) == (1, 1, 0)
    assert measure(pairs, tokenizer, by_length, {})["n"] == 2


def test_the_interval_of_known_shares():
    assert wilson_interval(81, 100) == pytest.approx((0.7222, 0.8749), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson_interval(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
