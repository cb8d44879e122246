"""The folder that an export writes: whole or not at all, and never over another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.io import atomic_folder

EXPORTS = Path("exports")
CLOSED = ("models", "data", "reports")  # what DVC watches
LEAST_FREE = 1 << 20  # bytes; a disk with fewer is full


def choose_target(folder: Path, kind: str, to: Path | None) -> Path:
    """Return where a model folder is exported to.

    Raises UserError where something stands there, and for a place inside the folder or inside what DVC
    watches.
    """
    target = to or EXPORTS / f"{folder.resolve().name}-{kind}"
    if target.exists() or target.is_symlink():
        raise UserError(f"{target}: already exists; remove it, or give --to another folder")
    place = target.resolve()
    watched = [Path(name).resolve() for name in CLOSED]
    if any(place.is_relative_to(closed) for closed in [folder.resolve(), *watched]):
        raise UserError(f"{target}: lies in a folder that DVC watches; give --to another one")
    return target


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an error, or else goes.

    Raises UserError where it cannot be written.
    """
    target = target.resolve()
    try:
        with atomic_folder(target) as made:
            yield made
    except OSError as error:  # shutil.Error too, and numpy's, which have no reason of their own
        above = next(path for path in target.parents if path.is_dir())
        is_full = shutil.disk_usage(above).free < LEAST_FREE
        reason = "the disk is full; free some room" if is_full else error.strerror or str(error)
        raise UserError(f"{target}: cannot be written: {reason}") from None
