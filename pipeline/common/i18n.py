"""Translation of messages into Turkish, where TEZGAH_LANG or the terminal's language asks for it.

A message is matched as a whole with the templates of locale/tr.txt. The text in a placeholder is translated
in turn, as it may be a message itself.
"""

import copy
import os
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

CATALOG_FILE = Path(__file__).parents[1] / "locale/tr.txt"
ERROR_PREFIX = "hata: "
SHORT_TEMPLATE = 4  # characters, as in `{} or {}` and `{} s`
PLACEHOLDER = re.compile(r"\{(\d*)\}")


@cache
def load_catalog() -> dict[str, str]:
    """Return the catalog: English template to Turkish template."""
    blocks = CATALOG_FILE.read_text(encoding="utf-8").strip().split("\n\n")[1:]  # the first explains the file
    return dict(block.split("\n") for block in blocks)


@cache
def compile_patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return the pattern of each English template with its Turkish template, longest text first."""
    templates = sorted(load_catalog().items(), key=lambda pair: -len(PLACEHOLDER.sub("", pair[0])))
    return [
        (
            re.compile(
                placeholder_pattern(english).join(map(re.escape, PLACEHOLDER.split(english)[::2])), re.S
            ),
            to_turkish,
        )
        for english, to_turkish in templates
        if PLACEHOLDER.sub("", english).strip(": ")  # without text of its own it would match everything
    ]


def placeholder_pattern(english: str) -> str:
    """Return the pattern of a placeholder: any text, but a single word where the template is short."""
    return "(.*?)" if len(PLACEHOLDER.sub("", english)) > SHORT_TEMPLATE else r"(\S+?)"


def is_turkish() -> bool:
    """Return true if TEZGAH_LANG is tr, or if it is not set and the terminal's language is Turkish."""
    chosen = (os.environ.get(name) for name in ("TEZGAH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return bool(re.match(r"tr($|[_.@])", next(filter(None, chosen), "")))


def translate(message: str) -> str:
    """Return a message in the user's language, untranslated where the catalog lacks it."""
    if not is_turkish():
        return message
    if message.startswith("error: "):  # first: other templates would match its colon
        return ERROR_PREFIX + to_turkish(message.removeprefix("error: "))
    return to_turkish(message)


def to_turkish(message: str) -> str:
    """Return a message in Turkish.

    A message that the catalog lacks stays as it is, except that the part after its first colon is translated.
    """
    for pattern, translation in compile_patterns():
        if match := pattern.fullmatch(message):
            return fill_template(translation, [to_turkish(part) for part in match.groups()])
    head, colon, rest = message.partition(": ")
    return head + colon + to_turkish(rest) if rest else message


def fill_template(template: str, parts: list[str]) -> str:
    """Return a template with its placeholders filled, in order or by their numbers."""
    in_order = iter(parts)
    return PLACEHOLDER.sub(lambda match: parts[int(match[1])] if match[1] else next(in_order), template)


def translate_table(table: "Table", word_columns: Collection[int] = ()) -> "Table":
    """Return a table with its title, its headers and the cells of `word_columns` translated.

    Other columns hold figures and a user's own words, such as names of sources or a model's answers.
    """
    if not is_turkish():
        return table
    turkish = copy.copy(table)
    turkish.title = translate(str(table.title)) if table.title else table.title
    turkish.rows, turkish.columns = [], [column.copy() for column in table.columns]  # without their cells
    for column in turkish.columns:
        column.header = translate(str(column.header))
    for row, *cells in zip(table.rows, *(column.cells for column in table.columns), strict=True):
        words = (
            translate(cell) if i in word_columns and isinstance(cell, str) else cell
            for i, cell in enumerate(cells)
        )
        turkish.add_row(*words, style=row.style, end_section=row.end_section)
    return turkish
