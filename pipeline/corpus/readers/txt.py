"""Read documents from plain text: separated by blank lines, or one a line, or one a file."""

from collections.abc import Iterator
from typing import BinaryIO, Literal

from pipeline.corpus.readers.records import Record
from pipeline.corpus.readers.split_long import MAX_CHARS, split_long_text
from pipeline.readers.decompress import DamagedFile
from pipeline.readers.lines import TextLines
from pipeline.readers.rows import Note, Unreadable

DocumentBoundary = Literal["blank_line", "line", "file"]  # what ends a document
PART_BYTES = 1 << 18  # a longer line is read in parts


def read_txt(
    stream: BinaryIO, name: str, limit: int = MAX_CHARS, boundary: DocumentBoundary = "blank_line"
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a text file. Of damaged compressed data the lines before the damage are read.

    A document longer than `limit` characters (a book) comes in pieces (see `split_long_text`).
    """
    pending: list[str] = []  # lines of the current document
    chars = 0
    lines = TextLines(stream, name, PART_BYTES)
    try:
        for line, text in lines:
            if isinstance(text, Unreadable):
                yield text
                continue
            if boundary != "file" and line.is_start and line.is_end and not text.strip():
                if pending:
                    yield Record("".join(pending))
                pending, chars = [], 0
                continue
            pending.append(text)
            chars += len(text)
            if chars > limit:
                *pieces, rest = split_long_text("".join(pending), limit)
                yield from map(Record, pieces)
                pending, chars = [rest], len(rest)
            if boundary == "line" and line.is_end:
                yield Record("".join(pending))
                pending, chars = [], 0
    except DamagedFile:
        if pending:
            yield Record("".join(pending))
        raise
    if pending:
        yield Record("".join(pending))
    yield from lines.notes
