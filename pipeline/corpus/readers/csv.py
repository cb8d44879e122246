"""Tables in text: comma, semicolon, tab or | between the columns, their names in the first row."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from pipeline.common.errors import UserError
from pipeline.corpus.readers.lines import decoded, lines
from pipeline.corpus.readers.records import ID_COLUMN, MAX_RECORD_BYTES, Note, Record, Unreadable, text_of

DELIMITERS = ",;\t|"  # spreadsheets set to Turkish write semicolons


def records(stream: BinaryIO, name: str, wanted: str | None = None) -> Iterator[Record | Unreadable | Note]:
    """The documents of a table. Quoted fields may hold line breaks; a stray quote is an error."""
    faults: list[Unreadable] = []
    source = _texts(stream, name, faults)
    first = next(source, "")
    # max takes the first of equals: a .csv of a single column is divided by commas.
    delimiter = "\t" if ".tsv" in Path(name).suffixes else max(DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_RECORD_BYTES)
    rows = csv.reader(chain([first], source), delimiter=delimiter, strict=True)
    names = [column.strip() for column in _header(rows, name, faults)]
    text = text_of(names, names, wanted, name)
    places = [names.index(column) for column in text.columns]
    yield from text.notes
    own = names.index(ID_COLUMN) if ID_COLUMN in names else None

    while True:
        number = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(
                Unreadable(f"{name}:{number}: {error}; put a text with quotes in quotes, those doubled")
            )
            row = []
        if faults:
            yield faults[0]
            faults.clear()
        elif len(row) == len(names):
            yield Record(text.text([row[place] for place in places]), row[own] if own is not None else None)
        elif row:
            yield Unreadable(
                f"{name}:{number}: {len(row)} columns, not {len(names)} as above; put texts in quotes"
            )


def _texts(stream: BinaryIO, name: str, faults: list[Unreadable]) -> Iterator[str]:
    """Every line's text. One that is not UTF-8 is noted and handed on: it may end a quoted field."""
    for line in lines(stream, MAX_RECORD_BYTES):
        text = decoded(line, name)
        if isinstance(text, Unreadable):
            faults.append(text)
            text = line.raw.decode("utf-8", "surrogateescape")
        yield text


def _header(rows: Iterator[list[str]], name: str, faults: list[Unreadable]) -> list[str]:
    try:
        names = next(rows, [])
    except csv.Error as error:
        raise UserError(f"{name}:1: {error}; the first row names the columns") from None
    if faults:
        raise UserError(faults[0].message)
    return names
