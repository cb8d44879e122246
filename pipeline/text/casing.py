"""Upper and lower case of Turkish text, whose i has a dot in both cases and whose ı has none."""

DOT = "\u0307"  # combining dot above: a decomposed İ is I followed by it


def lower(text: str) -> str:
    """Return `text` in lower case: I -> ı, İ -> i, every other letter as Unicode has it.

    A decomposed İ becomes i as well. Not for foreign words: TITLE becomes tıtle.
    """
    return text.replace("I" + DOT, "i").replace("İ", "i").replace("I", "ı").lower()


def upper(text: str) -> str:
    """Return `text` in upper case: i -> İ, ı -> I, every other letter as Unicode has it."""
    return text.replace("i" + DOT, "İ").replace("i", "İ").replace("ı", "I").upper()


def capitalize(text: str) -> str:
    """Return `text` with its first character in upper case, the rest as it is (unlike `str.capitalize`)."""
    return upper(text[:1]) + text[1:]
