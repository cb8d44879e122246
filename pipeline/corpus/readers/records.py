"""What the readers hand on: records, and places where there was none to be read."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.common.errors import UserError

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


class Missing(NamedTuple):
    """A record that was not to be had, such as a dead link. It is counted, and no reason to stop."""

    message: str


class Note(NamedTuple):
    """What a reader has found out by itself and people should know."""

    message: str


class TextOf(NamedTuple):
    """Which columns make a document's text, and how."""

    columns: tuple[str, ...]
    template: str | None = None  # such as "{title}\n\n{body}"; None: the one column as it is
    found: bool = False  # by its usual name, and not named in params

    def text(self, values: Sequence[str | None]) -> str:
        """The text of a row's values in these columns; empty where all are."""
        if self.template is None or not any(values):
            return values[0] or ""
        by_name = dict(zip(self.columns, values, strict=True))
        return _FIELD.sub(lambda field: by_name[field[1]] or "", self.template)

    @property
    def notes(self) -> list[Note]:
        """What to say of a column that was not named."""
        return [Note(f"the text is column {self.columns[0]!r}")] if self.found else []


_FIELD = re.compile(r"\{([^{}]+)\}")


def text_of(columns: Sequence[str], text_columns: Sequence[str], wanted: str | None, where: str) -> TextOf:
    """The columns that hold the text: those `wanted` names or has in braces, or one with a known name, or the
    only one of `text_columns`.

    `columns` are all the columns of the file at `where`, `text_columns` those that hold strings.
    Raises UserError that lists the columns.
    """
    advice = f"set text_column (`tezgah add`: --column) to one of: {', '.join(columns) or 'none'}"
    if wanted is not None:
        fields = tuple(dict.fromkeys(_FIELD.findall(wanted)))
        for name in fields or (wanted,):
            if name not in columns:
                raise UserError(f"{where}: no column {name!r}; {advice}")
            if name not in text_columns:
                raise UserError(f"{where}: column {name!r} is not text; {advice}")
        return TextOf(fields, wanted) if fields else TextOf((wanted,))
    for name in TEXT_COLUMNS:
        if name in text_columns:
            return TextOf((name,), found=name != TEXT_COLUMNS[0])
    others = [name for name in text_columns if name != ID_COLUMN]
    if len(others) != 1:
        raise UserError(f"{where}: which column is the text? {advice}")
    return TextOf((others[0],), found=True)
