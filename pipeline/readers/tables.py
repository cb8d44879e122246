"""Read CSV and TSV: rows of columns separated by comma, semicolon, tab or |, with or without a header."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.readers.decompress import content_suffix
from pipeline.readers.lines import TextLines
from pipeline.readers.rows import MAX_ROW_BYTES, Note, Unreadable

DELIMITERS = ",;\t|"  # spreadsheets set to Turkish write semicolons
EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # a first line that names it
QUOTED = re.compile(r'"[^"]*"')
GUESS_LINES = 20  # of a file without a header, to find its delimiter
NO_DELIMITER = "\0"  # of a single column: TextLines leaves out NUL characters


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

    A .tsv is split at tabs and knows no quotes: a note says so where some surround a field. In a .csv quoted
    fields may contain line breaks. A stray quote makes its line unreadable, and so does one that stays open.
    One that takes in whole rows makes them all unreadable. Raises UserError for a header that cannot be read.
    """
    lines = TextLines(stream, name, MAX_ROW_BYTES)
    if content_suffix(Path(name)) == ".tsv":
        delimiter, rows = "\t", _split_tsv(lines)
    else:
        delimiter, rows = _parse_csv(lines, has_header)
    first = next(rows, None)
    if isinstance(first, Unreadable):
        raise UserError(first.message)
    names = [value.strip() for value in first.values] if isinstance(first, Fields) else []
    if first and not has_header:
        names = ["text"] if len(names) == 1 else [str(number) for number in range(1, len(names) + 1)]
        rows = chain([first], rows)
    return Table(names, _check_rows(rows, names, delimiter, lines))


def _split_tsv(lines: TextLines) -> Iterator[Fields | Unreadable | Note]:
    is_noted = False
    for line, text in lines.whole():
        if isinstance(text, Unreadable):
            yield text
        elif text.strip("\r\n"):
            values = text.rstrip("\r\n").split("\t")
            yield Fields(line.number, values, [text])
            if not is_noted and any(QUOTED.fullmatch(value) for value in values):
                is_noted = True
                yield Note(
                    Translatable(
                        "{name}:{number}: quotes around a field of a .tsv are read as text; to drop "
                        "them, rename the file .csv",
                        name=lines.name,
                        number=line.number,
                    )
                )


def _parse_csv(lines: TextLines, has_header: bool) -> tuple[str, Iterator[Fields | Unreadable | Note]]:
    """Return the delimiter, and the rows that are not blank."""
    numbered = ((line.number, line.raw, text) for line, text in lines.whole())
    first = list(islice(numbered, 1 if has_header else GUESS_LINES))
    texts = [text for _, _, text in first if isinstance(text, str)]
    if named := EXCEL_SEPARATOR.fullmatch(texts[0] if texts else ""):
        return named[1], _parse_rows(chain(first[1:], numbered), named[1], lines.name)
    delimiter = guess_delimiter(texts, has_header)
    return delimiter, _parse_rows(chain(first, numbered), delimiter, lines.name)


def guess_delimiter(lines: Sequence[str], has_header: bool) -> str:
    """Return the delimiter that a header has most of, a comma where it has none.

    Of rows without a header it is one that all of them have, best in equal number. One before a space is
    taken for one of the text, as quoted ones are. NO_DELIMITER: there is none.
    """
    text = QUOTED.sub("", "".join(lines))
    if has_header:
        return max(DELIMITERS, key=text.count)  # the first of equals
    rows = [row for row in text.partition('"')[0].splitlines() if row.strip()]
    counts = {
        delimiter: [row.count(delimiter) - row.count(f"{delimiter} ") for row in rows]
        for delimiter in reversed(DELIMITERS)
    }
    common = [delimiter for delimiter in counts if rows and all(counts[delimiter])]
    return max(common, key=lambda delimiter: len(set(counts[delimiter])) == 1, default=NO_DELIMITER)


