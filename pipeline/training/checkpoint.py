"""Checkpoints that a killed run resumes from: `.scratch/<stage>/<fingerprint>/checkpoint.pt`.

DVC deletes a stage's outputs before it runs, so checkpoints are kept outside of them.
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
from pipeline.common.i18n import print_message
from pipeline.common.io import atomic_file, sha256, write_json
from pipeline.common.library_messages import recognize
from pipeline.training import distributed

SHARDED_KEYS = ("model", "optimizers")  # of the state, under which with FSDP each process has shards
KEPT_CHECKSUMS = 3  # the newest, the one before, and one that a crash may have left between them


class Checkpoints:
    """The checkpoint of one fingerprint: a single file, replaced atomically, and the one before it.

    `checksums.json` holds their SHA-256: a damaged checkpoint is detected and the one before it loaded. With
    FSDP it also names a folder `shards-…`, into which all processes have written their shards
    (torch.distributed.checkpoint). Any number of processes can read it, and the checkpoint holds the SHA-256
    of its files.
    """

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        self.folder = fingerprint.folder
        self.path = self.folder / "checkpoint.pt"
        self.previous = self.folder / "checkpoint.prev.pt"
        self.checksums = self.folder / "checksums.json"
        self.done = self.folder / "done.json"
        self.damaged = False

    def load(self) -> dict[str, Any] | None:
        """Return the state to resume from, or None to start afresh.

        A finished run's state is loaded only if every tracked param is equal: it may come from another
        `batch_size`, whose result differs in floating-point order. Raises UserError for a damaged checkpoint
        without one before it.
        """
        candidates = [path for path in (self.path, self.previous) if path.exists()]
        if not candidates:
            self._report_orphan()
            return None
        while True:
            path = candidates.pop(0)
            try:
                if self.done.exists() and json.loads(self.done.read_text()) != self.fingerprint.tracked:
                    return None
                return self._read(path)
            except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
                if not candidates:
                    raise self.incompatible(error) from None
                self.damaged = True
                print_message(
                    "note: {path}: damaged ({error}); going on from the one before", path=path, error=error
                )

    def _read(self, path: Path) -> dict[str, Any]:
        """Load a checkpoint. Raises ValueError where it or its shards are damaged, or as torch.load."""
        if sha256(path) not in self._read_checksums():
            raise UserError("its content is not what was saved")
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, checksum in state.get("checksums", {}).items():
            if sha256(self.folder / name) != checksum:
                raise UserError("the content of {name} is not what was saved", name=name)
        return state

    def incompatible(self, error: BaseException) -> UserError:
        """Return the UserError for a checkpoint that this run cannot load because of `error`."""
        reason = error.message if isinstance(error, UserError) else recognize(str(error).split("\n")[0])
        return UserError(
            "{path}: does not fit this run ({reason}); remove it: rm -r {folder}",
            path=self.path,
            reason=reason,
            folder=self.folder,
        )

    def save(self, state: dict[str, Any], sharded_keys: tuple[str, ...] = ()) -> None:
        """Replace the checkpoint. A crash in between leaves the one before.

        All processes call this with the same `sharded_keys`, under which each has shards of its own. Rank 0
        writes the rest, and the others wait for it.
        """
        name = None
        if sharded_keys:
            name = f"shards-{distributed.all_reduce_max(secrets.randbelow(1 << 40)):010x}"
            self._write_shards(name, {key: state[key] for key in sharded_keys})
            state = {key: value for key, value in state.items() if key not in sharded_keys}
            state["shards"] = name
        if distributed.rank() == 0:
            if name:
                shards = sorted((self.folder / name).iterdir())
                state["checksums"] = {f"{name}/{path.name}": sha256(path) for path in shards}
            self._write_checkpoint(state, name)
            self._remove_shards(keep=set(self._read_checksums().values()))
        distributed.all_reduce_max(0)  # a barrier

    def _remove_shards(self, keep: set[str | None]) -> None:
        for folder in self.folder.glob("shards-*"):
            if folder.name not in keep:
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
        """Fill `template`, sharded or full, from the folder of shards that a checkpoint names."""
        from torch.distributed import checkpoint

        try:
            with warnings.catch_warnings(action="ignore"):  # it warns where a single process reads
                checkpoint.load(template, checkpoint_id=self.folder / name)
        except checkpoint.CheckpointException as error:
            raise self.incompatible(next(iter(error.failures.values()))[0]) from None
        return template

    def _read_checksums(self) -> dict[str, str | None]:
        """Return the SHA-256 of the last checkpoints, newest first, each with its folder of shards."""
        return json.loads(self.checksums.read_text()) if self.checksums.exists() else {}

    def _write_checkpoint(self, state: dict[str, Any], shards: str | None) -> None:
        new = self.folder / "new.pt"
        with atomic_file(new) as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch hides the cause, such as a full disk
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
        # Those of a finished run are forgotten.
        older = {} if self.done.exists() else self._read_checksums()
        write_json(self.checksums, dict(islice({sha256(new): shards, **older}.items(), KEPT_CHECKSUMS)))
        if self.done.exists():
            self.previous.unlink(missing_ok=True)
        elif self.path.exists() and not self.damaged:
            self.path.replace(self.previous)
        new.replace(self.path)
        self.damaged = False
        # Last: until here done.json, of an older run, tells that this checkpoint is not that run's.
        self.done.unlink(missing_ok=True)

    def finish(self) -> None:
        """Mark the run as done and remove the folders of other finished runs. Unfinished ones stay."""
        if distributed.rank() > 0:
            return
        write_json(self.done, self.fingerprint.tracked)
        self.previous.unlink(missing_ok=True)
        self._remove_shards(keep=set(list(self._read_checksums().values())[:1]))
        for other in self.folder.parent.glob("*/done.json"):
            if other != self.done:
                shutil.rmtree(other.parent, ignore_errors=True)

    def _report_orphan(self) -> None:
        """Print unfinished runs that differ from this one in code alone, and how to adopt them."""
        for other in sorted(self.folder.parent.glob(f"{self.fingerprint.params_hash[:12]}-*")):
            if (other / "checkpoint.pt").exists() and not (other / "done.json").exists():
                print_message(
                    "note: the code has changed since the unfinished run in {other}; this one starts "
                    "afresh. To continue that one, stop and run: rm -rf {folder} && mv {other} {folder}",
                    other=other,
                    folder=self.folder,
                )
