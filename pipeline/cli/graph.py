"""The stages of dvc.yaml: what reads what, and which of them `dvc repro` would run, and why."""

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, one_line
from pipeline.common.params import PARAMS_FILE, read_yaml

ABSENT = "not built on this machine"
GRAPH, LOCK = Path("dvc.yaml"), Path("dvc.lock")


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


def ran() -> dict[str, Any]:
    """The stages as they last ran, of dvc.lock."""
    return (read_yaml(LOCK).get("stages") or {}) if LOCK.exists() else {}


def dvc(*arguments: str) -> str:
    """What a DVC command prints. Raises UserError where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"dvc {arguments[0]}: {one_line(done.stderr) or 'failed'}")
    return done.stdout


def stale() -> dict[str, str]:
    """The stages that `dvc repro` would run, in order, and why. Raises UserError where DVC cannot tell."""
    causes_of = json.loads(dvc("status", "--json"))
    last, now = ran(), read_yaml(PARAMS_FILE)
    changed = {}
    for name, causes in causes_of.items():
        old = last.get(name, {}).get("params", {}).get(str(PARAMS_FILE), {})
        changed[name] = reason(causes, differing(old, {section: now.get(section) for section in old}))
    return {
        name: changed.get(name) or f"reads what {source} writes" for name, source in after(changed).items()
    }


def differing(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two values of params.yaml differ, such as `train.steps`."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [path]
    keys = [*old, *(key for key in new if key not in old)]
    return [
        at
        for key in keys
        for at in differing(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    ]


def reason(causes: list[Any], params: list[str]) -> str:
    """What `dvc status` tells of one stage, in a few words; `params` are the keys that differ."""
    words: list[str] = []
    for cause in causes:
        if isinstance(cause, str):  # changed command, always changed
            words.append(cause)
            continue
        for files in cause.values():
            for file, how in files.items():
                if file == str(PARAMS_FILE) and isinstance(how, dict):
                    words += params or how
                elif how == "deleted":  # as all is in a fresh clone
                    words += [ABSENT] if ABSENT not in words else []
                else:
                    words.append(f"{file} {how}")
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
