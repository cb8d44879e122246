"""Templates of sentences: choices that are drawn, and slots whose words are inflected in place.

[gitti|geldi]            a choice: one of them
{place.loc}              a slot's word with the inflector's tags: Kars'ta
{~git.past}              a verb by its stem: gitti
{~git.past.@} {thing.@}  in the person of the text's subject: gitti, kitabı; or gittim, kitabım
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from pipeline.text.casing import capitalize, lower
from pipeline.turkish.inflect import Form, name, noun, numeral, verb

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{([^{}]*)\}")
OPENING = re.compile(r"^(?:— )?[“(]?")
THIRD_PERSON, FIRST_PERSON = "sg3", "sg1"
NOMINAL_STATES = {"noun", "plural", "compound", "pronominal"}

Item = TypeVar("Item")
Slots = Mapping[str, str]  # Forms where they are inflected; "@" is THIRD or FIRST, and else THIRD


def parse_word(text: str) -> Form:
    """Return a table's word: a name, a numeral or a noun by its first letter. + marks a compound."""
    if text.endswith("+"):
        return noun(text[:-1], "compound")
    if text.isdecimal():
        return numeral(text)
    return noun(text) if text[0] == lower(text[0]) else name(text)


def fill(rng: random.Random, template: str, slots: Slots) -> str:
    """Return a template as text, its first letter a capital.

    Raises KeyError for a slot that is missing, ValueError or AttributeError for a form that Turkish lacks.
    """
    text = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = SLOT.sub(lambda match: resolve_slot(match[1], slots), text)
    start = OPENING.match(text).end()  # type: ignore[union-attr]  # it matches the empty string too
    return text[:start] + capitalize(" ".join(text[start:].split()))


def read_table(file: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a table of this folder as marker and text, without comments and empty ones."""
    for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines():
        marker, _, text = line.partition(" ")
        if marker not in ("", "##"):
            yield marker, text


def choose_zipf(rng: random.Random, items: Sequence[Item], spread: int = 0) -> Item:
    """Choose one of `items`, the n-th with a weight of 1 / (n + spread), as words occur (Zipf, Mandelbrot).

    A few frequent sentences are learned first, and with them the copying of names. A uniform choice delays
    that (Chan et al. 2022, arXiv 2205.05055).
    """
    return rng.choices(items, [1 / (rank + spread) for rank in range(1, len(items) + 1)])[0]


def resolve_slot(expression: str, slots: Slots) -> str:
    """Return the word that the expression between a slot's braces stands for."""
    name, *tags = expression.split(".")
    word = _verb(name[1:]) if name.startswith("~") else slots[name]
    for tag in tags:
        if tag == "@":
            person = slots.get("@", THIRD_PERSON)
            tag = f"p{person[2]}{person[:2]}" if word.state in NOMINAL_STATES else person  # type: ignore[attr-defined]
        word = getattr(word, tag)
    return word


_verb = cache(verb)
