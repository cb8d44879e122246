"""The folder that an export writes: whole or not at all, and never over another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.common.errors import UserError

EXPORTS = Path("exports")


def choose_target(folder: Path, kind: str, to: Path | None) -> Path:
    """Return where a model folder is exported to. Raises UserError where something stands there."""
    target = to or EXPORTS / f"{folder.resolve().name}-{kind}"
    if target.exists() or target.is_symlink():
        raise UserError(f"{target}: already exists; remove it, or give --to another folder")
    return target


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an error, or else goes."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
