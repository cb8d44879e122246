"""Read the lines of a binary stream in bounded memory, and decode them as UTF-8."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pipeline.corpus.readers.records import Unreadable


class Line(NamedTuple):
    """A line, or a part of one that is longer than the limit."""

    number: int  # from 1
    offset: int  # of its first byte in the (decompressed) file
    raw: bytes  # with its line end
    is_start: bool  # False: continues the part before
    is_end: bool  # False: the next part continues it


def read_lines(stream: BinaryIO, limit: int) -> Iterator[Line]:
    """Yield every line of `stream`; one longer than `limit` bytes in parts, which split no UTF-8 character.

    A byte order mark at the start is skipped.
    """
    number, offset, is_start, rest = 1, 0, True, b""
    while True:
        raw = rest + stream.readline(limit - len(rest))
        if offset == 0 and raw.startswith(codecs.BOM_UTF8):
            raw, offset = raw[3:], 3
        if not raw:
            return
        is_end = raw.endswith(b"\n") or len(raw) < limit
        size = len(raw) if is_end else _complete_utf8_length(raw)
        yield Line(number, offset, raw[:size], is_start, is_end)
        offset, rest, is_start = offset + size, raw[size:], is_end
        number += is_end


def _complete_utf8_length(raw: bytes) -> int:
    """Return the number of bytes before a character that `raw` cuts off at its end."""
    for back in range(1, min(4, len(raw))):
        byte = raw[-back]
        if byte >= 0xC0:  # leads a character of 2, 3 or 4 bytes
            return len(raw) - back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else len(raw)
        if byte < 0x80:
            break
    return len(raw)


def decode_line(line: Line, name: str) -> str | Unreadable:
    """Return the text of a line, or an Unreadable that names the first byte that is not UTF-8."""
    try:
        return line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # Besides UTF-16, which begins with its own byte order mark, Turkish text is mostly windows-1254.
        utf16 = line.offset == 0 and line.raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return Unreadable(
            f"{name}:{line.number}: not UTF-8 at byte {line.offset + error.start}; convert the file: "
            f"iconv -f {'UTF-16' if utf16 else 'WINDOWS-1254'} -t UTF-8"
        )
