"""Sentences with holes: choices that are drawn, and words that are inflected where they stand.

[gitti|geldi]            one of them
{place.loc}              a slot's word with the inflector's tags: Kars'ta
{~git.past}              a verb by its stem: gitti
{~git.past.@} {thing.@}  in the person of the text's subject: gitti, kitabı; or gittim, kitabım
"""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeVar

from pipeline.text.casing import capitalize, lower
from pipeline.turkish.inflect import Form, name, noun, numeral, verb

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{([^{}]*)\}")
OPENING = re.compile(r"^(?:— )?[“(]?")
THIRD, FIRST = "sg3", "sg1"
NOMINAL_STATES = {"noun", "plural", "compound", "pronominal"}

Item = TypeVar("Item")
Slots = Mapping[str, str]  # Forms where they are inflected; "@" is THIRD or FIRST, and else THIRD


def word(text: str) -> Form:
    """A word of a table: a name, a numeral or a noun by its first letter; + marks a compound."""
    if text.endswith("+"):
        return noun(text[:-1], "compound")
    if text.isdecimal():
        return numeral(text)
    return noun(text) if text[0] == lower(text[0]) else name(text)


def fill(rng: random.Random, template: str, slots: Slots) -> str:
    """A template as text, its first letter a capital.

    Raises KeyError for a slot that is missing, ValueError or AttributeError for a form that Turkish lacks.
    """
    text = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = SLOT.sub(lambda match: resolve(match[1], slots), text)
    start = OPENING.match(text).end()  # type: ignore[union-attr]  # it matches the empty string too
    return text[:start] + capitalize(" ".join(text[start:].split()))


def favoured(rng: random.Random, items: Sequence[Item], spread: int = 0) -> Item:
    """One of `items`, the n-th with a weight of 1 / (n + spread), as words are used (Zipf, Mandelbrot).

    Few sentences that are met often are learnt first, and with them how names are carried on; a uniform
    choice delays that (Chan et al. 2022, arXiv 2205.05055).
    """
    return rng.choices(items, [1 / (rank + spread) for rank in range(1, len(items) + 1)])[0]


def resolve(expression: str, slots: Slots) -> str:
    """What stands between the braces of a slot, as a word."""
    head, *tags = expression.split(".")
    word = _verb(head[1:]) if head.startswith("~") else slots[head]
    for tag in tags:
        if tag == "@":
            person = slots.get("@", THIRD)
            tag = f"p{person[2]}{person[:2]}" if word.state in NOMINAL_STATES else person  # type: ignore[attr-defined]
        word = getattr(word, tag)
    return word


_verb = cache(verb)
