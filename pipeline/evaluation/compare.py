"""Differences between the runs of two sides, from what their models scored on each item.

With few runs a side, the items are compared, and the answer is about these models. From three of each, the
runs' figures are, and the answer is about the recipes, as each seed has drawn its model anew.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.evaluation.items import PEOPLE
from pipeline.statistics.intervals import LEVEL, Estimate, correct_for_many, correlate_ranks, estimate_mean

MODELS = ("base", "sft", "dense", "hybrid", "encoder", "quote")  # the trained ones; others are baselines
LEAST_RUNS = 3  # of each side, to tell recipes apart
ROUNDING = 1e-9  # relative: scores that are nearer to each other are equal (items files have 24 bits)
LOWER_IS_BETTER = ("bits_per_byte.", "second_halves.")  # beginnings of tasks


class Key(NamedTuple):
    """What a line is about."""

    task: str
    subset: str  # of the task's strata; empty: all
    model: str

    @property
    def label(self) -> str:
        """The task, with its subset in brackets."""
        return f"{self.task} ({self.subset})" if self.subset else self.task


@dataclass(frozen=True)
class Scores:
    """What a model of one run scored, by item."""

    version: int
    items: np.ndarray  # int64 [items], hashes; in their order
    clusters: np.ndarray  # int64 [items]
    strata: np.ndarray  # [items]
    weights: np.ndarray  # [items]
    values: np.ndarray  # float64 [items], whose weighted mean is the figure

    def estimate(self) -> Estimate:
        """Return the figure with its error."""
        return estimate_mean(self.values, self.clusters, self.strata, self.weights)

    def has_items_of(self, other: "Scores") -> bool:
        """Return true if both were scored on the same items."""
        return np.array_equal(self.items, other.items) and np.array_equal(self.weights, other.weights)


Run = Mapping[Key, Scores]


@dataclass(frozen=True)
class Line:
    """The difference of two sides in one figure."""

    key: Key
    versions: tuple[list[int], list[int]]  # of the task, on either side
    sides: tuple[Estimate, Estimate] | None = None  # none: of several versions, so not compared
    difference: Estimate | None = None
    paired: bool = False  # by item
    corrected: float | None = None  # p, for the number of lines

    @property
    def p_value(self) -> float | None:
        """The p of the difference; none where there are too few items to tell."""
        if self.difference is None or (self.difference.value != 0 and not self.difference.error >= 0):
            return None
        return self.difference.p_value()

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the difference; none where there are too few items to tell."""
        p_value = self.p_value
        if self.difference is None or p_value is None or math.isnan(self.difference.error):
            return None
        if self.difference.error == 0 and self.difference.value != 0 and p_value >= 1 - LEVEL:
            return None
        return self.difference.interval()

    @property
    def verdict(self) -> str:
        """What the line says, in a word or two."""
        if self.difference is None:
            return "not compared"
        if self.corrected is None:
            return "too few to tell"
        return "differ" if self.corrected < 1 - LEVEL else "no difference"

    @property
    def lower_is_better(self) -> bool:
        """True if less is better in this task."""
        return self.key.task.startswith(LOWER_IS_BETTER)


@dataclass(frozen=True)
class Comparison:
    """The lines that both sides have, and the keys that a run of a side lacks."""

    lines: list[Line]
    missing: tuple[list[Key], list[Key]]
    by_run: bool  # the runs' figures are compared, and not the items


