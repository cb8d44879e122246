from collections import Counter

import numpy as np
import pytest

from pipeline.eval_sets.readers import Pair
from pipeline.evaluation.minimal_pairs import find_cue, measure_minimal_pairs
from pipeline.evaluation.word_frequency import WordFrequency

WORDS = WordFrequency(Counter({"ab": 3, "abc": 1}))


def by_length(sequences):
    """Prefers the shorter sentence: a bit a token, but for `<s>`."""
    return np.array([len(ids) - 1.0 for ids in sequences])


def measure(pairs, tokenizer, scorers=None, **more):
    scorers = scorers or {"base": by_length, "kneser_ney_5": lambda s: -by_length(s)}
    return measure_minimal_pairs(pairs, tokenizer, scorers, WORDS, **more)


PAIRS = [
    Pair("ab", "abc", "x"),
    Pair("abc", "ab", "x"),
    Pair("a", "ab", "y.z"),
    Pair("same", "same", "y.z"),
    Pair("ab", "cd", "w"),
]


def test_measure_minimal_pairs_by_type_with_ties_wrong_and_identical_pairs_dropped(tokenizer):
    figures, items = measure(PAIRS, tokenizer)
    assert {kind: each["accuracy"] for kind, each in figures["types"].items()} == {"w": 0, "x": 0.5, "y_z": 1}
    assert {kind: each["n"] for kind, each in figures["types"].items()} == {"w": 1, "x": 2, "y_z": 1}
    assert (figures["n"], figures["ties"], figures["identical_dropped"]) == (4, 1, 1)
    assert (figures["mean"], figures["chance"]) == (0.5, 0.5)
    assert figures["kneser_ney_5"] == pytest.approx(0.5 / 3)
    assert figures["types"]["x"]["kneser_ney_5"] == 0.5
    assert items.scores["base"].tolist() == [1, -1, 1, 0]
    assert items.right["base"].tolist() == [True, False, True, False]


def test_measure_minimal_pairs_has_what_tells_the_sides_apart_without_grammar(tokenizer):
    figures, _ = measure(PAIRS, tokenizer)
    # ab is commoner than abc, and abc than nothing; a and ab, ab and cd: the one that was read is commoner.
    assert {kind: each["word_frequency"] for kind, each in figures["types"].items()} == {
        "w": 1, "x": 0.5, "y_z": 0,
    }  # fmt: skip
    assert {kind: each["shorter"] for kind, each in figures["types"].items()} == {"w": 0, "x": 0.5, "y_z": 1}
    # By the token all sentences cost alike: ties everywhere.
    assert figures["per_token"] == 0


def test_measure_minimal_pairs_has_subsets_of_types(tokenizer):
    figures, _ = measure(PAIRS, tokenizer, subsets={"two": ["x", "y.z"], "none": ["other"]})
    assert figures["subsets"]["two"]["mean"] == 0.75
    assert figures["subsets"]["two"]["n"] == 3
    assert "none" not in figures["subsets"]


def test_pairs_of_one_template_widen_the_interval(tokenizer):
    names = ["Ali", "Ayşe", "Can", "Ece", "Efe", "Ela", "Nil", "Oya"]
    same = [Pair(f"{name} eve gitti", f"{name} evde gitti", "x") for name in names]
    others = [Pair(f"{name} ona kızdı", f"{name} o kızdı", "x") for name in names]
    figures, _ = measure([*same, *others], tokenizer)
    assert (figures["n"], figures["clusters"], figures["clusters_by_cue"]) == (16, 16, 2)
    assert figures["high_by_cue"] - figures["low_by_cue"] > figures["high"] - figures["low"]


def test_find_cue_is_that_of_the_row_or_what_differs():
    assert find_cue(Pair("Ali eve gitti.", "Ali evde gitti!", "x")) == "eve | evde"
    assert find_cue(Pair("Ali gitti", "Ali dün gitti", "x")) == "| dün"
    assert find_cue(Pair("Ali gitti", "Ali gittin", "x", "∅ Siz, gittin")) == "siz gittin"


def test_measure_minimal_pairs_scores_without_an_end_token(tokenizer):
    seen = []

    def scorer(sequences):
        seen.extend(sequences)
        return by_length(sequences)

    measure([Pair("a", "b", "x")], tokenizer, {"base": scorer})
    assert seen == [[1, 8 + ord("a")], [1, 8 + ord("b")]]


def test_measure_minimal_pairs_of_identical_pairs_only(tokenizer):
    figures, items = measure([Pair("a", "a", "x")], tokenizer)
    assert figures == {"n": 0, "identical_dropped": 1, "uneven_dropped": 0, "types": {}}
    assert len(items.keys) == 0


def test_measure_minimal_pairs_drops_pairs_beyond_max_token_difference(tokenizer):
    pairs = [Pair("a", "abc", "x"), Pair("ab", "a", "x")]
    figures, _ = measure(pairs, tokenizer, max_token_difference=1)
    assert (figures["n"], figures["uneven_dropped"], figures["mean"]) == (1, 1, 0)
    assert measure(pairs, tokenizer).figures["n"] == 2
