"""Plain text: documents with blank lines between them, or one a line, or one a file."""

from collections.abc import Iterator
from typing import BinaryIO, Literal

from pipeline.corpus.readers.lines import decoded, lines
from pipeline.corpus.readers.records import Record, Unreadable
from pipeline.corpus.readers.split_long import MAX_CHARS, cut

Divided = Literal["blank_line", "line", "file"]  # what ends a document
PART_BYTES = 1 << 18  # a longer line is read in parts


def records(
    stream: BinaryIO, name: str, limit: int = MAX_CHARS, divided: Divided = "blank_line"
) -> Iterator[Record | Unreadable]:
    """The documents of a text file; one longer than `limit` characters (a book) comes in pieces (`cut`)."""
    pending: list[str] = []  # lines of the document at hand
    chars = 0
    for line in lines(stream, PART_BYTES):
        text = decoded(line, name)
        if isinstance(text, Unreadable):
            yield text
            continue
        if divided != "file" and line.starts and line.ends and not text.strip():
            if pending:
                yield Record("".join(pending))
            pending, chars = [], 0
            continue
        pending.append(text)
        chars += len(text)
        if chars > limit:
            *pieces, rest = cut("".join(pending), limit)
            yield from map(Record, pieces)
            pending, chars = [rest], len(rest)
        if divided == "line" and line.ends:
            yield Record("".join(pending))
            pending, chars = [], 0
    if pending:
        yield Record("".join(pending))
