"""Cleaning: the form of a document of the corpus."""

from pipeline.text.normalize import normalize_text


def clean(text: str) -> str:
    """Return `text` normalized, with no blank lines and no white space around a line: a line a paragraph.

    Idempotent.
    """
    return "\n".join(stripped for line in normalize_text(text).split("\n") if (stripped := line.strip()))
