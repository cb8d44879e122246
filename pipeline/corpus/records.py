"""What the readers hand on: records, and places where there was none to be read."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import UserError

MAX_RECORD_BYTES = 32 << 20  # a longer line or CSV field is taken for a broken file
ID_COLUMN = "id"
# Names a text column goes by, most trusted first.
TEXT_COLUMNS = (
    "text", "content", "metin", "içerik", "icerik", "body", "document", "sentence", "cümle", "yorum"
)  # fmt: skip


class Record(NamedTuple):
    """A document as its source holds it, not cleaned yet."""

    text: str
    id: str | None = None  # as the source gives it; None: it gives none
    queries: Sequence[str] = ()  # questions this document answers (miniworld)


class Unreadable(NamedTuple):
    """A record that cannot be read. `message` is one line: file and row; what is wrong; what to do."""

    message: str


def text_column(columns: Sequence[str], text_columns: Sequence[str], wanted: str | None, where: str) -> str:
    """The column that holds the text: `wanted`, or a known name, or the only one of `text_columns`.

    `columns` are all the columns of the file at `where`, `text_columns` those that hold strings.
    Raises UserError that lists the columns.
    """
    advice = f"set text_column (`tezgah add`: --column) to one of: {', '.join(columns) or 'none'}"
    if wanted is not None:
        if wanted not in columns:
            raise UserError(f"{where}: no column {wanted!r}; {advice}")
        if wanted not in text_columns:
            raise UserError(f"{where}: column {wanted!r} is not text; {advice}")
        return wanted
    for name in TEXT_COLUMNS:
        if name in text_columns:
            return name
    others = [name for name in text_columns if name != ID_COLUMN]
    if len(others) != 1:
        raise UserError(f"{where}: which column is the text? {advice}")
    return others[0]
