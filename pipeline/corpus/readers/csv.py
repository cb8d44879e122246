"""Read documents from CSV and TSV: columns separated by comma, semicolon, tab or |, under a header."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from pipeline.common.errors import UserError
from pipeline.corpus.readers.lines import decode_line, read_lines
from pipeline.corpus.readers.records import (
    ID_COLUMN,
    MAX_RECORD_BYTES,
    Note,
    Record,
    Unreadable,
    choose_text_columns,
)

DELIMITERS = ",;\t|"  # spreadsheets set to Turkish write semicolons


def read_csv(
    stream: BinaryIO, name: str, text_column: str | None = None
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a table. Quoted fields may contain line breaks; a stray quote is an error."""
    errors: list[Unreadable] = []
    lines = _decode_lines(stream, name, errors)
    first = next(lines, "")
    # max takes the first of equals: a .csv of a single column is split at commas.
    delimiter = "\t" if ".tsv" in Path(name).suffixes else max(DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_RECORD_BYTES)
    rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    names = [column.strip() for column in _read_header(rows, name, errors)]
    template = choose_text_columns(names, names, text_column, name)
    text_indices = [names.index(column) for column in template.columns]
    yield from template.notes
    id_index = names.index(ID_COLUMN) if ID_COLUMN in names else None

    while True:
        line_number = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            errors.append(
                Unreadable(f"{name}:{line_number}: {error}; put a text with quotes in quotes, those doubled")
            )
            row = []
        if errors:
            yield errors[0]
            errors.clear()
        elif len(row) == len(names):
            text = template.render([row[i] for i in text_indices])
            yield Record(text, row[id_index] if id_index is not None else None)
        elif row:
            yield Unreadable(
                f"{name}:{line_number}: {len(row)} columns, not {len(names)} as above; put texts in quotes"
            )


def _decode_lines(stream: BinaryIO, name: str, errors: list[Unreadable]) -> Iterator[str]:
    """Yield the text of every line. One that is not UTF-8 is too, as it may end a quoted field, and its error
    joins `errors`.
    """
    for line in read_lines(stream, MAX_RECORD_BYTES):
        text = decode_line(line, name)
        if isinstance(text, Unreadable):
            errors.append(text)
            text = line.raw.decode("utf-8", "surrogateescape")
        yield text


def _read_header(rows: Iterator[list[str]], name: str, errors: list[Unreadable]) -> list[str]:
    try:
        names = next(rows, [])
    except csv.Error as error:
        raise UserError(f"{name}:1: {error}; the first row names the columns") from None
    if errors:
        raise UserError(errors[0].message)
    return names
