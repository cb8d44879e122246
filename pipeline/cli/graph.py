"""The stages of dvc.yaml: which reads from which, and which of them `dvc repro` would run, and why."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable, join_texts
from pipeline.common.library_messages import recognize
from pipeline.common.params import read_yaml
from pipeline.common.paths import DVC_FILE, DVC_LOCK_FILE, PARAMS_FILE, copied_from

ABSENT = Translatable("not built on this machine")
CODE = "pipeline/"  # its folders are dependencies
LOST_IN_SHALLOW_CLONE = Translatable(
    "a shallow clone loses the results of `dvc exp run --temp` and `--queue`"
)
STATUS = {"A": "added", "D": "deleted"}  # by git's letters; others: modified
# What git and DVC say of a file or a stage.
WORDS = {
    word: Translatable(word)
    for word in (
        "added", "deleted", "modified", "new", "untracked", "not in cache", "changed command",
        "changed checksum", "always changed", "update available",
    )
}  # fmt: skip


def stages_after(first: Collection[str], graph: Path = DVC_FILE) -> dict[str, str]:
    """The stages that run when those of `first` do, each with the earlier stage that it reads from.

    In dvc.yaml's order. Those of `first` themselves stand with an empty string.
    """
    following: dict[str, str] = {}
    writer_of: dict[str, str] = {}  # output to its stage
    params = read_yaml(graph.parent / PARAMS_FILE)
    for name, stage in read_yaml(graph)["stages"].items():
        reads_from = [
            stage_of
            for dep in (fill_in(dep, params) for dep in stage["deps"])
            for out, stage_of in writer_of.items()
            if dep == out or dep.startswith(out + "/")
        ]
        if name in first or reads_from:
            following[name] = "" if name in first else reads_from[0]
            outs = (out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", []))
            writer_of |= dict.fromkeys(outs, name)
    return following


def fill_in(text: str, params: dict[str, Any]) -> str:
    """A text of dvc.yaml with the values of params.yaml in place of `${section.key}`, as DVC reads it."""
    return re.sub(r"\$\{([\w.]+)\}", lambda match: str(reduce(getitem, match[1].split("."), params)), text)


def last_runs() -> dict[str, Any]:
    """The stages as dvc.lock has them from their last run."""
    return (read_yaml(DVC_LOCK_FILE).get("stages") or {}) if DVC_LOCK_FILE.exists() else {}


def run_dvc(*arguments: str) -> str:
    """The output of a DVC command. Raises UserError where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},  # whatever the terminal's is
    )
    if done.returncode:
        raise UserError(
            "dvc {command}: {fault}",
            command=arguments[0],
            fault=recognize(one_line(done.stderr)) or Translatable("failed"),
        )
    return done.stdout


def stale_stages() -> dict[str, Translatable]:
    """The stages that `dvc repro` would run, in order, and why. Raises UserError where DVC fails."""
    causes_of = json.loads(run_dvc("status", "--json"))
    edits = edited_files() if causes_of else {}
    last, now = last_runs(), read_yaml(PARAMS_FILE)
    changed = {}
    for name, causes in causes_of.items():
        old = last.get(name, {}).get("params", {}).get(str(PARAMS_FILE), {})
        changed[name] = describe_causes(
            causes, differing_keys(old, {section: now.get(section) for section in old}), edits
        )
    return {
        name: changed.get(name) or Translatable("reads what {stage} writes", stage=source)
        for name, source in stages_after(changed).items()
    }


def differing_keys(old: Any, new: Any, path: str = "") -> list[str]:
    """The keys under which two values of params.yaml differ, such as `train.steps`."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [path]
    keys = [*old, *(key for key in new if key not in old)]
    return [
        at
        for key in keys
        for at in differing_keys(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    ]


def edited_files() -> dict[str, str]:
    """The files of pipeline/ that differ from the commit of dvc.lock, each with what became of it.

    Untracked ones are named as such: `dvc exp run --temp` copies tracked files only. What .dvcignore names is
    left out. Empty where git cannot tell.
    """
    commit = run_git("log", "-1", "--format=%H", "--", str(DVC_LOCK_FILE))
    changed = run_git("diff", "--name-status", "--no-renames", *commit, "--", CODE)
    new = run_git("ls-files", "--others", "--exclude-standard", "--exclude-from=.dvcignore", "--", CODE)
    by_status = (line.split("\t", 1) for line in changed)
    edits = {file: STATUS.get(status, "modified") for status, file in by_status}
    return edits | dict.fromkeys(new, "untracked")


def run_git(*arguments: str) -> list[str]:
    """The lines that a git command prints; none where it fails, as outside a repository or without git."""
    command = ["git", "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def is_shallow_clone() -> bool:
    """Return true if git lacks the project's older commits, as after `git clone --depth 1`.

    DVC then ends `dvc exp run --temp` and `--queue` with success, and the experiment is gone. A copy made for
    them is a repository of its own, so the project that it comes from is asked.
    """
    project = copied_from() or Path()
    return run_git("-C", str(project), "rev-parse", "--is-shallow-repository") == ["true"]


def describe_causes(causes: list[Any], params: list[str], edits: dict[str, str]) -> Translatable:
    """The causes that `dvc status` names for one stage, in a few words.

    `params` are the keys that differ. A room of pipeline/ is told by its files in `edits` (`edited_files`).
    """
    words: list[str] = []
    for cause in causes:
        if isinstance(cause, str):  # changed command, always changed
            words.append(WORDS.get(cause, cause))
            continue
        for files in cause.values():
            for file, change in files.items():
                if file == str(PARAMS_FILE) and isinstance(change, dict):
                    words += params or change
                elif change == "deleted":  # as all is in a fresh clone
                    words += [ABSENT] if ABSENT not in words else []
                else:
                    in_room = {name: edit for name, edit in edits.items() if name.startswith(f"{file}/")}
                    words += [
                        Translatable("{file} {change}", file=name, change=WORDS.get(edit, edit))
                        for name, edit in (in_room or {file: str(change)}).items()
                    ]
    first, more = join_texts(", ", words[:3]), len(words) - 3
    return Translatable("{first} and {count} more", first=first, count=more) if more > 0 else first
