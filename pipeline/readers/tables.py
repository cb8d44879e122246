"""Read CSV and TSV: rows of columns separated by comma, semicolon, tab or |, with or without a header."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipeline.common.errors import UserError
from pipeline.readers.decompress import content_suffix
from pipeline.readers.lines import TextLines
from pipeline.readers.rows import MAX_ROW_BYTES, Note, Unreadable

DELIMITERS = ",;\t|"  # spreadsheets set to Turkish write semicolons
EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # a first line that names it
DECIMAL_COMMA = re.compile(r"\d,\d")


class Fields(NamedTuple):
    """A row of a table, with the lines of the file that it takes."""

    number: int  # of its first line
    values: list[str]
    lines: list[str]


class Table(NamedTuple):
    """The names of a table's columns, and its rows of as many values."""

    names: list[str]  # without a header 1, 2, …; `text` for a single column
    rows: Iterator[Fields | Unreadable | Note]


def read_table(stream: BinaryIO, name: str, has_header: bool = True) -> Table:
    """Read the header of a table; the rows follow as they are asked for.

    A .tsv is split at tabs and knows no quotes. In a .csv quoted fields may contain line breaks; a stray
    quote makes its row unreadable, and so does an open one that takes in the rows below it. Raises UserError
    for a header that cannot be read.
    """
    lines = TextLines(stream, name, MAX_ROW_BYTES)
    if content_suffix(Path(name)) == ".tsv":
        delimiter, rows = "\t", _split_tsv(lines)
    else:
        delimiter, rows = _parse_csv(lines)
    first = next(rows, None)
    if isinstance(first, Unreadable):
        raise UserError(first.message)
    names = [value.strip() for value in first.values] if first else []
    if first and not has_header:
        names = ["text"] if len(names) == 1 else [str(number) for number in range(1, len(names) + 1)]
        rows = chain([first], rows)
    return Table(names, _check_rows(rows, names, delimiter, lines))


def _split_tsv(lines: TextLines) -> Iterator[Fields | Unreadable]:
    for line, text in lines.whole():
        if isinstance(text, Unreadable):
            yield text
        elif text.strip("\r\n"):
            yield Fields(line.number, text.rstrip("\r\n").split("\t"), [text])


def _parse_csv(lines: TextLines) -> tuple[str, Iterator[Fields | Unreadable]]:
    """Return the delimiter, and the rows that are not blank."""
    numbered = ((line.number, line.raw, text) for line, text in lines.whole())
    number, raw, first = next(numbered, (1, b"", ""))
    header = first if isinstance(first, str) else ""
    if named := EXCEL_SEPARATOR.fullmatch(header):
        return named[1], _parse_rows(numbered, named[1], lines.name)
    # max takes the first of equals: a .csv of a single column is split at commas.
    delimiter = max(DELIMITERS, key=header.count)
    return delimiter, _parse_rows(chain([(number, raw, first)], numbered), delimiter, lines.name)


def _parse_rows(
    lines: Iterator[tuple[int, bytes, str | Unreadable]], delimiter: str, name: str
) -> Iterator[Fields | Unreadable]:
    faults: list[Unreadable] = []
    numbers: list[int] = []  # of the lines of the row
    texts: list[str] = []

    def feed() -> Iterator[str]:
        for number, raw, text in lines:
            if isinstance(text, Unreadable):
                faults.append(text)
                text = raw.decode("utf-8", "surrogateescape")  # which may end a quoted field
            numbers.append(number)
            texts.append(text)
            yield text

    csv.field_size_limit(MAX_ROW_BYTES)
    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(
                Unreadable(f"{name}:{numbers[0]}: {error}; put a text with quotes in quotes, those doubled")
            )
            values = []
        if faults:
            yield faults[0]
        elif values:
            yield Fields(numbers[0], values, list(texts))
        faults.clear()
        numbers.clear()
        texts.clear()


def _check_rows(
    rows: Iterator[Fields | Unreadable], names: Sequence[str], delimiter: str, lines: TextLines
) -> Iterator[Fields | Unreadable | Note]:
    """Yield the rows that have as many columns as there are names, and what is wrong with the others."""
    for row in rows:
        if isinstance(row, Unreadable):
            yield row
        elif len(row.values) != len(names):
            yield Unreadable(
                f"{lines.name}:{row.number}: {len(row.values)} columns, not {len(names)} as above"
                f" (separator {delimiter!r}); put texts in quotes"
            )
        elif (
            len(names) > 1 and len(row.lines) > 1 and all(_is_row(line, row, delimiter) for line in row.lines)
        ):
            yield Unreadable(
                f"{lines.name}:{row.number}: a quote stays open and takes in {len(row.lines) - 1} rows below;"
                " close it, and double quotes inside a text"
            )
        else:
            yield row
    yield from lines.notes


def _is_row(line: str, row: Fields, delimiter: str) -> bool:
    """Return whether a line inside a quoted field looks like a row of its own.

    It has as many columns as `row`, with numbers where that has some. A comma before a space, or in a number,
    is taken for one of the text.
    """
    fields = line.rstrip("\r\n").split(delimiter)
    are_numeric = [value.isdecimal() for value in row.values]
    return (
        len(fields) == len(row.values)
        and not any(field.startswith(" ") for field in fields[1:])
        and (any(are_numeric) or delimiter != "," or not DECIMAL_COMMA.search(line))
        and all(
            field.strip('"').isdecimal()
            for field, is_numeric in zip(fields, are_numeric, strict=True)
            if is_numeric
        )
    )
