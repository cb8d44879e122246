"""What people say around their questions, and what they ask that no text here knows.

The tables are openers.txt, outside.txt and definitions.txt.
"""

import random
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache

from pipeline.miniworld.templates import Slots, choose_zipf, fill, parse_word, read_table
from pipeline.turkish.inflect import Form

DATA_FILES = ("openers.txt", "outside.txt", "definitions.txt")
DO_NOT_KNOW, NO_KNOWLEDGE, CANNOT_DO = "Bunu bilmiyorum.", "Bu konuda bilgim yok.", "Bunu yapmayı bilmiyorum."
BROAD_QUESTION = re.compile("hakkında|anlat|açıkla|konusunu")  # of a whole subject
REQUEST_SHARE = 0.08  # of what lies outside
QUESTION_SPREAD = 12  # see choose_zipf: the first question is one in thirteen so
PROMPT_SPREAD = 2  # see choose_zipf: the commonest wording of five is then one in three


@dataclass
class Intent:
    """What someone wants who says one of these things, as templates, and the answers to it."""

    name: str
    weight: int
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@dataclass
class Outside:
    """Questions that nothing here answers, and what they ask about."""

    questions: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # for what the model cannot do
    topics: list[Form] = field(default_factory=list)
    people: list[Form] = field(default_factory=list)
    places: list[Form] = field(default_factory=list)


@cache
def load_outside() -> Outside:
    """Return the questions of outside.txt."""
    outside = Outside()
    words = {"topic": outside.topics, "person": outside.people, "place": outside.places}
    for marker, text in read_table("outside.txt"):
        if marker in words:
            words[marker] += map(parse_word, text.split(", "))
        else:
            (outside.questions if marker == "?" else outside.requests).append(text)
    return outside


@cache
def load_definitions() -> dict[str, Intent]:
    """Return what asks for a definition, and its answers, by family of facts."""
    return read_intents("definitions.txt")


@cache
def load_intents() -> dict[str, Intent]:
    """Return the intents by name, in the order of openers.txt."""
    return read_intents("openers.txt")


def read_intents(file: str) -> dict[str, Intent]:
    """Return the intents of a table by name. One without a weight has the weight 1."""
    intents: list[Intent] = []
    for marker, text in read_table(file):
        match marker:
            case "#":
                intent_name, _, weight = text.partition(" ")
                intents.append(Intent(intent_name, int(weight or 1)))
            case "?":
                intents[-1].prompts.append(text)
            case ".":
                intents[-1].answers.append(text)
    return {intent.name: intent for intent in intents}


def draw_opener(rng: random.Random, intent: Intent, slots: Slots | None = None) -> list[str]:
    """Draw one of the intent's messages and an answer, as two turns."""
    templates = choose_zipf(rng, intent.prompts, spread=PROMPT_SPREAD), rng.choice(intent.answers)
    return [fill(rng, template, slots or {}) for template in templates]


def draw_outside(rng: random.Random, slots: Slots) -> list[str]:
    """Draw a question that nothing here answers, or a request, and what to say to it, as two turns."""
    outside = load_outside()
    if rng.random() < REQUEST_SHARE:
        return [fill(rng, rng.choice(outside.requests), slots), CANNOT_DO]
    template = choose_zipf(rng, outside.questions, spread=QUESTION_SPREAD)
    return [fill(rng, template, slots), NO_KNOWLEDGE if BROAD_QUESTION.search(template) else DO_NOT_KNOW]


def draw_intent(rng: random.Random, excluded: Collection[str] = ()) -> Intent:
    """Draw an intent by its weight, none of those in `excluded`."""
    intents = [intent for intent in load_intents().values() if intent.name not in excluded]
    return rng.choices(intents, [intent.weight for intent in intents])[0]
