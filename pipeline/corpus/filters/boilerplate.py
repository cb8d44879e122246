"""Drop the lines of web pages that are no part of their text: menus, cookie notices, buttons."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pipeline.text.casing import lower

DATA_FILES = ["boilerplate.txt"]
MAX_LINE_CHARS = 300  # a longer line is a paragraph
_EDGE_CHARACTERS = " \t\xa0.…:;!?|-–—»«›‹><→←+*•·()[]\"'"


class Boilerplate(NamedTuple):
    """What boilerplate.txt lists."""

    buttons: frozenset[str]  # whole lines, in lower case
    notices: re.Pattern[str]  # expressions of which one occurs in the line
    max_button_chars: int  # a line of so many characters is no button


@cache
def _boilerplate() -> Boilerplate:
    lines = Path(__file__).with_name(DATA_FILES[0]).read_text("utf-8").splitlines()
    buttons = frozenset(line for line in lines if line and line[0] not in "#~")
    notices = re.compile("|".join(line[2:] for line in lines if line.startswith("~ ")))
    return Boilerplate(buttons, notices, max(map(len, buttons)) + 10)


def remove_boilerplate(text: str) -> str:
    """Return `text` without the lines that are boilerplate."""
    lines = text.split("\n")
    if len(lines) == 1:
        return text
    return "\n".join(line for line in lines if not is_boilerplate(line))


def is_boilerplate(line: str) -> bool:
    """Tell if a line is a button or contains a notice."""
    if len(line) > MAX_LINE_CHARS:
        return False
    lowered = lower(line)
    buttons, notices, max_button_chars = _boilerplate()
    if len(line) < max_button_chars and lowered.strip(_EDGE_CHARACTERS) in buttons:
        return True
    return notices.search(lowered) is not None
