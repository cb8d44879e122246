"""What readers yield: rows, those that cannot be read, and notes."""

from typing import Any, NamedTuple

MAX_ROW_BYTES = 32 << 20  # a longer line, object or CSV field is taken for a broken file


class Row(NamedTuple):
    """An object of JSON, or a row of a table by the names of its columns."""

    location: str  # file and line, for messages
    values: dict[str, Any]


class Unreadable(NamedTuple):
    """A row that cannot be read. `message` is one line: file and row; what is wrong; what to do."""

    message: str


class Note(NamedTuple):
    """Something that a reader decided by itself and people should know."""

    message: str
