"""Excerpts that show people what a rule has changed in a text, without anyone's personal data."""

from pipeline.corpus.stats import EXCERPT_CHARS
from pipeline.text.personal_data import mask_personal_data

CONTEXT_CHARS = 100  # before and after the first difference


def repair_excerpt(before: str, after: str) -> str:
    """Return the first changed line as "old → new"; "" where only white space differs."""
    if not (old_lines := _lines_missing_from(after, before)):
        return ""
    new_lines = _lines_missing_from(before, after)
    old, new = mask_personal_data(old_lines[0]), mask_personal_data(new_lines[0] if new_lines else "")
    context = _context_of_difference(old, new)
    return _printable(f"{old[context]} → {new[context]}")


def removed_lines_excerpt(before: str, after: str) -> str:
    """Return the beginning of the lines that were removed; "" for none."""
    if before == after:
        return ""
    removed = "\n".join(_lines_missing_from(after, before))
    return mask_personal_data(removed[: 4 * EXCERPT_CHARS])[:EXCERPT_CHARS]


def first_marker_excerpt(before: str, after: str) -> str:
    """Return the new text around the first marker; "" where nothing was masked."""
    return "" if before == after else after[_context_of_difference(before, after)]


def _lines_missing_from(other: str, text: str) -> list[str]:
    """Return the stripped lines of `text` that `other` has not, not even with other white space."""
    if text == other:
        return []
    known = {line.strip() for line in other.split("\n")}
    missing = [stripped for line in text.split("\n") if (stripped := line.strip()) and stripped not in known]
    known_words = {tuple(line.split()) for line in known} if missing else set()
    return [line for line in missing if tuple(line.split()) not in known_words]


def _context_of_difference(one: str, other: str) -> slice:
    """Return the slice around the first character in which two texts differ, found by bisection."""
    equal, unequal = 0, min(len(one), len(other)) + 1  # lengths of common and of different prefixes
    while unequal - equal > 1:
        middle = (equal + unequal) // 2
        equal, unequal = (middle, unequal) if one[:middle] == other[:middle] else (equal, middle)
    return slice(max(0, equal - CONTEXT_CHARS), equal + CONTEXT_CHARS)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