def read_run(table: pa.Table, subsets: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[Key, Scores]:
    """Return the scores of a run's trained models from its items file (`items.read_items`)."""
    run = {}
    for task in pc.unique(table["task"]).to_pylist():
        rows = table.filter(pc.field("task") == task)
        cuts = {"": rows}
        for subset, strata in subsets.get(task, {}).items():
            cuts[subset] = rows.filter(pc.field("stratum").isin(list(strata)))
        for subset, cut in cuts.items():
            people = cut.filter(pc.field("model") == PEOPLE)
            for model in MODELS:
                own = cut.filter(pc.field("model") == model)
                if own.num_rows:
                    run[Key(task, subset, model)] = _score_items(task, own, people)
    return run


def _score_items(task: str, rows: pa.Table, people: pa.Table) -> Scores:
    """Return the scores of a model from its rows, sorted by item. Items of one hash keep their order."""
    columns = {name: rows[name].to_numpy() for name in ("item", "cluster", "score", "weight", "stratum")}
    if task.startswith("similarity."):
        values = correlate_ranks(columns["score"], people["score"].to_numpy())
        weights = np.ones(len(values))
    elif rows["right"].null_count:
        values, weights = columns["score"].astype(np.float64), columns["weight"].astype(np.float64)
    else:
        values = rows["right"].to_numpy(zero_copy_only=False).astype(np.float64)
        weights = np.ones(len(values))
    alike = task.startswith("minimal_pairs.")
    strata = columns["stratum"].astype(str) if alike else np.zeros(len(values), dtype=np.int64)
    order = np.argsort(columns["item"], kind="stable")
    return Scores(
        rows["version"][0].as_py(),
        columns["item"][order],
        columns["cluster"][order],
        strata[order],
        weights[order],
        values[order],
    )


def compare_runs(side_a: Sequence[Run], side_b: Sequence[Run]) -> Comparison:
    """Compare the runs of two sides in every figure that all of them have.

    Raises UserError where there is none.
    """
    runs = [*side_a, *side_b]
    keys = list(dict.fromkeys(key for run in runs for key in run))
    common = [key for key in keys if all(key in run for run in runs)]
    if not common:
        has_a, has_b = (
            ", ".join(name_tasks(key for run in side for key in run)) for side in (side_a, side_b)
        )
        raise UserError(
            "A and B: no task in common (A: {tasks_a}; B: {tasks_b}); compare runs with the same eval.tasks",
            tasks_a=has_a or Translatable("none"),
            tasks_b=has_b or Translatable("none"),
        )
    by_run = min(len(side_a), len(side_b)) >= LEAST_RUNS
    lines = [
        compare_scores(key, [run[key] for run in side_a], [run[key] for run in side_b], by_run)
        for key in common
    ]
    missing_a, missing_b = ([key for key in keys if any(key not in run for run in side)]
                            for side in (side_a, side_b))  # fmt: skip
    return Comparison(correct_lines(lines), (missing_a, missing_b), by_run)


def name_tasks(keys: Iterable[Key]) -> list[str]:
    """Return the tasks of keys, each once."""
    return list(dict.fromkeys(key.task for key in keys))


def compare_scores(key: Key, side_a: Sequence[Scores], side_b: Sequence[Scores], by_run: bool) -> Line:
    """Compare two sides in one figure, `by_run` or by item."""
    versions_a, versions_b = (sorted({scores.version for scores in side}) for side in (side_a, side_b))
    if versions_a != versions_b or len(versions_a) > 1:
        return Line(key, (versions_a, versions_b))
    if by_run:
        estimates_a, estimates_b = (
            estimate_mean([scores.estimate().value for scores in side], np.arange(len(side)))
            for side in (side_a, side_b)
        )
        difference, paired = subtract(estimates_b, estimates_a), False
    else:
        a, b = merge_runs(side_a), merge_runs(side_b)
        estimates_a, estimates_b = a.estimate(), b.estimate()
        paired = a.has_items_of(b)
        if paired:
            equal = np.isclose(a.values, b.values, rtol=ROUNDING, atol=0)
            difference = replace(b, values=np.where(equal, 0, b.values - a.values)).estimate()
        else:
            difference = subtract(estimates_b, estimates_a)
    return Line(key, (versions_a, versions_b), (estimates_a, estimates_b), difference, paired)


def merge_runs(runs: Sequence[Scores]) -> Scores:
    """Return the mean scores of runs on the same items; of runs on several, the items of all."""
    first = runs[0]
    if all(run.has_items_of(first) for run in runs):
        return replace(first, values=np.mean([run.values for run in runs], axis=0))
    columns = {
        name: np.concatenate([getattr(run, name) for run in runs])
        for name in ("items", "clusters", "strata", "weights", "values")
    }
    return Scores(first.version, **columns)


def subtract(minuend: Estimate, subtrahend: Estimate) -> Estimate:
    """Return the difference of independent estimates, by Welch 1947."""
    squares = [side.error**2 for side in (minuend, subtrahend)]
    freedoms = [side.freedom for side in (minuend, subtrahend)]
    total = sum(squares)
    freedom = min(freedoms)
    if total > 0 and freedom > 0:
        shares = (square**2 / own for square, own in zip(squares, freedoms, strict=True))
        freedom = total**2 / sum(shares)
    equal = math.isclose(minuend.value, subtrahend.value, rel_tol=ROUNDING)
    return Estimate(
        0.0 if equal else minuend.value - subtrahend.value,
        math.sqrt(total),
        freedom,
        min(minuend.n, subtrahend.n),
        min(minuend.clusters, subtrahend.clusters),
    )


def correct_lines(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with their p corrected for the number of those that have one."""
    p_values = [p for line in lines if (p := line.p_value) is not None]
    corrected = iter(correct_for_many(p_values))
    return [line if line.p_value is None else replace(line, corrected=next(corrected)) for line in lines]
