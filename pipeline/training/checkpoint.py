"""Checkpoints that a killed run resumes from: `.scratch/<stage>/<fingerprint>/checkpoint.pt`.

DVC deletes a stage's outputs before it runs, so what must outlive a crash is kept elsewhere.
"""

import json
import pickle
import secrets
import shutil
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import Fingerprint
from pipeline.common.io import sha256, whole_file, write_json
from pipeline.training import distributed

KNOWN = 3  # sums: of the newest, the one before, and one that a crash has left between them


class Checkpoints:
    """The checkpoint of one fingerprint: a single file, replaced whole; the one before it stays as well.

    `sums.json` knows their SHA-256, so that a damaged one is found and the one before taken up. Of a model in
    shards it names the folder `shards-…` beside it, in which all processes have written theirs
    (torch.distributed.checkpoint), which any number of them can read, and whose sums the checkpoint knows.
    """

    def __init__(self, mark: Fingerprint) -> None:
        self.mark = mark
        self.folder = mark.folder
        self.path = self.folder / "checkpoint.pt"
        self.before = self.folder / "before.pt"
        self.sums = self.folder / "sums.json"
        self.done = self.folder / "done.json"
        self.damaged = False

    def load(self) -> dict[str, Any] | None:
        """The state to resume from, or None to start afresh.

        A finished run's state is taken only if every tracked param is equal: it may come from
        another `batch_size`, whose result differs in floating-point order.
        """
        there = [path for path in (self.path, self.before) if path.exists()]
        if not there:
            self._name_orphan()
            return None
        while True:
            path = there.pop(0)
            try:
                if self.done.exists() and json.loads(self.done.read_text()) != self.mark.tracked:
                    return None
                return self._read(path)
            except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
                if not there:
                    raise self.misfit(error) from None
                self.damaged = True
                print(f"note: {path}: damaged ({error}); going on from the one before", flush=True)

    def _read(self, path: Path) -> dict[str, Any]:
        """A checkpoint that is whole, with its shards. Raises ValueError for another, or as torch.load."""
        if sha256(path) not in self._sums():
            raise ValueError("its content is not what was saved")
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, sum_of_file in state.get("sums", {}).items():
            if sha256(self.folder / name) != sum_of_file:
                raise ValueError(f"the content of {name} is not what was saved")
        return state

    def misfit(self, error: BaseException) -> UserError:
        """What to say of a checkpoint that cannot be taken up."""
        reason = str(error).split("\n")[0]
        return UserError(f"{self.path}: does not fit this run ({reason}); remove it: rm -r {self.folder}")

    def save(self, state: dict[str, Any], in_shards: tuple[str, ...] = ()) -> None:
        """Replace the checkpoint; a crash in between leaves the one before.

        All processes call this with the same keys `in_shards`, under which each has shards of its own; the
        first writes the rest, and no other goes on before.
        """
        name = None
        if in_shards:
            name = f"shards-{distributed.agreed(secrets.randbelow(1 << 40)):010x}"
            self._write_shards(name, {key: state[key] for key in in_shards})
            state = {key: value for key, value in state.items() if key not in in_shards}
            state["shards"] = name
        if distributed.rank() == 0:
            if name:
                shards = sorted((self.folder / name).iterdir())
                state["sums"] = {f"{name}/{path.name}": sha256(path) for path in shards}
            self._write(state, name)
            self._remove_shards(but=set(self._sums().values()))
        distributed.agreed(0)

    def _remove_shards(self, but: set[str | None]) -> None:
        for folder in self.folder.glob("shards-*"):
            if folder.name not in but:
                shutil.rmtree(folder)

    def _write_shards(self, name: str, state: dict[str, Any]) -> None:
        from torch.distributed import checkpoint

        try:
            checkpoint.save(state, checkpoint_id=self.folder / name)
        except checkpoint.CheckpointException as error:
            for failure, _ in error.failures.values():
                if isinstance(failure, OSError):  # such as a full disk
                    raise failure from None
            raise

    def read_shards(self, name: str, template: dict[str, Any]) -> dict[str, Any]:
        """Fill `template`, complete and whole or in shards, from the folder that a checkpoint names."""
        from torch.distributed import checkpoint

        try:
            with warnings.catch_warnings(action="ignore"):  # of a process alone, which it asks about
                checkpoint.load(template, checkpoint_id=self.folder / name)
        except checkpoint.CheckpointException as error:
            raise self.misfit(next(iter(error.failures.values()))[0]) from None
        return template

    def _sums(self) -> dict[str, str | None]:
        """SHA-256 of the last checkpoints, newest first, and the folder of shards that each names."""
        return json.loads(self.sums.read_text()) if self.sums.exists() else {}

    def _write(self, state: dict[str, Any], shards: str | None) -> None:
        new = self.folder / "new.pt"
        with whole_file(new) as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch hides what the operating system said, such as a full disk
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        older = {} if self.done.exists() else self._sums()  # what is there may be of a run that has ended
        write_json(self.sums, dict(islice({sha256(new): shards, **older}.items(), KNOWN)))
        if self.done.exists():
            self.before.unlink(missing_ok=True)
        elif self.path.exists() and not self.damaged:
            self.path.replace(self.before)
        new.replace(self.path)
        self.damaged = False
        # Last: until here the mark of an older run's end keeps this checkpoint from passing for it.
        self.done.unlink(missing_ok=True)

    def finish(self) -> None:
        """Mark the run as done and remove older ones that are; those that are not may be resumed."""
        if distributed.rank() > 0:
            return
        write_json(self.done, self.mark.tracked)
        self.before.unlink(missing_ok=True)
        self._remove_shards(but=set(list(self._sums().values())[:1]))
        for other in self.folder.parent.glob("*/done.json"):
            if other != self.done:
                shutil.rmtree(other.parent, ignore_errors=True)

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
