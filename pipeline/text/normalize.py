"""Keys under which two Turkish texts count as the same: as answers, or as copies of one document."""

import re
import unicodedata

from pipeline.text.casing import lower

APOSTROPHES = "'’‘ʼ`´＇"

# Plural, possessive, case, relative -ki and copula, in that order and each optional, as they are written
# after the apostrophe of a proper name or a number: Van Gölü'nün, 1923'tür, Ankara'dakiler.
ENDING = re.compile(
    r"(?<=\w)'"
    r"(?:l[ae]r)?(?:s?[ıiuü])?"
    r"(?:n?[ıiuü]n|[yn]?[ae]|[yn]?[ıiuü]|n?[dt][ae]n?|y?l[ae])?"
    r"(?:ki(?:ler)?)?"
    r"(?:[dt][ıiuü]r|y?[dt][ıiuü]|y?m[ıiuü]ş)?"
    r"(?!\w)"
)
BETWEEN_WORDS = re.compile(r"(?<!\d)[^\w\s]|[^\w\s](?!\d)")  # all but the comma of 3,5 and the dot of 14.30


def answer_key(text: str) -> str:
    """`text` as answers are compared: two answers are the same where their keys are equal.

    NFC, Turkish lower case, runs of white space as one space, punctuation and symbols dropped (but inside
    numbers: 3,5), straight and curly apostrophes alike. An inflectional ending after an apostrophe is
    dropped, so that "Ankara'dır", "Ankara’nın" and "Ankara" are one answer; any other apostrophe closes up
    (O'Neill). A text of nothing but symbols stays as it is.
    """
    text = lower(unicodedata.normalize("NFC", text))
    for mark in APOSTROPHES:
        text = text.replace(mark, "'")
    text = ENDING.sub("", text).replace("'", "")
    return " ".join(BETWEEN_WORDS.sub(" ", text).split()) or text.strip()


def duplicate_key(text: str) -> str:
    """`text` as copies of a document are found: texts that differ in case, spacing and punctuation are one.

    NFC, Turkish lower case, punctuation dropped (an apostrophe closes up, other marks part words), runs
    of white space as one space; a text of nothing but punctuation stays as it is. Hash it for exact
    duplicates.
    """
    original = text = lower(unicodedata.normalize("NFC", text))
    for mark in set(text):
        if mark in APOSTROPHES:
            text = text.replace(mark, "")
        elif unicodedata.category(mark).startswith("P"):
            text = text.replace(mark, " ")
    return " ".join(text.split()) or original
