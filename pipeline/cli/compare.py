"""`tezgah compare`: in which figures do two runs differ, by more than chance?"""

import json
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.graph import run_git
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, join_texts, translate, translate_table
from pipeline.common.paths import REPORTS
from pipeline.evaluation.compare import LEAST_RUNS, Comparison, Key, Line, Run, compare_runs, read_run
from pipeline.evaluation.items import read_items

ITEMS_FILE = REPORTS / "evaluate/items.parquet"
WORKSPACE = "workspace"
PIPED_WIDTH = 1000  # characters: nothing is cut
LEAST_P = 0.001  # that is told


def run_compare(side_a: str, side_b: str, as_json: bool) -> None:
    """Print how the runs of two sides differ, for people or as lines of JSON.

    A side names one run or several, separated by commas. Raises UserError for a run that is not there or
    cannot be read, and for sides without a task in common.
    """
    comparison = compare_runs(read_side(side_a), read_side(side_b))
    if as_json:
        for line in comparison.lines:
            print(json.dumps(describe_line(line, comparison.by_run), ensure_ascii=False))
        return
    width = None if Console().is_terminal else PIPED_WIDTH
    Console(emoji=False, width=width).print(translate_table(comparison_table(comparison)))
    print(f"A: {side_a}; B: {side_b}")
    for sentence in explain_comparison(comparison):
        print(translate(sentence))


def read_side(names: str) -> list[Run]:
    """Return the runs that an argument names. Raises UserError where two of them are the same."""
    tables: dict[str, pa.Table] = {}
    runs: list[Run] = []
    for name in names.split(","):
        source, where = find_items(name.strip())
        table, subsets = read_items(source, where)
        for other, its_table in tables.items():
            if table.equals(its_table):
                raise UserError(
                    "{name}: has the scores of {other}; name runs of different seeds", name=name, other=other
                )
        tables[name] = table
        runs.append(read_run(table, subsets))
    return runs


def find_items(name: str) -> tuple[Any, str]:
    """Return the items file of a run, as a path or a buffer, and what to call it.

    The run is the workspace, a file, a folder that holds one, a git revision or a DVC experiment. Raises
    UserError where it is none of them, and where it has no items.
    """
    path = ITEMS_FILE if name == WORKSPACE else Path(name)
    if name:
        for file in (path, path / ITEMS_FILE.name, path / ITEMS_FILE):
            if file.is_file():
                return file, str(file)
    if name == WORKSPACE:
        raise UserError("{items_file}: no such file; run `dvc repro evaluate`", items_file=ITEMS_FILE)
    commit = find_commit(name)
    if commit:
        content = read_from_git(commit)
        if content is None:
            raise UserError(
                "{name}: no {items_file} in this revision; run `dvc repro evaluate` there",
                name=name,
                items_file=ITEMS_FILE,
            )
        return pa.BufferReader(content), f"{name}: {ITEMS_FILE}"
    if name and path.is_dir():
        raise UserError(
            "{name}: no {items_file} in this folder; name one that `evaluate` has written to",
            name=name,
            items_file=ITEMS_FILE.name,
        )
    raise UserError(
        "'{name}': no such revision, experiment, folder or file; `dvc exp list` shows experiments", name=name
    )


def find_commit(name: str) -> str | None:
    """Return the commit of a git revision or of a DVC experiment. Raises UserError for one of several."""
    if not name:
        return None
    if commit := run_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"):
        return commit[0]
    commits = run_git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}")
    if len(commits) > 1:
        raise UserError(
            "{name}: {count} experiments have this name; name a revision: {commit}",
            name=name,
            count=len(commits),
            commit=commits[0],
        )
    return commits[0] if commits else None


