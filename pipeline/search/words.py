"""Words as a search knows them: the beginning of a word, whatever its endings.

A key is the first five letters in Turkish lower case. Endings soften the consonant before them (kitap,
kitabı; renk, rengi), so the fourth and the fifth letter count as hard ones.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from pipeline.text.casing import lower
from pipeline.turkish.analyse import default_analyser
from pipeline.turkish.inflect import Form, noun, verb
from pipeline.turkish.lexicon import NOUNS_BY_FLAG, VERBS_BY_FLAG, common_words
from pipeline.turkish.morphotactics import GRAMMAR

KEY_LETTERS = 5
HARDENED = str.maketrans("bcdgğ", "pçtkk")
HARDENED_FROM = 3  # letters that never soften: a word's first three
# A word, and the endings that an apostrophe cuts off a name: Ankara'da, 1923'te.
ENDINGS = r"(?:['’‘ʼ`´][^\W_]+)*"
WORD = re.compile(rf"([^\W_]+){ENDINGS}")
# The same words, cut to what their keys need. Numbers are whole.
WORD_START = re.compile(rf"(\d+(?![^\W_])|[^\W_]{{1,{KEY_LETTERS}}})[^\W_]*{ENDINGS}")
LETTERS = "abcçdefgğhıijklmnoöprsştuüvyz"
CIRCUMFLEXES = str.maketrans("âîû", "aiu")
# Letters that people type for one another: cocugun, isparta, INTERNET.
MARKS = {one: pair for pair in ("cç", "gğ", "ıi", "oö", "sş", "uü") for one in pair}


class Word(NamedTuple):
    """A word of a text: where it stands, its letters without what an apostrophe cuts off, and its key."""

    start: int
    end: int
    letters: str
    key: str


def make_key(word: str) -> str:
    """Return the key of a word."""
    return harden(lower(word) if word.isdecimal() else lower(word)[:KEY_LETTERS])


@lru_cache(maxsize=1 << 17)
def harden(start: str) -> str:
    """Return the key of a word's first letters in lower case, or of a number."""
    start = start.translate(CIRCUMFLEXES)
    return start[:HARDENED_FROM] + start[HARDENED_FROM:].translate(HARDENED)


def vary_marks(key: str) -> list[str]:
    """Return all other keys that are written like a key but for Turkish letters' marks: cocuk, çocuk."""
    choices = [MARKS.get(letter, letter) for letter in key]
    others = dict.fromkeys(harden("".join(letters)) for letters in product(*choices))
    return [other for other in others if other != key]


def find_words(text: str) -> Iterator[Word]:
    """Yield the words of a text in NFC. A name's endings behind an apostrophe are part of it."""
    for match in WORD.finditer(text):
        yield Word(match.start(), match.end(), match[1], make_key(match[1]))


def make_keys(text: str) -> list[str]:
    """Return the keys of all words of a text in NFC, in their order: those of `find_words`, faster."""
    return [harden(start) for start in WORD_START.findall(lower(text))]


def edit_word(word: str) -> set[str]:
    """Return the keys of the words that are one typing error away.

    That is a letter too many, too few or wrong, or two letters in each other's place.
    """
    word = lower(word)[: KEY_LETTERS + 1]
    splits = [(word[:i], word[i:]) for i in range(KEY_LETTERS)]
    edits = [a + b[1:] for a, b in splits] + [a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1]
    edits += [a + letter + rest for a, b in splits for letter in LETTERS for rest in (b, b[1:])]
    return {make_key(edit) for edit in edits} - {make_key(word), ""}


def is_known(word: str) -> bool:
    """Return whether a word is a form of one in the lexicon."""
    return bool(default_analyser().analyses(word))


@lru_cache(maxsize=1 << 16)
def expand_key(word: str) -> tuple[str, ...]:
    """Return the keys under which forms of a word stand in an index, its own first.

    A stem of fewer than five letters has many, as its endings begin within the key: ev, evler, evden. They
    come from the inflector, if the lexicon knows the word. Of any other word the key stands alone.
    """
    keys = {make_key(word): None}
    for reading in default_analyser().analyses(word):
        if len(reading.lemma) < KEY_LETTERS:
            for stem in short_stems().get(reading.lemma, ()):
                keys |= dict.fromkeys(list_form_keys(stem))
    return tuple(keys)


@cache
def short_stems() -> dict[str, list[Form]]:
    """Return the lexicon's nouns and verbs of fewer letters than a key, by their lemmas."""
    stems: dict[str, list[Form]] = {}
    sections = common_words()
    for kind, flagged, make in (("nouns", NOUNS_BY_FLAG, noun), ("verbs", VERBS_BY_FLAG, verb)):
        for word in sorted(sections[kind].union(*flagged.values())):
            if "=" not in word and len(word) < KEY_LETTERS:
                stems.setdefault(word, []).append(make(word))
    return stems


def list_form_keys(stem: Form) -> list[str]:
    """Return the keys of all forms of a short stem, sorted."""
    keys, pending = set(), [stem]
    while pending:
        form = pending.pop()
        keys.add(make_key(form.split(" ")[0]))  # a particle is a word of its own: ev mi
        if len(form) > KEY_LETTERS:  # a further ending changes the last letter at most
            continue
        for tag in GRAMMAR[form.state]:
            with suppress(ValueError):  # a compound takes what its head takes
                pending.append(form.add(tag))
    return sorted(keys)
