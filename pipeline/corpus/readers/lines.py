"""Lines of a binary stream in bounded memory, and their text where it is UTF-8."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pipeline.corpus.readers.records import Unreadable


class Line(NamedTuple):
    """A line, or a part of one that is longer than the limit."""

    number: int  # from 1
    offset: int  # of its first byte in the (decompressed) file
    raw: bytes  # with its line end
    starts: bool  # False: goes on where the last part stopped
    ends: bool  # False: the next part goes on with it


def lines(stream: BinaryIO, limit: int) -> Iterator[Line]:
    """Every line of `stream`; one longer than `limit` bytes comes in parts, none within a UTF-8 character.

    A byte order mark at the start is passed over.
    """
    number, offset, starts, rest = 1, 0, True, b""
    while True:
        raw = rest + stream.readline(limit - len(rest))
        if offset == 0 and raw.startswith(codecs.BOM_UTF8):
            raw, offset = raw[3:], 3
        if not raw:
            return
        ends = raw.endswith(b"\n") or len(raw) < limit
        size = len(raw) if ends else _whole_characters(raw)
        yield Line(number, offset, raw[:size], starts, ends)
        offset, rest, starts = offset + size, raw[size:], ends
        number += ends


def _whole_characters(raw: bytes) -> int:
    """How many of the bytes lie before a character that `raw` cuts off at its end."""
    for back in range(1, min(4, len(raw))):
        byte = raw[-back]
        if byte >= 0xC0:  # leads a character of 2, 3 or 4 bytes
            return len(raw) - back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else len(raw)
        if byte < 0x80:
            break
    return len(raw)


def decoded(line: Line, name: str) -> str | Unreadable:
    """The text of a line, or where it stops being UTF-8."""
    try:
        return line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # Other than UTF-16, which begins with a mark of its own, Turkish text is most often windows-1254.
        utf16 = line.offset == 0 and line.raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return Unreadable(
            f"{name}:{line.number}: not UTF-8 at byte {line.offset + error.start}; convert the file: "
            f"iconv -f {'UTF-16' if utf16 else 'WINDOWS-1254'} -t UTF-8"
        )
