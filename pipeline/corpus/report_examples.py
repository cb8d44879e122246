"""Excerpts that show people what the rules have changed in a text, without the personal data of anyone."""

from pipeline.corpus.filters.pii import without_personal_data
from pipeline.corpus.stats import EXCERPT

AROUND = 100  # characters before and after the place that is shown


def repaired(before: str, after: str) -> str:
    """The first line that is another one now, as it was and as it is; "" where only white space differs."""
    if not (gone := _lines_but(before, after)):
        return ""
    came = _lines_but(after, before)
    then, now = without_personal_data(gone[0]), without_personal_data(came[0] if came else "")
    there = _around(then, now)
    return _printable(f"{then[there]} → {now[there]}")


def left_out(before: str, after: str) -> str:
    """The lines that are gone."""
    if before == after:
        return ""
    return without_personal_data("\n".join(_lines_but(before, after))[: 4 * EXCERPT])[:EXCERPT]


def marked(before: str, after: str) -> str:
    """Where the first marker stands now."""
    return "" if before == after else after[_around(before, after)]


def _lines_but(text: str, other: str) -> list[str]:
    """The lines of a text that another has not, without white space around them."""
    if text == other:
        return []
    known = {line.strip() for line in other.split("\n")}
    return [stripped for line in text.split("\n") if (stripped := line.strip()) and stripped not in known]


def _around(one: str, other: str) -> slice:
    """The characters around the place where two texts part."""
    equal, parted = 0, min(len(one), len(other)) + 1
    while parted - equal > 1:
        middle = (equal + parted) // 2
        equal, parted = (middle, parted) if one[:middle] == other[:middle] else (equal, middle)
    return slice(max(0, equal - AROUND), equal + AROUND)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
