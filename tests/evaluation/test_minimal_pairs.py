import numpy as np
import pytest

from pipeline.eval_sets.readers import Pair
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs, wilson_interval


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


def test_measure_minimal_pairs_by_type_with_ties_wrong_and_identical_pairs_dropped(tokenizer):
    figures = measure_minimal_pairs(PAIRS, tokenizer, by_length, {"n_gram": lambda s: -by_length(s)})
    assert {kind: each["accuracy"] for kind, each in figures["types"].items()} == {"w": 0, "x": 0.5, "y_z": 1}
    assert {kind: each["n"] for kind, each in figures["types"].items()} == {"w": 1, "x": 2, "y_z": 1}
    assert (figures["n"], figures["ties"], figures["identical_dropped"]) == (4, 1, 1)
    assert figures["mean"] == 0.5
    assert figures["n_gram"] == pytest.approx(0.5 / 3)
    assert figures["types"]["x"]["n_gram"] == 0.5


def test_measure_minimal_pairs_scores_without_an_end_token(tokenizer):
    seen = []

    def scorer(sequences):
        seen.extend(sequences)
        return by_length(sequences)

    measure_minimal_pairs([Pair("a", "b", "x")], tokenizer, scorer, {})
    assert seen == [[1, 8 + ord("a")], [1, 8 + ord("b")]]


def test_measure_minimal_pairs_of_identical_pairs_only(tokenizer):
    figures = measure_minimal_pairs([Pair("a", "a", "x")], tokenizer, by_length, {})
    assert figures == {"n": 0, "ties": 0, "identical_dropped": 1, "uneven_dropped": 0, "types": {}}


def test_measure_minimal_pairs_drops_pairs_beyond_max_token_difference(tokenizer):
    pairs = [Pair("a", "abc", "x"), Pair("ab", "a", "x")]
    figures = measure_minimal_pairs(pairs, tokenizer, by_length, {}, max_token_difference=1)
    assert (figures["n"], figures["uneven_dropped"], figures["mean"]) == (1, 1, 0)
    assert measure_minimal_pairs(pairs, tokenizer, by_length, {})["n"] == 2


def test_wilson_interval_of_known_shares():
    assert wilson_interval(81, 100) == pytest.approx((0.7222, 0.8749), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson_interval(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
