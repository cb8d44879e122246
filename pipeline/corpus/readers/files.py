"""Read the documents of a file of any supported format."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.corpus.readers.csv import read_csv
from pipeline.corpus.readers.decompress import COMPRESSION_SUFFIXES, open_decompressed
from pipeline.corpus.readers.jsonl import read_jsonl
from pipeline.corpus.readers.parquet import read_parquet
from pipeline.corpus.readers.records import Note, Record, Unreadable
from pipeline.corpus.readers.txt import DocumentBoundary, read_txt

FORMATS = "txt, jsonl, ndjson, csv, tsv (these also .gz, .xz or .zst), parquet"
_TEXT_FORMATS = (".txt", ".jsonl", ".ndjson", ".csv", ".tsv")


def file_format(path: Path) -> str | None:
    """Return the suffix that names a file's format; None for an unknown one."""
    inner = path.with_suffix("") if path.suffix in COMPRESSION_SUFFIXES else path
    known = (*_TEXT_FORMATS, ".parquet") if inner == path else _TEXT_FORMATS
    return inner.suffix if inner.suffix in known else None


def read_file(
    path: Path,
    text_column: str | None = None,
    boundary: DocumentBoundary = "blank_line",
    name: str | None = None,
) -> Iterator[Record | Unreadable | Note]:
    """Yield the records of a file, whose suffix names the format.

    `text_column`: see `choose_text_columns`. `boundary`: what ends a document of a .txt. `name`: what
    messages call the file, where it is a copy. Raises UserError for an unknown format.
    """
    name = name or str(path)
    suffix = file_format(path)
    if suffix is None:
        raise UserError(f"{path}: of no known format; rename or convert it to one of {FORMATS}")
    if suffix == ".parquet":
        with open(path, "rb") as file:
            yield from read_parquet(file, name, text_column)
        return
    with open_decompressed(path, name) as stream:
        match suffix:
            case ".txt":
                yield from read_txt(stream, name, boundary=boundary)
            case ".jsonl" | ".ndjson":
                yield from read_jsonl(stream, name, text_column)
            case _:
                yield from read_csv(stream, name, text_column)
