"""The folder that an export writes: whole or not at all, and never over another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.io import atomic_folder
from pipeline.common.library_messages import describe_system_error

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
        raise UserError("{target}: already exists; remove it, or give --to another folder", target=target)
    place = target.resolve()
    watched = [Path(name).resolve() for name in CLOSED]
    if any(place.is_relative_to(closed) for closed in [folder.resolve(), *watched]):
        raise UserError("{target}: lies in a folder that DVC watches; give --to another one", target=target)
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
        reason = describe_system_error(error)
        if shutil.disk_usage(above).free < LEAST_FREE:
            reason = Translatable("the disk is full; free some room")
        raise UserError("{target}: cannot be written: {reason}", target=target, reason=reason) from None
