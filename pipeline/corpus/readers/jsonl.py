"""Read documents from JSON lines: an object on every line."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.corpus.readers.lines import Line, decode_line, read_lines
from pipeline.corpus.readers.records import (
    ID_COLUMN,
    MAX_RECORD_BYTES,
    Note,
    Record,
    TextTemplate,
    Unreadable,
    choose_text_columns,
)

LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # escapes can hold them; no encoding can


def read_jsonl(
    stream: BinaryIO, name: str, text_column: str | None = None
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a JSON-lines file. The first object tells which key holds the text."""
    template: TextTemplate | None = None
    for line in read_lines(stream, MAX_RECORD_BYTES):
        if not line.is_start or (line.is_end and not line.raw.strip()):
            continue
        row = _parse_object(line, name)
        if isinstance(row, Unreadable):
            yield row
            continue
        if template is None:
            strings = [key for key, value in row.items() if isinstance(value, str | None)]
            template = choose_text_columns(list(row), strings, text_column, f"{name}:{line.number}")
            yield from template.notes
        yield _make_record(row, template, f"{name}:{line.number}")


def _parse_object(line: Line, name: str) -> dict[str, Any] | Unreadable:
    location = f"{name}:{line.number}"
    if not line.is_end:
        return Unreadable(f"{location}: longer than {MAX_RECORD_BYTES >> 20} MiB; put one object on a line")
    text = decode_line(line, name)
    if isinstance(text, Unreadable):
        return text
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"{location}: not JSON ({error}); mend the line")
    if not isinstance(row, dict):
        return Unreadable(f'{location}: {type(row).__name__}, not an object; write {{"text": …}} on a line')
    return row


def _make_record(row: dict[str, Any], template: TextTemplate, location: str) -> Record | Unreadable:
    for column in template.columns:
        if column not in row:
            return Unreadable(f"{location}: no key {column!r} among {', '.join(row) or 'none'}; add it")
        if not isinstance(row[column], str | None):
            kind = type(row[column]).__name__
            return Unreadable(f"{location}: {column!r} holds {kind}, not text; mend the line")
    id = row.get(ID_COLUMN)
    has_id = isinstance(id, str) or type(id) is int
    text = template.render([row[column] for column in template.columns])
    return Record(LONE_SURROGATES.sub("", text), LONE_SURROGATES.sub("", str(id)) if has_id else None)
