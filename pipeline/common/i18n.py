"""What the program says in Turkish, where TEZGAH_LANG=tr asks for it; else as it is written in the code.

A message is looked up as a whole, by the templates of turkce.txt, and what fills their places is looked up
again, as it may be a message itself.
"""

import os
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

CATALOGUE = Path(__file__).parents[1] / "locale/tr.txt"
ERROR = "hata: "
LITTLE = 4  # letters: of `{} or {}` and `{} s`
PLACE = re.compile(r"\{(\d*)\}")


@cache
def catalogue() -> dict[str, str]:
    """English templates to Turkish ones."""
    blocks = CATALOGUE.read_text(encoding="utf-8").strip().split("\n\n")[1:]  # the first tells what this is
    return dict(block.split("\n") for block in blocks)


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """What each template matches, those that say most first."""
    found = sorted(catalogue().items(), key=lambda pair: -len(PLACE.sub("", pair[0])))
    return [
        (re.compile(filler(english).join(map(re.escape, PLACE.split(english)[::2])), re.S), to_turkish)
        for english, to_turkish in found
        if PLACE.sub("", english).strip(": ")  # one that says nothing itself would match all
    ]


def filler(english: str) -> str:
    """What may fill a place of a template: words, but a single one where the template itself says little."""
    return "(.*?)" if len(PLACE.sub("", english)) > LITTLE else r"(\S+?)"


def is_turkish() -> bool:
    """Whether TEZGAH_LANG asks for Turkish."""
    return os.environ.get("TEZGAH_LANG", "") == "tr"


def translate(message: str) -> str:
    """A message in the language asked for: in Turkish where the catalogue has it."""
    if not is_turkish():
        return message
    if message.startswith("error: "):  # before all templates: its colon would fill their first place
        return ERROR + to_turkish(message.removeprefix("error: "))
    return to_turkish(message)


def to_turkish(message: str) -> str:
    """A message in Turkish; what the catalogue lacks stays as it is, its last part looked up alone."""
    for pattern, translation in patterns():
        if match := pattern.fullmatch(message):
            return filled(translation, [to_turkish(part) for part in match.groups()])
    head, colon, rest = message.partition(": ")
    return head + colon + to_turkish(rest) if rest else message


def filled(template: str, parts: list[str]) -> str:
    """A template with its places filled, in order or by their numbers."""
    in_order = iter(parts)
    return PLACE.sub(lambda place: parts[int(place[1])] if place[1] else next(in_order), template)


def translate_table(grid: "Table", words: Collection[int] = ()) -> "Table":
    """A table whose title and heads are in the language asked for, and the cells of the columns `words`.

    Other columns hold figures and what is a user's own, such as names of sources or a model's answers.
    """
    if is_turkish():
        grid.title = translate(str(grid.title)) if grid.title else grid.title
        for place, column in enumerate(grid.columns):
            column.header = translate(str(column.header))
            if place in words:
                column._cells = [translate(cell) if isinstance(cell, str) else cell for cell in column._cells]
    return grid
