"""Normalized keys: two Turkish texts with equal keys are the same answer, or copies of one document."""

import re
import unicodedata

from pipeline.text.casing import lower

APOSTROPHES = "'’‘ʼ`´＇"

# Plural, possessive, case, relative -ki and copula, in that order and each optional, as they are written
# after the apostrophe of a proper name or a number: Van Gölü'nün, 1923'tür, Ankara'dakiler.
APOSTROPHE_SUFFIX = re.compile(
    r"(?<=\w)'"
    r"(?:l[ae]r)?(?:s?[ıiuü])?"
    r"(?:n?[ıiuü]n|[yn]?[ae]|[yn]?[ıiuü]|n?[dt][ae]n?|y?l[ae])?"
    r"(?:ki(?:ler)?)?"
    r"(?:[dt][ıiuü]r|y?[dt][ıiuü]|y?m[ıiuü]ş)?"
    r"(?!\w)"
)
PUNCTUATION = re.compile(r"(?<!\d)[^\w\s]|[^\w\s](?!\d)")  # all but the comma of 3,5 and the dot of 14.30


def answer_key(text: str) -> str:
    """Return the key of an answer: two answers are the same where their keys are equal.

    NFC, Turkish lower case, runs of white space as one space, punctuation and symbols dropped (but inside
    numbers: 3,5), straight and curly apostrophes alike. An inflectional ending after an apostrophe is
    dropped, so that "Ankara'dır", "Ankara’nın" and "Ankara" are one answer; any other apostrophe joins
    (O'Neill). A text of nothing but symbols stays as it is.
    """
    text = lower(unicodedata.normalize("NFC", text))
    for apostrophe in APOSTROPHES:
        text = text.replace(apostrophe, "'")
    text = APOSTROPHE_SUFFIX.sub("", text).replace("'", "")
    return " ".join(PUNCTUATION.sub(" ", text).split()) or text.strip()


def duplicate_key(text: str) -> str:
    """Return the key of a document: texts that differ only in case, spacing and punctuation share it.

    NFC, Turkish lower case, punctuation dropped (an apostrophe joins, other punctuation separates words),
    runs of white space as one space. A text of nothing but punctuation stays as it is. Its hash finds exact
    duplicates.
    """
    original = text = lower(unicodedata.normalize("NFC", text))
    for character in set(text):
        if character in APOSTROPHES:
            text = text.replace(character, "")
        elif unicodedata.category(character).startswith("P"):
            text = text.replace(character, " ")
    return " ".join(text.split()) or original
