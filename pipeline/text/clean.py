"""Cleaning: the normal form that every text of the corpus has."""

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
# Most texts have none of these, so that one search saves both substitutions.
_UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u2581\ud800-\udfff\ufeff]")


def clean(text: str) -> str:
    """Return `text` in NFC, with one `\\n` between paragraphs, no blank lines, no white space around a line.

    Every Unicode line end becomes `\\n`. Control characters (but tab), byte order marks and lone
    surrogates are dropped. U+2581, which SentencePiece uses for the space, becomes a space.
    Idempotent.
    """
    if _UNUSUAL.search(text):
        text = _DROPPED.sub("", _LINE_ENDS.sub("\n", text).replace("\u2581", " "))
    text = unicodedata.normalize("NFC", text)
    return "\n".join(stripped for line in text.split("\n") if (stripped := line.strip()))
