"""Drop the lines of web pages that are no part of their text: menus, cookie notices, buttons."""

import re
from pathlib import Path

from pipeline.text.casing import lower

DATA_FILES = ["boilerplate.txt"]
BOILERPLATE_FILE = Path(__file__).with_name(DATA_FILES[0])
MAX_LINE_CHARS = 300  # a longer line is a paragraph
_EDGE_CHARACTERS = " \t\xa0.…:;!?|-–—»«›‹><→←+*•·()[]\"'"
_ENTRIES = BOILERPLATE_FILE.read_text("utf-8").splitlines()
BUTTONS = frozenset(line for line in _ENTRIES if line and line[0] not in "#~")
NOTICES = re.compile("|".join(line[2:] for line in _ENTRIES if line.startswith("~ ")))
_MAX_BUTTON_CHARS = max(map(len, BUTTONS)) + 10


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
    if len(line) < _MAX_BUTTON_CHARS and lowered.strip(_EDGE_CHARACTERS) in BUTTONS:
        return True
    return NOTICES.search(lowered) is not None
