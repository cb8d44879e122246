"""Matching of the file patterns in params.yaml, with checks that DVC sees the files change."""

import glob
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.paths import copied_from


def matching_files(
    key: str, patterns: Sequence[str], folder: Path | str, root: Path = Path(".")
) -> list[Path]:
    """Return the files that the globs `patterns` match below `root`, each once.

    They come pattern by pattern, sorted by path within each. `folder` is the one that dvc.yaml
    lists for the stage, such as data/raw/corpus. Hidden files and DVC's own `*.dvc` are skipped. `**` goes
    into subfolders.
    Raises UserError, naming the param `key` and the pattern, for a pattern outside `folder`, a symlinked
    folder on the way, a broken link, or no match.
    """
    files: dict[Path, None] = {}
    for pattern in patterns:
        _check_inside_folder(key, pattern, PurePosixPath(folder))
        _refuse_symlinked_folders(key, root, str(PurePosixPath(pattern).parent), folder)
        matches = sorted(glob.glob(pattern, root_dir=root, recursive=True))
        for match in matches:
            _refuse_symlinked_folders(key, root, match, folder)
        data_files = [match for match in matches if _is_data_file(key, root, match)]
        if not data_files:
            raise UserError(
                "{key}: {pattern}: {fault}",
                key=key,
                pattern=pattern,
                fault=_explain_no_match(root, pattern, matches),
            )
        files.update(dict.fromkeys(root / match for match in data_files))
    return list(files)


def _check_inside_folder(key: str, pattern: str, folder: PurePosixPath) -> None:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.is_relative_to(folder) or path == folder:
        raise UserError(
            "{key}: {pattern}: not under {folder}/; link the files there: ln -s /path/of/file {folder}/",
            key=key,
            pattern=pattern,
            folder=folder,
        )


def _refuse_symlinked_folders(key: str, root: Path, path: str, folder: Path | str) -> None:
    """Refuse a symlinked folder: DVC does not see what changes behind one."""
    current = root
    for part in PurePosixPath(path).parts:
        current = current / part
        if current.is_symlink() and current.is_dir():
            name = current.relative_to(root).as_posix()
            raise UserError(
                "{key}: {name} is a symlinked folder, behind which DVC sees no change; remove it "
                "and link its files one by one: ln -s {target}/* {folder}/ (or copy and dvc add "
                "it)",
                key=key,
                name=name,
                target=current.resolve(),
                folder=folder,
            )


def _is_data_file(key: str, root: Path, match: str) -> bool:
    path = root / match
    if path.is_symlink() and not path.exists():
        raise UserError(
            "{key}: {match}: links to {target}, which does not exist; link it again",
            key=key,
            match=match,
            target=path.readlink(),
        )
    return path.is_file() and path.suffix != ".dvc"


def _explain_no_match(root: Path, pattern: str, matches: Sequence[str]) -> str:
    if any((root / match).is_dir() for match in matches):
        return Translatable("is a folder; name its files: {folder}/*", folder=pattern.rstrip("/"))
    if glob.glob(pattern + ".dvc", root_dir=root) or any(match.endswith(".dvc") for match in matches):
        return Translatable("the data of its .dvc file is absent; fetch it with `dvc pull` or `dvc checkout`")
    if (project := copied_from(root)) and glob.glob(pattern, root_dir=project, recursive=True):
        return Translatable(
            "not in this copy, as `--temp` and `--queue` copy only what git or DVC track; "
            "`dvc add` it, or run without them"
        )
    return Translatable("no such file; put it there (copy, ln -s or dvc add), or fix the path")
