"""Means with clustered errors, against textbooks, a bootstrap and scipy."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from pipeline.statistics.intervals import (
    Estimate,
    correct_for_many,
    correlate_ranks,
    estimate_mean,
    t_quantile,
)


def draw(clusters=60, size=5, seed=0):
    """Values and clusters of items whose clusters vary as much as the items in them."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(clusters, 1)) + random.normal(size=(clusters, size))
    return values.ravel(), np.repeat(np.arange(clusters), size)


def test_items_alone_have_the_textbook_error():
    values, _ = draw()
    estimate = estimate_mean(values, np.arange(len(values)))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.error == pytest.approx(values.std(ddof=1) / math.sqrt(len(values)))
    assert (estimate.freedom, estimate.n, estimate.clusters) == (299, 300, 300)
    expected = ttest_1samp(values, 0)
    assert estimate.p_value() == pytest.approx(expected.pvalue)
    assert estimate.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_equal_items_of_a_cluster_tell_as_much_as_one():
    values = np.random.default_rng(1).normal(size=40)
    one = estimate_mean(values, np.arange(40))
    seven = estimate_mean(np.repeat(values, 7), np.repeat(np.arange(40), 7))
    assert seven.error == pytest.approx(one.error)
    assert seven.interval() == pytest.approx(one.interval())
    assert (seven.n, seven.clusters) == (280, 40)


def test_clusters_widen_the_interval():
    values, clusters = draw()
    assert estimate_mean(values, clusters).error > 1.5 * estimate_mean(values, np.arange(300)).error


def test_strata_count_alike_and_add_their_errors():
    random = np.random.default_rng(2)
    small, large = random.normal(5, 1, 20), random.normal(0, 3, 400)
    both = estimate_mean([*small, *large], np.arange(420), ["a"] * 20 + ["b"] * 400)
    assert both.value == pytest.approx((small.mean() + large.mean()) / 2)
    errors = [side.std(ddof=1) / math.sqrt(len(side)) / 2 for side in (small, large)]
    assert both.error == pytest.approx(math.hypot(*errors))
    assert both.freedom == 418


def test_weights_make_the_mean_that_of_all_bytes():
    bits, size = np.array([100.0, 900.0, 250.0]), np.array([100.0, 1000.0, 200.0])
    estimate = estimate_mean(bits / size, np.arange(3), weights=size)
    assert estimate.value == pytest.approx(bits.sum() / size.sum())
    repeated = estimate_mean([0.5, 0.5, 2], [0, 0, 1])  # a weight of 2 is an item twice
    assert estimate_mean([0.5, 2], [0, 1], weights=[2, 1]).error == pytest.approx(repeated.error)


def test_a_cluster_in_two_strata_is_one_of_each():
    assert estimate_mean([0, 1, 2, 3], [7, 8, 7, 8], ["a", "a", "b", "b"]).clusters == 4


def test_a_stratum_of_one_cluster_is_no_certainty():
    """Its items say the same, so they differ from the mean of all and not from their own."""
    values, strata = [0.0, 0, 0, 1, 0, 1], ["a", "a", "a", "b", "b", "b"]
    estimate = estimate_mean(values, [0, 0, 0, 1, 2, 3], strata)
    within_b = np.std([1, 0, 1], ddof=1) / math.sqrt(3) / 2
    assert estimate.error == pytest.approx(math.hypot((0 - 1 / 3) / 2, within_b))
    assert math.isnan(estimate_mean([0, 1], [0, 1], ["a", "b"]).error)


@pytest.mark.parametrize("stratified", [False, True])
def test_error_agrees_with_a_bootstrap_of_clusters(stratified):
    values, clusters = draw(clusters=120, size=4, seed=3)
    strata = (clusters % 2 if stratified else clusters * 0).astype(str)
    weights = np.random.default_rng(4).uniform(1, 3, len(values))
    random = np.random.default_rng(5)
    means = []
    for _ in range(2000):
        parts = []
        for stratum in np.unique(strata):
            names = np.unique(clusters[strata == stratum])
            drawn = random.choice(names, len(names)) * 4
            rows = (drawn[:, None] + np.arange(4)).ravel()  # items of cluster c: 4c to 4c + 3
            parts.append(np.average(values[rows], weights=weights[rows]))
        means.append(np.mean(parts))
    assert estimate_mean(values, clusters, strata, weights).error == pytest.approx(np.std(means), rel=0.05)


def test_one_cluster_tells_nothing():
    estimate = estimate_mean([0.2, 0.4], ["a", "a"])
    assert math.isnan(estimate.error)
    assert estimate.interval() == (-math.inf, math.inf)
    assert estimate.p_value() == 1
    low, high = estimate.share_interval()
    assert 0 <= low < 0.3 < high <= 1


@pytest.mark.parametrize(("clusters", "p"), [(2, 0.5), (3, 0.25), (6, 0.03125)])
def test_clusters_that_all_say_the_same_are_coins_that_fall_alike(clusters, p):
    assert estimate_mean(np.ones(clusters), np.arange(clusters)).p_value() == p
    assert estimate_mean(np.zeros(clusters), np.arange(clusters)).p_value() == 1


def test_rounding_is_no_error():
    assert estimate_mean([0.1] * 3 + [0.7] * 3, np.arange(6), list("aaabbb")).error == 0


@pytest.mark.parametrize("right", [0, 1, 30, 59, 60])
@pytest.mark.parametrize("size", [1, 6])
def test_share_interval_stays_within_bounds(right, size):
    values = np.repeat(np.arange(60) < right, size).astype(float)
    low, high = estimate_mean(values, np.repeat(np.arange(60), size)).share_interval()
    assert 0 <= low <= right / 60 <= high <= 1
    assert low < high


def test_share_interval_is_that_of_wilson_where_items_are_many():
    values = np.arange(1000) < 900
    low, high = estimate_mean(values, np.arange(1000)).share_interval()
    assert (low, high) == pytest.approx((0.8799, 0.9171), abs=2e-4)  # Wilson's, by hand


def test_t_quantile_of_tables():
    assert t_quantile(4) == pytest.approx(2.776, abs=1e-3)
    assert Estimate(1.0, 0.1, 4, 5, 5).interval() == pytest.approx((0.7224, 1.2776), abs=1e-4)


def test_holm_corrects_in_order():
    assert correct_for_many([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert correct_for_many([0.5, 0.9]) == [1, 1]
    assert correct_for_many([0.02]) == [0.02]
    assert correct_for_many([]) == []


def spearman(values, scores):
    return correlate_ranks(np.array(values), np.array(scores)).mean()


def test_spearman_of_ranks_with_ties():
    assert spearman([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 2, 3], [1, 3, 2, 4]) == pytest.approx(0.948683, abs=1e-6)
    assert spearman([7, 7, 7], [1, 2, 3]) == 0


def test_correlate_ranks_vary_as_the_correlation_does():
    random = np.random.default_rng(0)
    samples = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], (400, 100))
    values = [correlate_ranks(sample[:, 0], sample[:, 1]) for sample in samples]
    spread = np.std([each.mean() for each in values])
    assert np.mean([each.std() / 10 for each in values]) == pytest.approx(spread, rel=0.1)
