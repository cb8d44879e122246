"""`tezgah export`: a model in the formats of other programs, each in a folder with its model cards."""

from importlib.util import find_spec
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.export.target import choose_target, new_folder


def require_packages(*names: str) -> None:
    """Raise UserError unless the packages of an export are installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(f"{', '.join(missing)}: not installed; run `pip install -e '.[export]'`")


def export_gguf(folder: Path, type: str, to: Path | None, name: str | None) -> None:
    """Write a decoder as a GGUF file. Raises UserError for what llama.cpp does not know."""
    require_packages("gguf")
    from pipeline.export.gguf import check_exportable, check_type, write_gguf

    check_type(type)
    check_exportable(folder)
    target = choose_target(folder, f"gguf-{type}", to)
    name = name or folder.resolve().name
    with new_folder(target) as made:
        write_gguf(made / f"{name}-{type}.gguf", folder, type, name)
    print_written(target)


def print_written(target: Path) -> None:
    """Print the files of an export and their sizes."""
    for file in sorted(path for path in target.rglob("*") if path.is_file()):
        print(translate(f"{file}: {file.stat().st_size:,} bytes"))
