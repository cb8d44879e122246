"""Read the documents of a file of any supported format."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.corpus.readers.csv import read_csv
from pipeline.corpus.readers.jsonl import read_jsonl
from pipeline.corpus.readers.parquet import read_parquet
from pipeline.corpus.readers.records import Record
from pipeline.corpus.readers.txt import DocumentBoundary, read_txt
from pipeline.readers.decompress import DamagedFile, content_suffix, is_compressed, open_decompressed
from pipeline.readers.rows import Note, Unreadable

FORMATS = Translatable("txt, jsonl, ndjson, json, csv, tsv (these also .gz, .xz or .zst), parquet")
COMPRESSION_RATIO = 4  # bytes of text in a byte of a compressed file
_TEXT_FORMATS = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")


def file_format(path: Path) -> str | None:
    """Return the suffix that names a file's format, in lower case; None for an unknown one."""
    suffix = content_suffix(path)
    known = _TEXT_FORMATS if is_compressed(path) else (*_TEXT_FORMATS, ".parquet")
    return suffix if suffix in known else None


def compression_ratio(path: Path) -> int:
    """Return the estimated bytes of text in a byte of a file, by its suffix."""
    return COMPRESSION_RATIO if is_compressed(path) or file_format(path) == ".parquet" else 1


def read_file(
    path: Path,
    text_column: str | None = None,
    boundary: DocumentBoundary = "blank_line",
    name: str | None = None,
    has_header: bool = True,
) -> Iterator[Record | Unreadable | Note]:
    """Yield the records of a file, whose suffix names the format.

    `text_column`: see `choose_text_columns`. `boundary`: what ends a document of a .txt. `name`: what
    messages call the file, where it is a copy. `has_header`: of a CSV or TSV. A compressed file that is
    damaged after some text ends in an Unreadable. Raises UserError for an unknown format.
    """
    name = name or str(path)
    suffix = file_format(path)
    if suffix is None:
        raise UserError(
            "{path}: of no known format; rename or convert it to one of {formats}", path=path, formats=FORMATS
        )
    if suffix == ".parquet":
        with open(path, "rb") as file:
            yield from read_parquet(file, name, text_column)
        return
    try:
        with open_decompressed(path, name) as stream:
            yield from _read_stream(stream, suffix, name, text_column, boundary, has_header)
    except DamagedFile as error:
        if error.is_empty:
            raise
        yield Unreadable(error.message)


def _read_stream(
    stream: BinaryIO,
    suffix: str,
    name: str,
    text_column: str | None,
    boundary: DocumentBoundary,
    has_header: bool,
) -> Iterator[Record | Unreadable | Note]:
    match suffix:
        case ".txt":
            return read_txt(stream, name, boundary=boundary)
        case ".csv" | ".tsv":
            return read_csv(stream, name, text_column, has_header)
        case _:
            return read_jsonl(stream, name, text_column)
