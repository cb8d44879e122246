"""JSON lines: an object on every line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.corpus.lines import Line, decoded, lines
from pipeline.corpus.records import ID_COLUMN, MAX_RECORD_BYTES, Record, Unreadable, text_column


def records(stream: BinaryIO, path: Path, wanted: str | None = None) -> Iterator[Record | Unreadable]:
    """The documents of a JSON-lines file. The first object says which key holds the text."""
    column: str | None = None
    for line in lines(stream, MAX_RECORD_BYTES):
        if not line.starts or (line.ends and not line.raw.strip()):
            continue
        row = _object(line, path)
        if isinstance(row, Unreadable):
            yield row
            continue
        if column is None:
            strings = [key for key, value in row.items() if isinstance(value, str | None)]
            column = text_column(list(row), strings, wanted, f"{path}:{line.number}")
        yield _record(row, column, f"{path}:{line.number}")


def _object(line: Line, path: Path) -> dict[str, Any] | Unreadable:
    where = f"{path}:{line.number}"
    if not line.ends:
        return Unreadable(f"{where}: longer than {MAX_RECORD_BYTES >> 20} MiB; put one object on a line")
    text = decoded(line, path)
    if isinstance(text, Unreadable):
        return text
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"{where}: not JSON ({error}); mend the line")
    if not isinstance(row, dict):
        return Unreadable(f'{where}: {type(row).__name__}, not an object; write {{"text": …}} on a line')
    return row


def _record(row: dict[str, Any], column: str, where: str) -> Record | Unreadable:
    if column not in row:
        return Unreadable(f"{where}: no key {column!r} among {', '.join(row) or 'none'}; add it")
    text = row[column]
    if not isinstance(text, str | None):
        return Unreadable(f"{where}: {column!r} holds {type(text).__name__}, not text; mend the line")
    own = row.get(ID_COLUMN)
    is_id = isinstance(own, str) or type(own) is int
    return Record(text or "", str(own) if is_id else None)
