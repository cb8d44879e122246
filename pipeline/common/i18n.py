"""Messages of the program in English and Turkish: Turkish where TEZGAH_LANG or the terminal's language asks.

A message is a template with named places. Its English is the template itself. Its Turkish stands in
locale/tr.po under that template, so the places may come in another order. What fills a place is a user's own
text or a number and stays as it is, or is a `Translatable` and is translated in turn.
"""

import copy
import json
import os
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.table import Table

CATALOG_FILE = Path(__file__).parents[1] / "locale/tr.po"
PLACE = re.compile(r"(?<!\{)\{(\w*)(?::[^{}\s]*)?\}(?!\})")
TURKISH_DIGITS = str.maketrans(",.", ".,")  # 18,008.5 is 18.008,5
CHECK = "TEZGAH_CHECK_MESSAGES"  # set by the tests: a message that the catalog lacks raises


class Translatable(str):
    """A text of the program: its English, with the template and the values that other languages need.

    In JSON and files it is its English. Writers of YAML want `str(message)`.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Return the message. Values but text, numbers and messages are taken as their text."""
        if isinstance(template, Translatable) and not values:
            values, template = dict(template.values), template.template
        kept = {name: keep_value(value) for name, value in values.items()}
        message = super().__new__(cls, template.format(**kept) if kept else template)
        message.template, message.values = str(template), kept
        if os.environ.get(CHECK) and has_words(template) and template not in load_catalog():
            raise KeyError(f"locale/tr.po lacks {template!r}")
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:  # for pickle and copy
        return (self.template,), dict(self.values)


def keep_value(value: object) -> str | float:
    """Return what fills a place of a message: text, a number, or a message."""
    message = getattr(value, "message", None)
    if isinstance(message, Translatable):  # of an error
        return message
    if hasattr(value, "item"):  # a tensor's number, or numpy's
        value = value.item()
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else str(value)


def has_words(template: str) -> bool:
    """Return true if a template has letters of its own, which must be translated."""
    return bool(re.search(r"[^\W\d_]", PLACE.sub("", template)))


def join_texts(separator: str, messages: Iterable[str]) -> Translatable:
    """Return messages as one, with a separator that needs no translation."""
    values = {f"part_{i}": message for i, message in enumerate(messages)}
    return Translatable(separator.join(f"{{{name}}}" for name in values), **values)


def join_words(words: Sequence[str]) -> str:
    """Return words in a row, at least one: `a and b and c`."""
    joined = words[0]
    for word in words[1:]:
        joined = Translatable("{first} and {last}", first=joined, last=word)
    return joined


def format_number(value: float, spec: str = ",") -> Translatable:
    """Return a number as a message, written as its reader's language does: 18,008 or 18.008."""
    return Translatable(f"{{value:{spec}}}", value=value)


def dump_messages(value: Any) -> Any:
    """Return a value for JSON in which the messages keep what other languages need of them."""
    match value:
        case Translatable():
            return {"{template}": value.template, "{values}": dump_messages(value.values)}
        case list() | tuple():
            return [dump_messages(item) for item in value]
        case Mapping():
            return {key: dump_messages(item) for key, item in value.items()}
    return value


def load_messages(value: Any) -> Any:
    """Return the value that `dump_messages` was given."""
    match value:
        case {"{template}": template, "{values}": values}:
            return Translatable(template, **load_messages(values))
        case list():
            return [load_messages(item) for item in value]
        case dict():
            return {key: load_messages(item) for key, item in value.items()}
    return value


@cache
def load_catalog() -> dict[str, str]:
    """Return the catalog: English template to Turkish template."""
    text = CATALOG_FILE.read_text(encoding="utf-8")
    pairs = re.findall(r'^msgid (".+")\nmsgstr (".+")$', text, flags=re.M)
    return {json.loads(english): json.loads(turkish) for english, turkish in pairs}


def is_turkish() -> bool:
    """Return true if TEZGAH_LANG is tr, or if it is not set and the terminal's language is Turkish."""
    chosen = (os.environ.get(name) for name in ("TEZGAH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return bool(re.match(r"tr($|[_.@])", next(filter(None, chosen), "")))


def translate(template: str, /, **values: object) -> str:
    """Return a message in the user's language. It is given whole, or as a template and its values."""
    message = Translatable(template, **values)
    return to_turkish(message) if is_turkish() else str(message)


def to_turkish(message: str) -> str:
    """Return a message in Turkish; English where the catalog lacks it, and any other text as it is."""
    if not isinstance(message, Translatable):
        return message
    template = load_catalog().get(message.template, message.template)
    if not message.values:
        return template
    values = {name: to_turkish(v) if isinstance(v, str) else v for name, v in message.values.items()}
    return TURKISH.vformat(template, (), values)


class TurkishFormatter(string.Formatter):
    """Fills templates with figures as Turkish writes them: 18.008, 0,25 and %25."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as text. A number without a format is one that the user wrote, and stays."""
        text = format(value, format_spec)
        if not format_spec or isinstance(value, str):
            return text
        text = text.translate(TURKISH_DIGITS)
        return f"%{text.removesuffix('%')}" if format_spec.endswith("%") else text


TURKISH = TurkishFormatter()


def print_message(template: str, /, **values: object) -> None:
    """Print a message in the user's language, at once."""
    print(translate(template, **values), flush=True)


def translate_label(label: Any) -> Any:
    """Return the title or a header of a table in Turkish. A user's own name must be a `Translatable`."""
    if isinstance(label, Translatable):
        return to_turkish(label)
    return load_catalog().get(label, label) if isinstance(label, str) else label


def translate_table(table: "Table") -> "Table":
    """Return a table with its title, its headers and the messages in its cells in the user's language."""
    if not is_turkish():
        return table
    turkish = copy.copy(table)
    turkish.title = translate_label(table.title)
    turkish.rows, turkish.columns = [], [column.copy() for column in table.columns]  # without their cells
    for column in turkish.columns:
        column.header = translate_label(column.header)
    for row, *cells in zip(table.rows, *(column.cells for column in table.columns), strict=True):
        translated = (to_turkish(cell) if isinstance(cell, str) else cell for cell in cells)
        turkish.add_row(*translated, style=row.style, end_section=row.end_section)
    return turkish
