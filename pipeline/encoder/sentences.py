"""Splitting of Turkish text into sentences."""

import re

PASSAGE = 6  # sentences: one and the five around it

UPPER = "A-ZÇĞİÖŞÜÂÎÛ"
# After a mark and closing quotes a space, if a sentence can begin behind it; and every end of a line.
BOUNDARY = re.compile(rf"(?<=[.!?…])[\"”’'»)]*\s+(?=[\"“‘'«(—–-]*\s?[{UPPER}\d])|\s*\n\s*")
# A full stop that ends no sentence: of an ordinal (3. madde), an initial or an abbreviation.
NO_END = re.compile(
    rf"(?:^|[\s(])(?:\d{{1,3}}|[{UPPER}]|Dr|Prof|Doç|Yrd|Av|Op|Alb|Gen|Sn|Hz|St|No|Mad|md|vb|vs|bkz|örn|yy|çev|ed|s)\.$"
)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, in order, without the space around them. A line's end ends one."""
    sentences, start = [], 0
    for match in BOUNDARY.finditer(text):
        sentence = text[start : match.start()].strip()
        if "\n" not in match.group() and NO_END.search(sentence):
            continue
        if sentence:
            sentences.append(sentence + match.group().rstrip())
        start = match.end()
    last = text[start:].strip()
    return [*sentences, last] if last else sentences
