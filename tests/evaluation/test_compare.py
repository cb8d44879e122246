"""Differences of runs, on made-up items with known answers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr, ttest_ind

from pipeline.common.errors import UserError
from pipeline.evaluation.compare import (
    Comparison,
    Key,
    Line,
    compare_runs,
    correct_lines,
    read_run,
    subtract,
)
from pipeline.evaluation.items import Items, read_items, write_items
from pipeline.statistics.intervals import Estimate, correlate_ranks, estimate_mean


@pytest.fixture
def make_run(tmp_path):
    """A run whose items are written to a file and read again."""

    def make(tasks, versions=None, subsets=None):
        write_items(tmp_path / "items.parquet", tasks, versions or {}, subsets or {})
        return read_run(*read_items(tmp_path / "items.parquet", "items"))

    return make


def pairs(right, clusters=None, strata=(), keys=None, model="base"):
    """Items that are right or wrong."""
    right = np.asarray(right, dtype=bool)
    keys = np.arange(len(right)) if keys is None else np.asarray(keys)
    clusters = np.arange(len(right)) if clusters is None else clusters
    return Items(keys, clusters, strata, scores={model: right.astype(float)}, right={model: right})


def texts(bits, weights=None, keys=None, model="base"):
    """Texts with bits per byte."""
    bits = np.asarray(bits, dtype=float)
    keys = np.arange(len(bits)) if keys is None else np.asarray(keys)
    return Items(keys, keys, weights=weights, scores={model: bits})


def only_line(comparison: Comparison) -> Line:
    (line,) = comparison.lines
    return line


def test_paired_items_are_those_of_the_mean_of_their_differences(make_run):
    random = np.random.default_rng(0)
    a = random.uniform(0.5, 3, 200).astype(np.float32)
    b = (a - 0.02 + random.normal(0, 0.02, 200)).astype(np.float32)
    order = random.permutation(200)
    runs = (
        make_run({"bits_per_byte.val": texts(a)}),
        make_run({"bits_per_byte.val": texts(b[order], keys=order)}),
    )
    line = only_line(compare_runs(runs[:1], runs[1:]))
    expected = estimate_mean(b.astype(float) - a, np.arange(200))
    assert line.paired
    assert line.lower_is_better
    assert line.difference.value == pytest.approx(expected.value)
    assert line.difference.error == pytest.approx(expected.error)
    assert line.verdict == "differ"
    assert [side.value for side in line.sides] == pytest.approx([a.mean(), b.mean()])


def test_paired_beats_unpaired_where_items_vary(make_run):
    random = np.random.default_rng(1)
    a = random.uniform(0.5, 3, 200)
    b = a - 0.02 + random.normal(0, 0.02, 200)
    run, same, other = (
        make_run({"bits_per_byte.val": texts(values, keys=keys)})
        for values, keys in ((a, None), (b, None), (b, np.arange(200) + 1))
    )
    paired, unpaired = (only_line(compare_runs([run], [side])) for side in (same, other))
    assert (paired.paired, unpaired.paired) == (True, False)
    assert unpaired.difference.value == pytest.approx(paired.difference.value)
    assert unpaired.difference.error > 20 * paired.difference.error
    assert (paired.verdict, unpaired.verdict) == ("differ", "no difference")
    expected = ttest_ind(b, a, equal_var=False)
    assert unpaired.p_value == pytest.approx(expected.pvalue, abs=1e-4)


def test_items_of_one_hash_are_paired_in_their_order(make_run):
    a = make_run({"choice.x": pairs([1, 0, 1, 1], keys=[7, 7, 5, 7])})
    b = make_run({"choice.x": pairs([1, 1, 0, 1], keys=[5, 7, 7, 7])})
    line = only_line(compare_runs([a], [b]))
    assert line.paired
    assert line.difference.value == 0
    assert line.difference.error == 0


def test_clusters_widen_the_interval(make_run):
    random = np.random.default_rng(2)
    clusters = np.repeat(np.arange(30), 10)
    a = random.random(30)[clusters] < 0.5
    b = random.random(30)[clusters] < 0.6
    lines = []
    for groups in (None, clusters):
        runs = [make_run({"choice.x": pairs(right, groups)}) for right in (a, b)]
        lines.append(only_line(compare_runs(runs[:1], runs[1:])))
    alone, clustered = lines
    assert clustered.difference.value == alone.difference.value
    assert clustered.difference.error > 3 * alone.difference.error
    assert clustered.difference.clusters == 30


def test_strata_of_minimal_pairs_count_alike_and_a_subset_has_a_line(make_run):
    strata = ["easy"] * 30 + ["hard"] * 10
    a, b = [1] * 20 + [0] * 20, [1] * 26 + [0] * 8 + [1] * 6
    tasks = [
        {"minimal_pairs.t": pairs(right, strata=strata), "choice.t": pairs(right, strata=strata)}
        for right in (a, b)
    ]
    runs = [make_run(task, subsets={"minimal_pairs.t": {"few": ["hard"]}}) for task in tasks]
    lines = {line.key: line for line in compare_runs(runs[:1], runs[1:]).lines}
    assert list(lines) == [
        Key("minimal_pairs.t", "", "base"),
        Key("minimal_pairs.t", "few", "base"),
        Key("choice.t", "", "base"),
    ]
    whole, few, plain = lines.values()
    assert [side.value for side in whole.sides] == pytest.approx([20 / 30 / 2, (26 / 30 + 0.6) / 2])
    assert [side.value for side in few.sides] == pytest.approx([0, 0.6])
    assert [side.value for side in plain.sides] == pytest.approx([0.5, 0.8])
    assert few.key.label == "minimal_pairs.t (few)"
    assert few.sides[0].n == 10


def test_bits_are_weighted_and_right_ones_are_not(make_run):
    run = make_run({"second_halves.x": texts([1, 2], np.array([30, 10]))})
    assert only_line(compare_runs([run], [run])).sides[0].value == 1.25


def test_similarity_is_spearmans_correlation_with_its_error(make_run):
    random = np.random.default_rng(3)
    people = random.integers(0, 6, 300).astype(float)
    good, poor = people + random.normal(0, 1, 300), people + random.normal(0, 4, 300)
    keys = random.permutation(300)
    runs = [
        make_run({"similarity.sts": Items(keys, keys, scores={"encoder": scores, "people": people})})
        for scores in (good, poor)
    ]
    line = only_line(compare_runs(runs[:1], runs[1:]))
    found = [side.value for side in line.sides]
    assert found == pytest.approx([spearmanr(scores, people).statistic for scores in (good, poor)], abs=1e-6)
    draws = []
    for _ in range(500):
        rows = random.integers(0, 300, 300)
        draws.append(np.subtract(*(spearmanr(s[rows], people[rows]).statistic for s in (poor, good))))
    assert line.difference.error == pytest.approx(np.std(draws), rel=0.12)
    assert line.verdict == "differ"
    assert correlate_ranks(np.ones(3), np.arange(3)).tolist() == [0, 0, 0]


def test_runs_of_a_side_are_averaged_by_item(make_run):
    one, two, three = (
        make_run({"choice.x": pairs(right)}) for right in ([1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 0])
    )
    line = only_line(compare_runs([one, two], [three]))
    assert line.paired
    assert [side.value for side in line.sides] == [0.625, 0.75]
    assert line.difference.error == pytest.approx(np.std([0, 0.5, 1, -1], ddof=1) / 2)


def test_runs_of_a_side_on_several_sets_of_items_are_put_together(make_run):
    one, two = (make_run({"choice.x": pairs([1, 0, 0, 1], keys=np.arange(4) + i)}) for i in range(2))
    line = only_line(compare_runs([one, two], [one]))
    assert not line.paired
    assert (line.sides[0].n, line.sides[1].n) == (8, 4)
    assert line.difference.value == 0


def test_three_runs_of_each_are_compared_by_welch(make_run):
    a, b = [0.500, 0.540, 0.520], [0.580, 0.600, 0.620]
    sides = [
        [make_run({"choice.x": pairs(np.arange(1000) < 1000 * share)}) for share in shares]
        for shares in (a, b)
    ]
    comparison = compare_runs(*sides)
    line = only_line(comparison)
    expected = ttest_ind(b, a, equal_var=False)
    assert comparison.by_run
    assert line.difference.value == pytest.approx(0.08)
    assert line.difference.error == pytest.approx(0.02 * math.sqrt(2 / 3))  # both have a deviation of 0.02
    assert line.difference.freedom == pytest.approx(4)
    assert line.p_value == pytest.approx(expected.pvalue)
    assert line.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert line.verdict == "differ"
    assert (line.sides[0].n, line.sides[1].n) == (3, 3)
    assert not compare_runs(sides[0], sides[1][:2]).by_run


def test_subtract_has_the_freedom_of_welch():
    a, b = [1.0, 2.0, 4.0, 7.0], [10.0, 10.5, 9.5]
    estimates = [estimate_mean(values, np.arange(len(values))) for values in (a, b)]
    difference = subtract(*reversed(estimates))
    expected = ttest_ind(b, a, equal_var=False)
    assert difference.freedom == pytest.approx(expected.df)
    assert difference.p_value() == pytest.approx(expected.pvalue)


def test_holm_is_over_the_lines_that_have_a_p():
    def line(z, freedom=10_000):
        return Line(Key("a", "", "base"), ([1], [1]), (None, None), Estimate(z, 1.0, freedom, 9, 9))

    lines = correct_lines([line(2.0), replace(line(0), difference=None, sides=None), line(-3.0), line(2.2)])
    p = [0.0455, 0.0027, 0.0278]
    assert [lines[i].corrected for i in (0, 2, 3)] == pytest.approx([2 * p[2], 3 * p[1], 2 * p[2]], abs=3e-4)
    assert [one.verdict for one in lines] == ["no difference", "not compared", "differ", "no difference"]


def test_other_versions_are_not_compared_and_the_others_are(make_run):
    tasks = {"choice.x": pairs([1, 0, 1]), "choice.y": pairs([1, 0, 1])}
    a, b = (make_run(tasks, {"choice.x": version}) for version in (1, 2))
    x, y = compare_runs([a], [b]).lines
    assert (x.verdict, x.versions, x.p_value, x.interval) == ("not compared", ([1], [2]), None, None)
    assert (y.verdict, y.corrected) == ("no difference", 1)
    x, y = compare_runs([a, b], [a, b]).lines
    assert (x.verdict, x.versions) == ("not compared", ([1, 2], [1, 2]))


def test_tasks_of_one_side_and_baselines_have_no_line(make_run):
    a = make_run({"choice.x": pairs([1, 0]), "choice.y": pairs([1, 0])})
    b = make_run(
        {"choice.x": pairs([1, 0]), "choice.z": pairs([1, 0]), "choice.n": pairs([1], model="bigram")}
    )
    comparison = compare_runs([a], [b])
    assert only_line(comparison).key == Key("choice.x", "", "base")
    assert comparison.missing == ([Key("choice.z", "", "base")], [Key("choice.y", "", "base")])


def test_no_common_task_is_an_error(make_run):
    a, b = make_run({"choice.x": pairs([1, 0])}), make_run({"choice.y": pairs([1, 0])})
    with pytest.raises(UserError, match=r"no task in common \(A: choice\.x; B: choice\.y\)"):
        compare_runs([a], [b])
    with pytest.raises(UserError, match=r"B: none\)"):
        compare_runs([a], [make_run({})])


def test_too_few_items_are_said_to_be_too_few(make_run):
    one = [make_run({"choice.x": pairs(right, clusters=[1, 1])}) for right in ([1, 0], [1, 1])]
    line = only_line(compare_runs(one[:1], one[1:]))
    assert (line.verdict, line.p_value, line.interval) == ("too few to tell", None, None)
    two = [make_run({"choice.x": pairs(right)}) for right in ([0, 0, 0], [1, 1, 1])]
    line = only_line(compare_runs(two[:1], two[1:]))
    assert (line.verdict, line.p_value, line.interval) == ("no difference", 0.25, None)


items = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),  # hashes, some of them equal
        st.lists(st.integers(0, 4), min_size=n, max_size=n),  # clusters
        st.lists(st.sampled_from("ab"), min_size=n, max_size=n),
        st.lists(st.floats(-9, 9, width=32), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.floats(1, 9, width=32), min_size=n, max_size=n),
    )
)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(items, st.integers(1, 4), st.integers(1, 4))
def test_a_run_with_itself_never_differs(tmp_path_factory, made, times_a, times_b):
    keys, clusters, strata, scores, right, weights = made
    columns = np.array(keys), np.array(clusters), strata, np.array(weights)
    both = {"base": np.array(scores), "people": np.array(weights)}
    tasks = {
        "minimal_pairs.x": Items(*columns[:3], scores=both, right={"base": np.array(right)}),
        "bits_per_byte.x": Items(*columns, scores=both),
        "similarity.x": Items(*columns, scores=both),
    }
    path = tmp_path_factory.mktemp("run") / "items.parquet"
    write_items(path, tasks, {}, {"minimal_pairs.x": {"b": ["b"]}})
    run = read_run(*read_items(path, "items"))
    comparison = compare_runs([run] * times_a, [run] * times_b)
    assert len(comparison.lines) == 3 + ("b" in strata)
    for line in comparison.lines:
        assert (line.verdict, line.corrected) == ("no difference", 1)
        assert line.difference.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("runs", [1, 3])
def test_runs_of_one_recipe_rarely_differ(make_run, runs):
    """Before correction, at most a tenth of the lines; the p of one line is below 0.05 in a twentieth."""
    random = np.random.default_rng(7)
    clusters = np.repeat(np.arange(40), 5)
    low = total = 0
    for _ in range(20):
        tasks = [{} for _ in range(2 * runs)]
        for name in "abcdefgh":
            chance = random.beta(2, 2, 40)[clusters]  # of a cluster, to be right
            for run in tasks:
                seed = random.normal(0, 0.05) if runs > 1 else 0  # a run draws its models anew
                run[f"choice.{name}"] = pairs(random.random(200) < chance + seed, clusters)
        made = [make_run(run) for run in tasks]
        p_values = [line.p_value for line in compare_runs(made[:runs], made[runs:]).lines]
        low += sum(p < 0.05 for p in p_values)
        total += len(p_values)
    assert total == 160
    assert 0 < low <= total / 10