def read_from_git(commit: str) -> bytes | None:
    """Return the items file of a commit, or None."""
    command = ["git", "cat-file", "blob", f"{commit}:./{ITEMS_FILE.as_posix()}"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def comparison_table(comparison: Comparison) -> Table:
    """Return a table with a row for each figure."""
    table = Table("task", "model", "A", "B", "B - A", "95 % interval", "p", "verdict")
    table.columns[0].overflow = "fold"
    for column in table.columns[2:7]:
        column.justify, column.no_wrap = "right", True
    table.add_column("runs" if comparison.by_run else "n", justify="right")
    if not comparison.by_run:
        table.add_column("clusters", justify="right")
    for line in comparison.lines:
        cells = [""] * 5
        counts = [""] * 2
        if line.sides and line.difference:
            cells = [
                *(format_number(side.value, ".4f") for side in line.sides),
                format_number(line.difference.value, "+.4f"),
                join_texts(" … ", (format_number(bound, "+.4f") for bound in line.interval or ())),
                "" if line.corrected is None else format_p(line.corrected),
            ]
            ours = line.sides[:1] if line.paired else line.sides
            counts = [
                join_texts(" + ", (format_number(getattr(side, name)) for side in ours))
                for name in ("n", "clusters")
            ]
        row = [
            escape(line.key.label),
            line.key.model,
            *cells,
            describe_verdict(line, comparison.by_run),
            *counts,
        ]
        table.add_row(*row[: len(table.columns)])
    return table


def format_p(value: float) -> str:
    """Return a p as text, with three digits after the point."""
    return format_number(value, ".3f") if value >= LEAST_P else Translatable("<{p:.3f}", p=LEAST_P)


def describe_verdict(line: Line, by_run: bool) -> str:
    """Return what a line says, and what is special about it."""
    verdict = Translatable(line.verdict)
    if line.difference is None:
        a, b = (", ".join(map(str, versions)) for versions in line.versions)
        return Translatable("{verdict}: versions {a} and {b}", verdict=verdict, a=a, b=b)
    if line.paired or by_run:
        return verdict
    return Translatable("{verdict}, unpaired", verdict=verdict)


def explain_comparison(comparison: Comparison) -> list[str]:
    """Return the sentences below the table: what differs, and how to read it."""
    compared = [line for line in comparison.lines if line.corrected is not None]
    differing = sum(line.verdict == "differ" for line in compared)
    count = Translatable("{differing} of {compared} lines", differing=differing, compared=len(compared))
    sentences: list[str] = []
    if any(comparison.missing):
        missing_a, missing_b = map(name_keys, comparison.missing)
        sentences.append(
            Translatable(
                "missing in A: {missing_a}; in B: {missing_b}", missing_a=missing_a, missing_b=missing_b
            )
        )
    if not compared:
        return [*sentences, Translatable("nothing could be compared")]
    if not differing:
        sentences.append(Translatable("no difference: {count} lines compared", count=len(compared)))
    elif comparison.by_run:
        sentences.append(Translatable("these two recipes differ: {count}", count=count))
    else:
        sentences.append(Translatable("these two models differ on these items: {count}", count=count))
    if comparison.by_run:
        sentences.append(Translatable("interval and p: by how far the runs of a side lie apart (Welch's t)"))
    else:
        sentences += [
            Translatable(
                "it is about models, not recipes: for those, name {least_runs} seeds or more of each",
                least_runs=LEAST_RUNS,
            ),
            Translatable("interval and p: by how far the items lie apart; those of a cluster are made alike"),
        ]
    sentences.append(
        Translatable("p: corrected for the number of lines, {count} (Holm)", count=len(compared))
    )
    if not comparison.by_run and any(line.sides and not line.paired for line in comparison.lines):
        sentences.append(
            Translatable(
                "unpaired: the items of A and B are not the same, so only large differences show;"
                " `seed` makes the miniworld anew, eval.data_seed keeps its tasks"
            )
        )
    if any(line.lower_is_better for line in comparison.lines):
        sentences.append(Translatable("bits_per_byte, second_halves: lower is better"))
    return sentences


def name_keys(keys: Sequence[Key]) -> str:
    """Return tasks and models as text."""
    return ", ".join(f"{key.label} {key.model}" for key in keys) or Translatable("nothing")


def describe_line(line: Line, by_run: bool) -> dict[str, Any]:
    """Return a row for machines. What is not known is None."""
    a, b = line.sides or (None, None)
    low, high = line.interval or (None, None)
    row = {
        "task": line.key.task,
        "subset": line.key.subset,
        "model": line.key.model,
        "lower_is_better": line.lower_is_better,
        "versions": list(line.versions),
        "compared": "runs" if by_run else "items",
        "paired": line.paired,
        "a": a and a.value,
        "b": b and b.value,
        "difference": line.difference and line.difference.value,
        "low": low,
        "high": high,
        "p": line.p_value,
        "p_corrected": line.corrected,
        "verdict": line.verdict,
        "n": [side.n for side in line.sides or ()],
        "clusters": [side.clusters for side in line.sides or ()],
    }
    finite = {
        key: None for key, value in row.items() if isinstance(value, float) and not math.isfinite(value)
    }
    return row | finite
