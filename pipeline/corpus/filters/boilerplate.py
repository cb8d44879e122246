"""Lines of web pages that are no part of their text: menus, cookie notices, buttons to share and to go on."""

import re
from pathlib import Path

from pipeline.text.casing import lower

DATA_FILES = ["boilerplate.txt"]
LIST = Path(__file__).with_name(DATA_FILES[0])
LONGEST = 300  # characters; a longer line is a paragraph
_AROUND = " \t\xa0.…:;!?|-–—»«›‹><→←+*•·()[]\"'"
_KNOWN = LIST.read_text("utf-8").splitlines()
BUTTONS = frozenset(line for line in _KNOWN if line and line[0] not in "#~")
NOTICES = re.compile("|".join(line[2:] for line in _KNOWN if line.startswith("~ ")))
_LONGEST_BUTTON = max(map(len, BUTTONS)) + 10


def without_boilerplate(text: str) -> str:
    """`text` without the lines that are boilerplate."""
    lines = text.split("\n")
    if len(lines) == 1:
        return text
    return "\n".join(line for line in lines if not is_boilerplate(line))


def is_boilerplate(line: str) -> bool:
    """Whether a line is a button, or has a notice in it."""
    if len(line) > LONGEST:
        return False
    small = lower(line)
    if len(line) < _LONGEST_BUTTON and small.strip(_AROUND) in BUTTONS:
        return True
    return NOTICES.search(small) is not None
