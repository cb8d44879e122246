"""Which files a source names, and whether DVC sees them change."""

import glob
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.common.errors import UserError


def matching_files(key: str, patterns: Sequence[str], folder: str, root: Path = Path(".")) -> list[Path]:
    """The files that the glob `patterns` name below `root`, each once: pattern by pattern, sorted by path.

    `folder` is the only one that dvc.yaml gives to the stage, such as data/raw/corpus. Hidden files
    and DVC's own `*.dvc` are passed over; `**` goes into subfolders.
    Raises UserError, naming the param `key` and the pattern: outside `folder`, a symlinked folder
    on the way, a link to nowhere, or no file at all.
    """
    files: dict[Path, None] = {}
    for pattern in patterns:
        _check_place(key, pattern, PurePosixPath(folder))
        _check_folders(key, root, str(PurePosixPath(pattern).parent), folder)
        matches = sorted(glob.glob(pattern, root_dir=root, recursive=True))
        for match in matches:
            _check_folders(key, root, match, folder)
        found = [match for match in matches if _is_data(key, root, match)]
        if not found:
            raise UserError(f"{key}: {pattern}: {_why_nothing(root, pattern, matches)}")
        files.update(dict.fromkeys(root / match for match in found))
    return list(files)


def _check_place(key: str, pattern: str, folder: PurePosixPath) -> None:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.is_relative_to(folder) or path == folder:
        raise UserError(
            f"{key}: {pattern}: not under {folder}/; link the files there: ln -s /path/of/file {folder}/"
        )


def _check_folders(key: str, root: Path, path: str, folder: str) -> None:
    """Refuse a symlinked folder: DVC does not see what changes behind one."""
    at = root
    for part in PurePosixPath(path).parts:
        at = at / part
        if at.is_symlink() and at.is_dir():
            shown = at.relative_to(root).as_posix()
            raise UserError(
                f"{key}: {shown} is a symlinked folder, behind which DVC sees no change; remove it and "
                f"link its files one by one: ln -s {at.resolve()}/* {folder}/ (or copy and dvc add it)"
            )


def _is_data(key: str, root: Path, match: str) -> bool:
    path = root / match
    if path.is_symlink() and not path.exists():
        raise UserError(f"{key}: {match}: links to {path.readlink()}, which does not exist; link it again")
    return path.is_file() and path.suffix != ".dvc"


def _why_nothing(root: Path, pattern: str, matches: Sequence[str]) -> str:
    if any((root / match).is_dir() for match in matches):
        return f"is a folder; name its files: {pattern.rstrip('/')}/*"
    if glob.glob(pattern + ".dvc", root_dir=root) or any(match.endswith(".dvc") for match in matches):
        return "the data of its .dvc file is absent; fetch it with `dvc pull` or `dvc checkout`"
    return "no such file; put it there (copy, ln -s or dvc add), or mend the path"
