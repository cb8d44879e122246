"""The scratch folder: `.scratch/<stage>/<fingerprint>/`, what a killed run resumes from.

The folder's name hashes all that shapes the result; a run that would end elsewhere starts afresh.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pathspec import GitIgnoreSpec
from ruamel.yaml import YAML

from pipeline.common.errors import UserError
from pipeline.common.io import sha256
from pipeline.common.runtime import place

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of some mounted drives
# A checkpoint's folder. TEZGAH_SCRATCH may name a folder that holds other things too.
CODE = ("pipeline", "stages")  # folders of the project
FINGERPRINT = re.compile(r"[0-9a-f]+-[0-9a-f]+")


def scratch() -> Path:
    """Where unfinished work is kept; TEZGAH_SCRATCH moves it."""
    return Path(os.environ.get("TEZGAH_SCRATCH", ".scratch"))


def clean() -> None:
    """Name and remove every stage's checkpoints, but those of a stage that a process is training."""
    stages = {stage: folders for stage in sorted(scratch().glob("*")) if (folders := checkpoints(stage))}
    if not stages:
        print(f"{scratch()}: no checkpoints")
    for stage, folders in stages.items():
        with open(stage / "lock", "a+") as lock:
            try:
                _lock(lock)
            except BlockingIOError:
                print(f"left {stage}: a training holds it now")
                continue
            for folder in folders:
                size = sum(file.lstat().st_size for file in folder.rglob("*"))
                print(f"remove {folder} ({size / 1e6:.1f} MB)", flush=True)
                shutil.rmtree(folder)


def checkpoints(stage: Path) -> list[Path]:
    """The folders of a stage's runs, finished or not."""
    return [
        folder
        for folder in sorted(stage.glob("*"))
        if FINGERPRINT.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    ]


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
    """The code of a stage as DVC sees it: its script, and all files of the rooms that dvc.yaml lists for it.

    Sorted; without what .dvcignore names, such as the droppings of editors.
    """
    stages = YAML(typ="safe", pure=True).load(graph.read_text(encoding="utf-8"))["stages"]
    ignore = graph.with_name(".dvcignore")
    ignored = GitIgnoreSpec.from_lines(
        ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    )
    files = []
    for dep in map(Path, stages[stage]["deps"]):
        if dep.parts[0] in CODE:
            inside = sorted(dep.rglob("*")) if dep.is_dir() else [dep]
            files += [path for path in inside if path.is_file() and not ignored.match_file(path)]
    return files


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
        digest([json.dumps(shaping, sort_keys=True), *(f"{path} {sha256(path)}" for path in inputs)]),
        digest(f"{path} {sha256(path)}" for path in code_files(stage)),
        flat,
    )


@contextmanager
def locked(stage: str) -> Iterator[None]:
    """Keep every other run of a stage out, until its outputs are written.

    Killing dvc leaves its trainer alive, which would then write the same folders as the next run. Of
    processes that train together the first, which writes, has the lock.
    """
    if place().rank > 0:
        yield
        return
    path = scratch() / stage / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            raise UserError(f"{path}: process {file.read()} runs {stage} now; wait or stop it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock(file: TextIO) -> None:
    """Lock an open file. Raises BlockingIOError where another process has it; says so where none can."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(f"{file.name}: this file system has no locks; start no second run beside this one")
