"""JSON lines: an object on every line."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.corpus.readers.lines import Line, decoded, lines
from pipeline.corpus.readers.records import (
    ID_COLUMN,
    MAX_RECORD_BYTES,
    Note,
    Record,
    TextOf,
    Unreadable,
    text_of,
)

HALVES = re.compile("[\ud800-\udfff]")  # of a character, as escapes can have them; no encoding has


def records(stream: BinaryIO, name: str, wanted: str | None = None) -> Iterator[Record | Unreadable | Note]:
    """The documents of a JSON-lines file. The first object says which key holds the text."""
    text: TextOf | None = None
    for line in lines(stream, MAX_RECORD_BYTES):
        if not line.starts or (line.ends and not line.raw.strip()):
            continue
        row = _object(line, name)
        if isinstance(row, Unreadable):
            yield row
            continue
        if text is None:
            strings = [key for key, value in row.items() if isinstance(value, str | None)]
            text = text_of(list(row), strings, wanted, f"{name}:{line.number}")
            yield from text.notes
        yield _record(row, text, f"{name}:{line.number}")


def _object(line: Line, name: str) -> dict[str, Any] | Unreadable:
    where = f"{name}:{line.number}"
    if not line.ends:
        return Unreadable(f"{where}: longer than {MAX_RECORD_BYTES >> 20} MiB; put one object on a line")
    text = decoded(line, name)
    if isinstance(text, Unreadable):
        return text
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"{where}: not JSON ({error}); mend the line")
    if not isinstance(row, dict):
        return Unreadable(f'{where}: {type(row).__name__}, not an object; write {{"text": …}} on a line')
    return row


def _record(row: dict[str, Any], text: TextOf, where: str) -> Record | Unreadable:
    for column in text.columns:
        if column not in row:
            return Unreadable(f"{where}: no key {column!r} among {', '.join(row) or 'none'}; add it")
        if not isinstance(row[column], str | None):
            kind = type(row[column]).__name__
            return Unreadable(f"{where}: {column!r} holds {kind}, not text; mend the line")
    own = row.get(ID_COLUMN)
    is_id = isinstance(own, str) or type(own) is int
    whole = text.text([row[column] for column in text.columns])
    return Record(HALVES.sub("", whole), HALVES.sub("", str(own)) if is_id else None)
