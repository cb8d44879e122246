"""Records that the readers yield, their errors, and the choice of the text column."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.common.errors import UserError

MAX_RECORD_BYTES = 32 << 20  # a longer line or CSV field is taken for a broken file
ID_COLUMN = "id"
# Usual names of a text column, most trusted first.
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
    """A record that could not be fetched, such as a dead link. It is counted, and no reason to stop."""

    message: str


class Note(NamedTuple):
    """Something that a reader decided by itself and people should know."""

    message: str


class TextTemplate(NamedTuple):
    """The columns that make a document's text, and how they are joined."""

    columns: tuple[str, ...]
    template: str | None = None  # such as "{title}\n\n{body}"; None: the one column as it is
    is_guessed: bool = False  # the column is not named in params, and its name is not TEXT_COLUMNS[0]

    def render(self, values: Sequence[str | None]) -> str:
        """Return the text of a row's values in these columns; empty where all are."""
        if self.template is None or not any(values):
            return values[0] or ""
        by_name = dict(zip(self.columns, values, strict=True))
        return _FIELD.sub(lambda field: by_name[field[1]] or "", self.template)

    @property
    def notes(self) -> list[Note]:
        """A note that names a column that was guessed."""
        return [Note(f"the text is column {self.columns[0]!r}")] if self.is_guessed else []


_FIELD = re.compile(r"\{([^{}]+)\}")


def choose_text_columns(
    columns: Sequence[str], string_columns: Sequence[str], text_column: str | None, location: str
) -> TextTemplate:
    """Choose the columns that hold the text.

    They are those that `text_column` names, alone or in braces, or else the one with the most trusted usual
    name, or else the only one of `string_columns`. `columns` are all the columns of the file at `location`,
    `string_columns` those that hold strings. Raises UserError that lists the columns.
    """
    advice = f"set text_column (`tezgah add`: --column) to one of: {', '.join(columns) or 'none'}"
    if text_column is not None:
        fields = tuple(dict.fromkeys(_FIELD.findall(text_column)))
        for name in fields or (text_column,):
            if name not in columns:
                raise UserError(f"{location}: no column {name!r}; {advice}")
            if name not in string_columns:
                raise UserError(f"{location}: column {name!r} is not text; {advice}")
        return TextTemplate(fields, text_column) if fields else TextTemplate((text_column,))
    for name in TEXT_COLUMNS:
        if name in string_columns:
            return TextTemplate((name,), is_guessed=name != TEXT_COLUMNS[0])
    others = [name for name in string_columns if name != ID_COLUMN]
    if len(others) != 1:
        raise UserError(f"{location}: which column is the text? {advice}")
    return TextTemplate((others[0],), is_guessed=True)
