"""What readers yield: rows, those that cannot be read, and notes."""

from typing import Any, NamedTuple

from pipeline.common.i18n import Translatable, join_texts

MAX_ROW_BYTES = 32 << 20  # a longer line, object or CSV field is taken for a broken file


class Row(NamedTuple):
    """An object of JSON, or a row of a table by the names of its columns."""

    location: str  # file and line, for messages
    values: dict[str, Any]


def place_inside(location: str, place: str) -> str:
    """Return where a part of a row stands: the row's location, and the place in it, such as `: text`."""
    return join_texts("", [location, place]) if isinstance(location, Translatable) else location + place


class Unreadable(NamedTuple):
    """A row that cannot be read. `message` is one line: file and row; what is wrong; what to do."""

    message: str


class Note(NamedTuple):
    """Something that a reader decided by itself and people should know."""

    message: str
