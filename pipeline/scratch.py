"""The scratch folder: `.scratch/<stage>/<fingerprint>/`, checkpoints that a killed run resumes from."""

import fcntl
import os
import re
import shutil
from pathlib import Path

# A checkpoint's folder. TEZGAH_SCRATCH may name a folder that holds other things too.
FINGERPRINT = re.compile(r"[0-9a-f]+-[0-9a-f]+")


def scratch() -> Path:
    """Where unfinished work is kept; TEZGAH_SCRATCH moves it."""
    return Path(os.environ.get("TEZGAH_SCRATCH", ".scratch"))


def clean() -> None:
    """Name and remove every stage's checkpoints, but those of a stage that a process is training."""
    stages: dict[Path, list[Path]] = {}
    for folder in sorted(scratch().glob("*/*")):
        if FINGERPRINT.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            stages.setdefault(folder.parent, []).append(folder)
    if not stages:
        print(f"{scratch()}: no checkpoints")
    for stage, folders in stages.items():
        with open(stage / "lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"left {stage}: a training holds it now")
                continue
            for folder in folders:
                size = sum(file.lstat().st_size for file in folder.rglob("*"))
                print(f"remove {folder} ({size / 1e6:.1f} MB)", flush=True)
                shutil.rmtree(folder)