def _parse_rows(
    lines: Iterator[tuple[int, bytes, str | Unreadable]], delimiter: str, name: str
) -> Iterator[Fields | Unreadable]:
    """Yield the rows. Where one has a wrong quote, its first line is unreadable and the next one begins."""
    row: list[tuple[int, str, Unreadable | None]] = []  # its lines
    unread: deque[tuple[int, str, Unreadable | None]] = deque()  # lines of a row that began too soon

    def feed() -> Iterator[str]:
        while True:
            if unread:
                row.append(unread.popleft())
            elif line := next(lines, None):
                number, raw, text = line
                fault = text if isinstance(text, Unreadable) else None
                # An unreadable line may end a quoted field.
                row.append((number, raw.decode("utf-8", "surrogateescape") if fault else str(text), fault))
            else:
                return
            yield row[-1][1]

    csv.field_size_limit(MAX_ROW_BYTES)
    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        row.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number, _, fault = row[0]
            yield fault or Unreadable(
                Translatable(
                    "{name}:{number}: {fault}; put a text with quotes in quotes, those doubled",
                    name=name,
                    number=number,
                    fault=recognize(str(error)),
                )
            )
            unread.extendleft(reversed(row[1:]))
            reader = csv.reader(feed(), delimiter=delimiter, strict=True)  # the other may be at its end
            continue
        faults = [fault for _, _, fault in row if fault]
        if faults:
            yield faults[0]
        elif values:
            yield Fields(row[0][0], values, [text for _, text, _ in row])


def _check_rows(
    rows: Iterator[Fields | Unreadable | Note], names: Sequence[str], delimiter: str, lines: TextLines
) -> Iterator[Fields | Unreadable | Note]:
    """Yield the rows that have as many columns as there are names, and what is wrong with the others."""
    for row in rows:
        if isinstance(row, Unreadable | Note):
            yield row
        elif len(row.values) != len(names):
            yield Unreadable(
                Translatable(
                    "{name}:{number}: {count} columns, not {expected} as above (separator "
                    "{delimiter}); put texts in quotes",
                    name=lines.name,
                    number=row.number,
                    count=len(row.values),
                    expected=len(names),
                    delimiter=repr(delimiter),
                )
            )
        elif len(names) > 1 and len(row.lines) > 1 and _holds_rows(row, delimiter):
            yield Unreadable(
                Translatable(
                    "{name}:{number}: a quote stays open and takes in {count} rows below; close it, "
                    "and double quotes inside a text",
                    name=lines.name,
                    number=row.number,
                    count=len(row.lines) - 1,
                )
            )
        else:
            yield row
    yield from lines.notes


def _holds_rows(row: Fields, delimiter: str) -> bool:
    """Return whether each line of a row looks like a row of its own.

    Where there are others between the first and the last line, these two may have more columns: those of a
    text that begins or ends with the quote. Where the first line has more quotes than the open one, the file
    quotes its fields, so that the lines below would have some too.
    """
    first, *inner, last = row.lines
    return (
        first.count('"') == 1
        and all(line.count(delimiter) >= len(row.values) - 1 for line in (first, last))
        and all(_is_row(line, row, delimiter) for line in inner or row.lines)
    )


def _is_row(line: str, row: Fields, delimiter: str) -> bool:
    """Return whether a line of a row looks like a row of its own.

    It has as many columns as `row`, with numbers where that has some. A comma before a space, or between
    digits that are not two columns of numbers, is taken for one of the text.
    """
    fields = line.rstrip("\r\n").split(delimiter)
    are_numeric = [value.isdecimal() for value in row.values]
    return (
        len(fields) == len(row.values)
        and not any(field.startswith(" ") for field in fields[1:])
        and not (
            delimiter == ","
            and any(
                left[-1:].isdecimal() and right[:1].isdecimal() and not all(numeric)
                for (left, right), numeric in zip(pairwise(fields), pairwise(are_numeric), strict=True)
            )
        )
        and all(
            field.strip('"').isdecimal()
            for field, is_numeric in zip(fields, are_numeric, strict=True)
            if is_numeric
        )
    )
