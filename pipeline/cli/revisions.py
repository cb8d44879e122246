"""Model folders as another revision or DVC experiment has them, fetched from DVC's cache or a remote."""

import shutil
from pathlib import Path

from pipeline.cli.compare import find_commit
from pipeline.common.errors import UserError, one_line
from pipeline.common.fingerprint import scratch_folder

FETCHED = "revisions"  # below the scratch folder


def split_revision(text: str) -> tuple[Path, str | None]:
    """Return the folder and the revision of FOLDER@REVISION. A folder of that very name has none."""
    folder, _, revision = text.partition("@")
    return (Path(folder), revision) if folder and revision and not Path(text).exists() else (Path(text), None)


def fetch_folder(folder: Path, revision: str) -> Path:
    """Return a copy of a folder as a revision has it; made once for each commit.

    Raises UserError for an unknown revision, and where the folder cannot be had.
    """
    name = f"{folder}@{revision}"
    try:
        folder = folder.resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        raise UserError(
            "{name}: not in this project; name a folder of it, such as models/sft", name=name
        ) from None
    commit = find_commit(revision)
    if commit is None:
        raise UserError("{name}: no such revision or experiment; `dvc exp list` shows experiments", name=name)
    target = scratch_folder() / FETCHED / commit / folder
    if target.is_dir():
        return target
    from dvc.api import DVCFileSystem  # type: ignore[import-untyped]

    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        DVCFileSystem(rev=commit).get(folder.as_posix(), str(partial), recursive=True)
    except Exception as error:  # of many kinds, by the remote
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(
            "{name}: not in DVC's cache ({error}); run `dvc fetch --all-commits`, or train it again",
            name=name,
            error=one_line(error),
        ) from None
    partial.rename(target)
    return target
