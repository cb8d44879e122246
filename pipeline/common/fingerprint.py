"""The scratch folder `.scratch/<stage>/<fingerprint>/`, from which a killed run resumes.

The fingerprint hashes params, inputs and code. A run with another fingerprint starts from nothing.
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
from pipeline.common.i18n import print_message
from pipeline.common.io import sha256
from pipeline.common.params import Section
from pipeline.common.paths import DVC_FILE

LOCKS_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of some mounted drives
CODE_FOLDERS = ("pipeline", "stages")
# Matches the folder of a run. TEZGAH_SCRATCH may name a folder that holds other things too.
FINGERPRINT_NAME = re.compile(r"[0-9a-f]+-[0-9a-f]+")


def scratch_folder() -> Path:
    """Return the folder for unfinished work: TEZGAH_SCRATCH, else `.scratch`."""
    return Path(os.environ.get("TEZGAH_SCRATCH", ".scratch"))


def clean_scratch() -> None:
    """Remove the checkpoints of all stages except those that are running, and print each."""
    stages = {
        stage: folders
        for stage in sorted(scratch_folder().glob("*"))
        if (folders := checkpoint_folders(stage))
    }
    if not stages:
        print_message("{folder}: no checkpoints", folder=scratch_folder())
    for stage, folders in stages.items():
        with open(stage / "lock", "a+") as lock:
            try:
                _lock_file(lock)
            except BlockingIOError:
                print_message("left {stage}: a training holds it now", stage=stage)
                continue
            for folder in folders:
                size = sum(file.lstat().st_size for file in folder.rglob("*"))
                print_message("remove {folder} ({megabytes:.1f} MB)", folder=folder, megabytes=size / 1e6)
                shutil.rmtree(folder)


def checkpoint_folders(stage: Path) -> list[Path]:
    """Return the folders of a stage's runs, finished or not."""
    return [
        folder
        for folder in sorted(stage.glob("*"))
        if FINGERPRINT_NAME.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    ]


def remove_checkpoints(stage: str) -> None:
    """Remove the folders of all runs of a stage, finished or not."""
    for folder in checkpoint_folders(scratch_folder() / stage):
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a run: two runs with the same one give the same result."""

    stage: str
    params_hash: str  # of the params that change the result, and of the inputs
    code_hash: str  # of the code files
    tracked: dict[str, Any]  # all tracked params, `section.key` to value

    @property
    def folder(self) -> Path:
        """The folder where this run keeps its checkpoint."""
        return scratch_folder() / self.stage / f"{self.params_hash[:12]}-{self.code_hash[:8]}"


def hash_strings(parts: Iterable[str]) -> str:
    """Return one SHA-256 of several strings, in hexadecimal."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def code_files(stage: str, dvc_file: Path = DVC_FILE) -> list[Path]:
    """Return the code files of a stage as DVC sees them: its script and the packages in its deps of dvc.yaml.

    Sorted within each. Files that .dvcignore names, such as backups of editors, are left out.
    """
    stages = YAML(typ="safe", pure=True).load(dvc_file.read_text(encoding="utf-8"))["stages"]
    ignore = dvc_file.with_name(".dvcignore")
    ignored = GitIgnoreSpec.from_lines(
        ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    )
    files = []
    for dep in map(Path, stages[stage]["deps"]):
        if dep.parts[0] in CODE_FOLDERS:
            inside = sorted(dep.rglob("*")) if dep.is_dir() else [dep]
            files += [path for path in inside if path.is_file() and not ignored.match_file(path)]
    return files


def make_fingerprint(stage: str, tracked: dict[str, Any], inputs: Iterable[Path]) -> Fingerprint:
    """Return the fingerprint of a stage.

    `tracked` holds what dvc.yaml tracks for it, by name: sections of params, or plain values. `inputs` are
    the files that stand for what it reads.
    """
    all_params: dict[str, Any] = {}
    result_params: dict[str, Any] = {}
    for name, values in tracked.items():
        if not isinstance(values, Section):
            all_params[name] = result_params[name] = values
            continue
        for key, value in values.model_dump().items():
            all_params[f"{name}.{key}"] = value
            if key not in values.WITHOUT_EFFECT:
                result_params[f"{name}.{key}"] = value
    return Fingerprint(
        stage,
        hash_strings(
            [json.dumps(result_params, sort_keys=True), *(f"{path} {sha256(path)}" for path in inputs)]
        ),
        hash_strings(f"{path} {sha256(path)}" for path in code_files(stage)),
        all_params,
    )


@contextmanager
def stage_lock(stage: str) -> Iterator[None]:
    """Hold the lock of a stage, so that no second run of it writes the same outputs.

    Killing dvc leaves the trainer that it started alive. Raises UserError where another process holds it.
    """
    path = scratch_folder() / stage / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            _lock_file(file)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                "{path}: process {process} runs {stage} now; wait or stop it",
                path=path,
                process=file.read(),
                stage=stage,
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock_file(file: TextIO) -> None:
    """Lock an open file, or print a note where the file system has no locks.

    Raises BlockingIOError where another process holds the lock.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED:
            raise
        print_message(
            "{file}: this file system has no locks; start no second run beside this one", file=file.name
        )
