"""The records of a source, one after another, in an order that depends on params and file names alone."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus import from_csv, from_jsonl, from_parquet, from_txt
from pipeline.corpus.decompress import SUFFIXES, opened
from pipeline.corpus.params import MiniworldSource
from pipeline.corpus.records import Record, Unreadable
from pipeline.errors import UserError
from pipeline.miniworld import texts

KINDS = "txt, jsonl, ndjson, csv, tsv (these also .gz, .xz or .zst), parquet"


def miniworld_records(source: MiniworldSource, seed: int) -> Iterator[Record]:
    """All that the embedded world tells."""
    for document in texts.documents(seed, source.documents):
        yield Record(document.text, document.id, document.queries)


def file_records(path: Path, text_column: str | None = None) -> Iterator[Record | Unreadable]:
    """The records of one file, by its name's ending."""
    inner = path.with_suffix("") if path.suffix in SUFFIXES else path
    if inner.suffix == ".parquet" and inner == path:
        yield from from_parquet.records(path, text_column)
        return
    if inner.suffix not in (".txt", ".jsonl", ".ndjson", ".csv", ".tsv"):
        raise UserError(f"{path}: of no known format; rename or convert it to one of {KINDS}")
    with opened(path) as stream:
        match inner.suffix:
            case ".txt":
                yield from from_txt.records(stream, path)
            case ".jsonl" | ".ndjson":
                yield from from_jsonl.records(stream, path, text_column)
            case _:
                yield from from_csv.records(stream, path, text_column)
