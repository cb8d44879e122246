"""The speed and the memory of pretraining at two commits, to show that a refactoring costs nothing.

Clones both, and runs `train_base` of the default params on this checkout's shards for some steps, in turn,
several rounds. Prints a table of medians for people and one JSON line for machines.

    python -m benchmarks.step_time main~10 main
"""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.output_hashes import ROOT, run_stages, set_params
from pipeline.common.paths import SHARDS, TOKENIZER


def clone(ref: str) -> Path:
    """Return a clone of this repository at `ref` that reads this checkout's shards and tokenizer."""
    project = Path(tempfile.mkdtemp(prefix="step-time-"))
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", ref], cwd=project, check=True)
    (project / "params.yaml").rename(project / "params.shipped.yaml")
    for path in (SHARDS, TOKENIZER):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).symlink_to(ROOT / path)
    return project


def measure(project: Path, steps: int) -> dict[str, float]:
    """Return what `train_base` reports of its speed and its memory."""
    set_params(project, {"train": {"steps": steps, "eval_every": steps, "eval_tokens": 2048}})
    run_stages(project, "train_base")
    timing: dict[str, float] = json.loads((project / "reports/train_base/timing.json").read_text())
    return timing


def main(before: str, after: str, steps: int = 60, rounds: int = 3) -> None:
    """Measure both commits and print their medians and the ratio of the rounds' speeds."""
    projects = {ref: clone(ref) for ref in (before, after)}
    rows: dict[str, list[dict[str, float]]] = {ref: [] for ref in projects}
    for i in range(rounds):
        for ref in projects if i % 2 == 0 else reversed(projects):
            rows[ref].append(measure(projects[ref], steps))
    key = "tokens_per_second"
    ratios = [old[key] / new[key] for old, new in zip(rows[before], rows[after], strict=True)]
    table = Table("commit", "tokens/s", "peak memory (GiB)")
    medians = {
        ref: {name: statistics.median(row[name] for row in timings) for name in (key, "peak_memory_gib")}
        for ref, timings in rows.items()
    }
    for ref, values in medians.items():
        table.add_row(ref, f"{values[key]:,.0f}", f"{values['peak_memory_gib']:.3f}")
    Console().print(table)
    ratio = statistics.median(ratios)
    print(f"a step of {after} takes {ratio:.4f} of that of {before} (median of {rounds} pairs)")
    print(json.dumps({"medians": medians, "step_time_ratios": ratios, "median_ratio": ratio}))


if __name__ == "__main__":
    typer.run(main)
