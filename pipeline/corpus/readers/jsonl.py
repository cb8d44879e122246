"""Read documents from the objects of JSON."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.common.i18n import Translatable
from pipeline.corpus.readers.records import ID_COLUMN, Record, TextTemplate, choose_text_columns
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Note, Row, Unreadable


def read_jsonl(
    stream: BinaryIO, name: str, text_column: str | None = None
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a file of JSON (see `read_json_rows`).

    The first object tells which key holds the text.
    """
    template: TextTemplate | None = None
    for row in read_json_rows(stream, name):
        if not isinstance(row, Row):
            yield row
            continue
        if template is None:
            template = choose_text_columns(_column_kinds(row.values), text_column, row.location)
            yield from template.notes
        yield _make_record(row, template)


def _column_kinds(values: dict[str, Any]) -> dict[str, str | None]:
    """Return the type of every value by its key, None for text."""
    return {
        key: None if isinstance(value, str | None) else type(value).__name__ for key, value in values.items()
    }


def _make_record(row: Row, template: TextTemplate) -> Record | Unreadable:
    location, values = row
    for column in template.columns:
        if column not in values:
            return Unreadable(
                Translatable(
                    "{location}: no key {column} among {keys}; add it",
                    location=location,
                    column=repr(column),
                    keys=", ".join(values) or Translatable("none"),
                )
            )
        if not isinstance(values[column], str | None):
            kind = type(values[column]).__name__
            return Unreadable(
                Translatable(
                    "{location}: {column} holds {kind}, not text; fix the line",
                    location=location,
                    column=repr(column),
                    kind=kind,
                )
            )
    id = values.get(ID_COLUMN)
    has_id = isinstance(id, str) or type(id) is int
    text = template.render([values[column] for column in template.columns])
    return Record(text, str(id) if has_id else None)
