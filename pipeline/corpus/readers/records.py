"""Records that the readers yield, and the choice of the text column."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.readers.rows import Note
from pipeline.readers.template import fill_template, list_fields, unescape
from pipeline.text.casing import lower

ID_COLUMN = "id"
# Usual names of a text column, most trusted first, in any case.
TEXT_COLUMNS = (
    "text", "content", "metin", "içerik", "icerik", "body", "document", "sentence", "cümle", "yorum"
)  # fmt: skip
BINARY = "binary"  # a kind of column that may hold text: Spark and Hive write it so


class Record(NamedTuple):
    """A document as its source holds it, not cleaned yet."""

    text: str
    id: str | None = None  # as the source gives it; None: it gives none
    queries: Sequence[str] = ()  # questions this document answers (miniworld)


class Missing(NamedTuple):
    """A record that could not be fetched, such as a dead link. It is counted, and no reason to stop."""

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
        return fill_template(self.template, dict(zip(self.columns, values, strict=True)))

    @property
    def notes(self) -> list[Note]:
        """A note that names a column that was guessed."""
        note = Translatable("the text is column {column}", column=repr(self.columns[0]))
        return [Note(note)] if self.is_guessed else []


def choose_text_columns(
    columns: Mapping[str, str | None], text_column: str | None, location: str
) -> TextTemplate:
    """Choose the columns that hold the text.

    They are those that `text_column` names, alone or in braces, or else the one with the most trusted usual
    name, or else the only one of text. In a template a backslash with n or t, as a shell and single quotes in
    YAML leave them, is a line break or a tab. `columns` are those of the file at `location`, each with the
    name of its type, None for text. Raises UserError that lists the columns of text, if any.
    """
    texts = [name for name, kind in columns.items() if kind is None]
    binaries = [name for name, kind in columns.items() if kind == BINARY]
    listed = ", ".join(texts or binaries)
    advice = Translatable("none holds text; convert one to strings")
    if listed:
        advice = Translatable("set text_column (`tezgah add`: --column) to one of: {names}", names=listed)
    if text_column is not None:
        fields = list_fields(text_column)
        for name in fields or (text_column,):
            if name not in columns:
                raise UserError(
                    "{location}: no column {name}; {advice}",
                    location=location,
                    name=repr(name),
                    advice=advice,
                )
            if columns[name] not in (None, BINARY):
                raise UserError(
                    "{location}: column {name} is {kind}, not text; {advice}",
                    location=location,
                    name=repr(name),
                    kind=columns[name],
                    advice=advice,
                )
        return TextTemplate(fields, unescape(text_column)) if fields else TextTemplate((text_column,))
    if usual := find_usual_name(texts) or find_usual_name(binaries):
        return TextTemplate((usual,), is_guessed=usual != TEXT_COLUMNS[0])
    others = [name for name in texts if name != ID_COLUMN] or binaries
    if len(others) == 1:
        return TextTemplate((others[0],), is_guessed=True)
    if (usual := find_usual_name(list(columns))) is not None:
        raise UserError(
            "{location}: column {name} is {kind}, not text; {advice}",
            location=location,
            name=repr(usual),
            kind=columns[usual],
            advice=advice,
        )
    raise UserError("{location}: which column is the text? {advice}", location=location, advice=advice)


def find_usual_name(names: Sequence[str]) -> str | None:
    """Return the name that is usual for a text column, as it is or in another case; None without one."""
    exact = next((usual for usual in TEXT_COLUMNS if usual in names), None)
    return exact or next(
        (name for usual in TEXT_COLUMNS for name in names if usual in (lower(name), name.lower())), None
    )
