"""Means over items with their intervals, where items come in clusters.

Items made from one template are right or wrong together, so a cluster is the draw and not an item. The
standard error is that of Miller 2024 ("Adding error bars to evals", arXiv 2411.00640): it adds up what the
items of a cluster differ from the mean, and squares these sums. A stratum of a single cluster has no mean to
differ from, so it is compared with the mean of all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

LEVEL = 0.95  # of every interval
ROUNDING = 1e-12  # of the largest value: a smaller error is that of the arithmetic


@dataclass(frozen=True)
class Estimate:
    """A mean, and how far it may be off."""

    value: float
    error: float  # standard error; NaN where there are too few clusters to tell
    freedom: float  # degrees of freedom of the error
    n: int  # items
    clusters: int

    def interval(self) -> tuple[float, float]:
        """Return the bounds of the interval by Student's t; infinite where nothing is known."""
        if math.isnan(self.error):
            return -math.inf, math.inf
        half = t_quantile(self.freedom) * self.error
        return self.value - half, self.value + half

    def share_interval(self) -> tuple[float, float]:
        """Return the bounds of the interval of a share, which stay within 0 and 1 (Wilson 1927).

        The number of trials is that of independent ones with the same standard error. Where all items are
        equal there is none, and each cluster counts as one.
        """
        spread = self.value * (1 - self.value)
        trials = spread / self.error**2 if self.error > 0 and spread > 0 else self.clusters
        z = t_quantile(self.freedom) if self.freedom > 0 else t_quantile(1)
        scale = 1 + z * z / trials
        center = (self.value + z * z / (2 * trials)) / scale
        half = z / scale * math.sqrt(spread / trials + z * z / (4 * trials * trials))
        return max(0.0, center - half), min(1.0, center + half)

    def p_value(self) -> float:
        """Return the two-sided p of a mean as far from 0 as this one, were it 0; 1 where nothing is known.

        Where all clusters say the same, it is that of as many coins that fall alike.
        """
        if self.value == 0 or math.isnan(self.error):
            return 1.0
        if self.error == 0:
            return min(1.0, 2.0 * 0.5**self.clusters)
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.error))


def t_quantile(freedom: float) -> float:
    """Return the standard errors to either side of a mean that its interval spans."""
    return float(stdtrit(freedom, 0.5 + LEVEL / 2))


def estimate_mean(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[str] | np.ndarray,
    strata: Sequence[str] | np.ndarray | None = None,
    weights: Sequence[float] | np.ndarray | None = None,
) -> Estimate:
    """Estimate the weighted mean of `values` [items], at least one, in `clusters` [items].

    With `strata` [items] it is the mean of the strata's means: each counts alike, however many items it has.
    """
    values_N = np.asarray(values, dtype=np.float64)
    weights_N = np.ones(len(values_N)) if weights is None else np.asarray(weights, dtype=np.float64)
    strata_N = _number(np.zeros(len(values_N)) if strata is None else strata)
    count = int(strata_N.max()) + 1
    totals_S = np.bincount(strata_N, weights_N)
    means_S = np.bincount(strata_N, weights_N * values_N) / totals_S
    pairs_N = _number(_number(clusters) * count + strata_N)  # a cluster within its stratum
    strata_C = np.zeros(int(pairs_N.max()) + 1, dtype=np.int64)
    strata_C[pairs_N] = strata_N
    clusters_S = np.bincount(strata_C)
    # What each item moves the mean by, next to an item that has the mean of its stratum.
    centers_S = np.where(clusters_S > 1, means_S, means_S.mean())
    pulls_N = weights_N / totals_S[strata_N] * (values_N - centers_S[strata_N]) / count
    pulls_C = np.bincount(pairs_N, pulls_N)
    factors_S = clusters_S / np.maximum(clusters_S - 1, 1)
    drawn, freedom = len(pulls_C), len(pulls_C) - count
    error = math.sqrt(float((factors_S[strata_C] * pulls_C**2).sum())) if freedom > 0 else math.nan
    if error < ROUNDING * np.abs(values_N).max():
        error = 0.0
    return Estimate(float(means_S.mean()), error, freedom, len(values_N), drawn)


def _number(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the number of each name among the different ones."""
    return np.unique(np.asarray(names), return_inverse=True)[1]


def correlate_ranks(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return numbers [N] whose mean is the correlation of two lists' ranks (Spearman 1904).

    Each is the correlation and what its item pulls it by, so the error of their mean is the correlation's.
    All are 0 where a list has equal values alone.
    """
    from scipy.stats import rankdata  # takes a second

    ranks = [rankdata(side) for side in (values, others)]
    if min(np.ptp(side) for side in ranks) == 0:
        return np.zeros(len(values))
    first, second = ((side - side.mean()) / side.std() for side in ranks)
    correlation = (first * second).mean()
    return correlation + first * second - correlation / 2 * (first**2 + second**2)


def correct_for_many(p_values: Sequence[float]) -> list[float]:
    """Return the p values of several questions asked at once, each corrected for the others (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    factors = len(p_values) - np.arange(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p_values)[order]))
    return corrected.tolist()
