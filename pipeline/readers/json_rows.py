"""Read the objects of JSON: one on every line, or all in one array."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.readers.lines import CHUNK_BYTES, Line, TextLines, too_long
from pipeline.readers.rows import MAX_ROW_BYTES, Note, Row, Unreadable

LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # escapes can hold them; no encoding can
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
GAP = re.compile(r"\s*")
LONGEST_TOKEN = 10  # characters, of JSON's words and escapes, that the end of what was read may cut


def read_json_rows(stream: BinaryIO, name: str) -> Iterator[Row | Unreadable | Note]:
    """Yield the objects of a file of JSON lines, or of one that begins with `[` and is an array.

    Blank lines are skipped. Halves of surrogate pairs are left out of every text.
    """
    lines = TextLines(stream, name, MAX_ROW_BYTES)
    is_first = True
    parts = iter(lines)
    for line, text in parts:
        if not line.is_start or (isinstance(text, str) and line.is_end and not text.strip()):
            continue
        if is_first and isinstance(text, str) and text.lstrip().startswith("["):
            yield from read_array(JsonText(text, (later for _, later in parts)), name)
            break
        is_first = False
        yield _parse_line(line, text, name)
    yield from lines.notes


def _parse_line(line: Line, text: str | Unreadable, name: str) -> Row | Unreadable:
    location = f"{name}:{line.number}"
    if not line.is_end:
        return too_long(location, MAX_ROW_BYTES)
    if isinstance(text, Unreadable):
        return text
    if text.strip() == "{":
        return Unreadable(
            Translatable(
                "{location}: not JSON: it goes on below; write one object {{…}} a line", location=location
            )
        )
    try:
        value = parse_json(text.rstrip(), name, line.number)
    except UserError as error:
        return Unreadable(error.message)
    return _make_row(value, location)


def parse_json(text: str, name: str, first_line: int = 1) -> Any:
    """Return the value of a JSON text, which begins on line `first_line` of the file called `name`.

    Raises UserError that names the line and says what is wrong there.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise UserError(
            "{name}:{line}: not JSON: {fault} at column {column}; fix it",
            name=name,
            line=line,
            fault=recognize(error.msg),
            column=error.colno,
        ) from None
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits; deep nesting
        raise UserError(
            "{name}:{line}: not JSON: {fault}; fix it",
            name=name,
            line=first_line,
            fault=recognize(str(error)),
        ) from None
    return drop_lone_surrogates(value) if SURROGATE_ESCAPE.search(text) else value


def drop_lone_surrogates(value: Any) -> Any:
    """Return a JSON value without the halves of surrogate pairs in its texts, which no encoding can hold."""
    match value:
        case str():
            return LONE_SURROGATES.sub("", value)
        case list():
            return [drop_lone_surrogates(item) for item in value]
        case dict():
            return {drop_lone_surrogates(key): drop_lone_surrogates(item) for key, item in value.items()}
    return value


def _make_row(value: Any, location: str) -> Row | Unreadable:
    if isinstance(value, dict):
        return Row(location, value)
    return Unreadable(
        Translatable(
            "{location}: {kind}, not an object; write {{…}}", location=location, kind=type(value).__name__
        )
    )


class JsonText:
    """Text of JSON values one after another, of which no more is held than the value that is read."""

    def __init__(self, text: str, parts: Iterator[str | Unreadable]) -> None:
        self._text = text
        self._position = 0
        self._parts = parts
        self._decoder = json.JSONDecoder()
        self._fault: UserError | None = None  # of the part after the text

    def next_char(self) -> str:
        """Return the next character that is no white space, which stays there; nothing at the end."""
        while True:
            self._position = GAP.match(self._text, self._position).end()  # type: ignore[union-attr]
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._grow():
                return ""

    def skip_char(self) -> None:
        """Go on behind the next character."""
        self._position += 1

    def next_value(self) -> Any:
        """Return the value that begins with the next character. Raises ValueError where there is none."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - LONGEST_TOKEN
                if not is_cut or len(self._text) - self._position > MAX_ROW_BYTES or not self._grow():
                    raise ValueError(error.msg) from None
            except RecursionError as error:
                raise ValueError(str(error)) from None
            else:
                has_surrogates = SURROGATE_ESCAPE.search(self._text, self._position, end)
                self._position = end
                return drop_lone_surrogates(value) if has_surrogates else value

    def _grow(self) -> bool:
        """Read about as much again as is left, so that a long value is not parsed too often; tell if any.

        Raises UserError for a part that cannot be read, after the parts before it were used.
        """
        if self._fault:
            raise self._fault
        rest = self._text[self._position :]
        pieces, size = [rest], 0
        try:
            for part in self._parts:
                if isinstance(part, Unreadable):
                    raise UserError(part.message)
                pieces.append(part)
                size += len(part)
                if size >= max(len(rest), CHUNK_BYTES):
                    break
        except UserError as error:
            if not size:
                raise
            self._fault = error
        self._text, self._position = "".join(pieces), 0
        return size > 0


def read_array(text: JsonText, name: str) -> Iterator[Row | Unreadable]:
    """Yield the objects of an array, called by their numbers. It is read up to its first fault."""
    number = 0
    try:
        while text.next_char() == ("," if number else "["):
            text.skip_char()
            if text.next_char() == "]" and not number:
                break
            number += 1
            location = Translatable("{name}: object {number}", name=name, number=number)
            yield _make_row(text.next_value(), location)
    except UserError as error:
        yield Unreadable(Translatable("{error}; the rest is not read", error=error))
        return
    except ValueError as error:
        yield Unreadable(
            Translatable(
                "{name}: object {number}: not JSON: {fault}; the rest is not read; fix the array",
                name=name,
                number=number,
                fault=recognize(str(error)),
            )
        )
        return
    if text.next_char() != "]":
        yield Unreadable(
            Translatable(
                "{name}: object {number} is not followed by , or ]; the rest is not read; fix the array",
                name=name,
                number=number,
            )
        )
        return
    text.skip_char()
    if text.next_char():
        yield Unreadable(
            Translatable(
                "{name}: text after the array is not read; write one array, or one object {{…}} a line",
                name=name,
            )
        )
