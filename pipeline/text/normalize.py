"""The form of a text, which the corpus, conversations, evaluation sets and prompts share."""

import re
import unicodedata

from pipeline.text.repair import DAMAGE_HINTS, DAMAGED_PAIR, repair

LINE_ENDS = "\r\x0b\x0c\u2028\u2029"
SPACES = (
    "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2581\u3000"
)
DROPPED = "\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff"  # controls, lone surrogates, byte order mark

REPLACEMENTS = dict.fromkeys(["\r\n", *LINE_ENDS], "\n") | dict.fromkeys(SPACES, " ")
REPLACED = re.compile(f"[{LINE_ENDS}{SPACES}{DROPPED}](?:(?<=\r)\n)?")
INNER_TABS = re.compile(r"\t(?<=[^\n\t]\t)\t*")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# What most texts have none of, so that they cost one search. A class at the start is searched for quickly.
UNUSUAL = re.compile(f"[\t{LINE_ENDS}{SPACES}{DROPPED}{DAMAGE_HINTS}]{DAMAGED_PAIR}")


def normalize_text(text: str) -> str:
    """Return `text` repaired (see repair.py), in NFC, with `\\n` as its only line end.

    Unicode spaces become a space, and so does U+2581, which SentencePiece uses for the space. A tab becomes
    a space too, unless it indents a line, as in code. Control characters, byte order marks and lone
    surrogates are dropped. Idempotent.
    """
    while True:
        form = _replace_characters(repair(text)) if UNUSUAL.search(text) else text
        form = unicodedata.normalize("NFC", form)
        if form == text:
            return text
        text = form  # a letter that lost a character between them may now be composed, or be damage


def _replace_characters(text: str) -> str:
    text = REPLACED.sub(lambda match: REPLACEMENTS.get(match[0], ""), text)
    return INNER_TABS.sub(lambda tabs: " " * len(tabs[0]), text)
