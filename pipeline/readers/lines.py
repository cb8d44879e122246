"""Read the lines of a binary stream in bounded memory, and decode them as UTF-8."""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from pipeline.common.i18n import Translatable
from pipeline.readers.rows import Note, Unreadable

CHUNK_BYTES = 1 << 18
UTF16_MIN_ZEROS, UTF16_MIN_SHARE = 4, 0.3  # bytes of a line, to take it for UTF-16


class Line(NamedTuple):
    """A line, or a part of one that is longer than the limit."""

    number: int  # from 1
    offset: int  # of its first byte in the (decompressed) file
    raw: bytes  # with its line end
    is_start: bool  # False: continues the part before
    is_end: bool  # False: the next part continues it


def read_lines(stream: BinaryIO, limit: int) -> Iterator[Line]:
    """Yield every line of `stream`; one longer than `limit` bytes in parts, which split no UTF-8 character.

    A line ends in LF; where the first `limit` bytes have none but a CR, in CR, as on old Macs. A byte order
    mark at the start is skipped.
    """
    number, offset, is_start, rest = 1, 0, True, b""
    first = stream.readline(limit)
    has_returns = b"\n" not in first and b"\r" in first[:-1]
    ends = (b"\r", b"\n") if has_returns else (b"\n",)
    readline = ReturnLines(first, stream).readline if has_returns else stream.readline
    unread = b"" if has_returns else first
    while True:
        raw = unread or rest + readline(limit - len(rest))
        unread = b""
        if offset == 0 and raw.startswith(codecs.BOM_UTF8):
            raw, offset = raw[3:], 3
        if not raw:
            return
        is_end = raw.endswith(ends) or len(raw) < limit
        size = len(raw) if is_end else _complete_utf8_length(raw)
        yield Line(number, offset, raw[:size], is_start, is_end)
        offset, rest, is_start = offset + size, raw[size:], is_end
        number += is_end


class ReturnLines:
    """The lines of a stream whose lines end in CR, after its `first` bytes were read."""

    def __init__(self, first: bytes, stream: BinaryIO) -> None:
        chunks = chain([first], iter(lambda: stream.read(CHUNK_BYTES), b""))
        self._pieces = (piece for chunk in chunks for piece in chunk.splitlines(keepends=True))
        self._line = b""

    def readline(self, size: int) -> bytes:
        """Return the next line, or its first `size` bytes; nothing at the end."""
        while len(self._line) < size and not self._line.endswith((b"\r", b"\n")):
            if not (piece := next(self._pieces, b"")):
                break
            self._line += piece
        line, self._line = self._line[:size], self._line[size:]
        return line


def _complete_utf8_length(raw: bytes) -> int:
    """Return the number of bytes before a character that `raw` cuts off at its end."""
    for back in range(1, min(4, len(raw))):
        byte = raw[-back]
        if byte >= 0xC0:  # leads a character of 2, 3 or 4 bytes
            return len(raw) - back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else len(raw)
        if byte < 0x80:
            break
    return len(raw)


class TextLines:
    """The decoded lines of a stream, without NUL characters, which are counted."""

    def __init__(self, stream: BinaryIO, name: str, limit: int) -> None:
        self.name = name
        self.limit = limit
        self.nul_count = 0
        self._lines = read_lines(stream, limit)

    def __iter__(self) -> Iterator[tuple[Line, str | Unreadable]]:
        """Yield the lines that are left, with their text; one longer than the limit in parts."""
        for line in self._lines:
            text = decode_line(line, self.name)
            if isinstance(text, str) and "\0" in text:
                self.nul_count += text.count("\0")
                text = text.replace("\0", "")
            yield line, text

    def whole(self) -> Iterator[tuple[Line, str | Unreadable]]:
        """Yield the lines that are left, each once: one longer than the limit is unreadable."""
        for line, text in self:
            if line.is_start and line.is_end:
                yield line, text
            elif line.is_start:
                yield line, too_long(f"{self.name}:{line.number}", self.limit)

    @property
    def notes(self) -> list[Note]:
        """A note on the NUL characters so far, if there were any."""
        template = "{name}: {count} NUL characters are left out"
        return [Note(Translatable(template, name=self.name, count=self.nul_count))] if self.nul_count else []


def too_long(location: str, limit: int) -> Unreadable:
    """Return the fault of a line or an object of more than `limit` bytes."""
    return Unreadable(
        Translatable(
            "{location}: longer than {limit} MiB; put one row or object on a line",
            location=location,
            limit=limit >> 20,
        )
    )


def decode_line(line: Line, name: str) -> str | Unreadable:
    """Return the text of a line, or an Unreadable that names the first byte that is not UTF-8."""
    utf16 = detect_utf16(line.raw, line.offset)
    try:
        text = line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # Besides UTF-16, Turkish text is mostly windows-1254.
        start, encoding = error.start, utf16 or "WINDOWS-1254"
    else:
        if utf16 is None:
            return text
        start, encoding = line.raw.index(0), utf16
    return Unreadable(
        Translatable(
            "{name}:{number}: not UTF-8 at byte {offset}; convert the file: iconv -f {encoding} -t UTF-8",
            name=name,
            number=line.number,
            offset=line.offset + start,
            encoding=encoding,
        )
    )


def detect_utf16(raw: bytes, offset: int = 0) -> str | None:
    """Return UTF-16, UTF-16LE or UTF-16BE if bytes, the first at `offset` of a file, look so, or else None.

    A file in UTF-16 begins with its byte order mark, or has a zero in most of every second byte. Of Turkish
    text the high byte is zero, but for ğ, ı, ş and İ.
    """
    if offset == 0 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if 0 not in raw:
        return None
    zeros = [raw[(place - offset) % 2 :: 2].count(0) for place in (0, 1)]  # at even and odd bytes of the file
    most = max(zeros)
    if most < max(UTF16_MIN_ZEROS, UTF16_MIN_SHARE * len(raw)) or min(zeros) * 8 > most:
        return None
    return "UTF-16BE" if zeros[0] == most else "UTF-16LE"
