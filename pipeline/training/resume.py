"""Checkpoints that a killed run resumes from: `.scratch/<stage>/<fingerprint>/`.

DVC deletes a stage's outputs before it runs, so what must outlive a crash is kept elsewhere.
The folder's name hashes all that shapes the result; a run that would end elsewhere starts afresh.
"""

import errno
import fcntl
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML

from pipeline.errors import UserError
from pipeline.files import sha256, whole_file, write_json
from pipeline.scratch import scratch

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of some mounted drives


@dataclass(frozen=True)
class Fingerprint:
    """What a training run would end in."""

    stage: str
    shaping: str  # hash of the params that shape the result, and of the inputs
    code: str  # hash of the code files
    tracked: dict[str, Any]  # all tracked params, `section.key` to value

    @property
    def folder(self) -> Path:
        """Where this run keeps its checkpoint."""
        return scratch() / self.stage / f"{self.shaping[:12]}-{self.code[:8]}"


def digest(parts: Iterable[str]) -> str:
    """One hash of several strings."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def code_files(stage: str, graph: Path = Path("dvc.yaml")) -> list[Path]:
    """The Python files that dvc.yaml lists for a stage (a test holds them to its imports)."""
    stages = YAML(typ="safe", pure=True).load(graph.read_text(encoding="utf-8"))["stages"]
    return [Path(dep) for dep in stages[stage]["deps"] if str(dep).endswith(".py")]


def fingerprint(
    stage: str, tracked: dict[str, Any], inputs: Iterable[Path], memory_only: tuple[str, ...] = ()
) -> Fingerprint:
    """The fingerprint of a stage.

    `tracked` holds the sections that dvc.yaml tracks for it, as plain values; `inputs` the files
    that stand for what it reads; `memory_only` names `section.key` params that change memory or
    speed and not the result: an unfinished run resumes across them.
    """
    flat: dict[str, Any] = {}
    for section, values in tracked.items():
        for key, value in values.items() if isinstance(values, dict) else [(None, values)]:
            flat[section if key is None else f"{section}.{key}"] = value
    shaping = {key: value for key, value in flat.items() if key not in memory_only}
    return Fingerprint(
        stage,
        digest([json.dumps(shaping, sort_keys=True), *(sha256(path) for path in inputs)]),
        digest(f"{path} {sha256(path)}" for path in code_files(stage)),
        flat,
    )


@contextmanager
def locked(stage: str) -> Iterator[None]:
    """Keep every other run of a stage out, until its outputs are written.

    Killing dvc leaves its trainer alive, which would then write the same folders as the next run.
    """
    path = scratch() / stage / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(f"{path}: process {file.read()} runs {stage} now; wait or stop it") from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            print(f"{path}: this file system has no locks; start no second run of {stage} beside this one")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class Checkpoints:
    """The checkpoint of one fingerprint: a single file, replaced whole."""

    def __init__(self, mark: Fingerprint) -> None:
        self.mark = mark
        self.folder = mark.folder
        self.path = self.folder / "checkpoint.pt"
        self.done = self.folder / "done.json"

    def load(self) -> dict[str, Any] | None:
        """The state to resume from, or None to start afresh.

        A finished run's state is taken only if every tracked param is equal: it may come from
        another `batch_size`, whose result differs in floating-point order.
        """
        if not self.path.exists():
            self._name_orphan()
            return None
        if self.done.exists() and json.loads(self.done.read_text()) != self.mark.tracked:
            return None
        try:
            return torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise self.misfit(error) from None

    def misfit(self, error: Exception) -> UserError:
        """What to say of a checkpoint that cannot be taken up."""
        reason = str(error).split("\n")[0]
        return UserError(f"{self.path}: does not fit this run ({reason}); remove it: rm -r {self.folder}")

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint; a crash in between leaves the one before."""
        with whole_file(self.path) as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch hides what the operating system said, such as a full disk
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        # Last: until here the mark of an older run's end keeps this checkpoint from passing for it.
        self.done.unlink(missing_ok=True)

    def finish(self) -> None:
        """Mark the run as done and remove the stage's older checkpoints."""
        write_json(self.done, self.mark.tracked)
        for other in self.folder.parent.iterdir():
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def _name_orphan(self) -> None:
        """Say which unfinished run only the code separates from this one, and how to adopt it."""
        for other in sorted(self.folder.parent.glob(f"{self.mark.shaping[:12]}-*")):
            if (other / "checkpoint.pt").exists() and not (other / "done.json").exists():
                print(
                    f"note: the code has changed since the unfinished run in {other}; this one starts"
                    f" afresh. To continue that one, stop and run: rm -rf {self.folder} && mv {other}"
                    f" {self.folder}",
                    flush=True,
                )
