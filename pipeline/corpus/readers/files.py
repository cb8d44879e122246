"""The documents of a file, whatever its format."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.corpus.readers import csv, jsonl, parquet, txt
from pipeline.corpus.readers.decompress import SUFFIXES, opened
from pipeline.corpus.readers.records import Note, Record, Unreadable

KINDS = "txt, jsonl, ndjson, csv, tsv (these also .gz, .xz or .zst), parquet"
_TEXT = (".txt", ".jsonl", ".ndjson", ".csv", ".tsv")


def kind_of(path: Path) -> str | None:
    """The ending that says a file's format; None for one that is not known."""
    inner = path.with_suffix("") if path.suffix in SUFFIXES else path
    known = (*_TEXT, ".parquet") if inner == path else _TEXT
    return inner.suffix if inner.suffix in known else None


def file_records(
    path: Path, wanted: str | None = None, divided: txt.Divided = "blank_line", name: str | None = None
) -> Iterator[Record | Unreadable | Note]:
    """The records of one file, by its name's ending; `wanted`: see `text_of`; `divided`: for .txt; `name`:
    what messages call it, where it is a copy.
    """
    name = name or str(path)
    kind = kind_of(path)
    if kind is None:
        raise UserError(f"{path}: of no known format; rename or convert it to one of {KINDS}")
    if kind == ".parquet":
        with open(path, "rb") as file:
            yield from parquet.records(file, name, wanted)
        return
    with opened(path, name) as stream:
        match kind:
            case ".txt":
                yield from txt.records(stream, name, divided=divided)
            case ".jsonl" | ".ndjson":
                yield from jsonl.records(stream, name, wanted)
            case _:
                yield from csv.records(stream, name, wanted)
