"""The stages of dvc.yaml: what reads what, and which of them `dvc repro` would run, and why."""

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, one_line
from pipeline.params import PARAMS_FILE, read_yaml

GRAPH = Path("dvc.yaml")


def after(first: Collection[str], graph: Path = GRAPH) -> dict[str, str]:
    """The stages that run when those of `first` do, with the earlier stage that each reads from.

    In dvc.yaml's order; those of `first` themselves stand with an empty string.
    """
    found: dict[str, str] = {}
    wrote: dict[str, str] = {}  # output to its stage
    for name, stage in read_yaml(graph)["stages"].items():
        read = [
            wrote[out] for dep in stage["deps"] for out in wrote if dep == out or dep.startswith(out + "/")
        ]
        if name in first or read:
            found[name] = "" if name in first else read[0]
            outs = (out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", []))
            wrote |= dict.fromkeys(outs, name)
    return found


def stale() -> dict[str, str]:
    """The stages that `dvc repro` would run, in order, and why. Raises UserError where DVC cannot tell."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc status: {one_line(ValueError(done.stderr.strip() or 'failed'))}")
    changed = {name: reason(causes) for name, causes in json.loads(done.stdout).items()}
    return {
        name: changed.get(name) or f"reads what {source} writes" for name, source in after(changed).items()
    }


def reason(causes: list[Any]) -> str:
    """What `dvc status` tells of one stage, in a few words."""
    words: list[str] = []
    for cause in causes:
        if isinstance(cause, str):  # changed command, always changed
            words.append(cause)
            continue
        for kind, files in cause.items():
            for file, how in files.items():
                if file == str(PARAMS_FILE) and isinstance(how, dict):
                    words += how
                elif kind == "changed outs":
                    words.append(f"{file} {'is not there' if how == 'deleted' else how}")
                else:
                    words.append(f"{file} {how}")
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
