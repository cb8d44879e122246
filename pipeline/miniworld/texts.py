"""The miniworld's documents: little Turkish texts of ten genres, each with a cast of its own."""

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.miniworld import chats, entries, facts, messages, people, plots, portraits, quizzes, world
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import favoured
from pipeline.turkish.inflect import Form

DATA_FILES = ("stories.txt", "letters.txt", "dialogues.txt", "news.txt", "recipes.txt")

VERB = re.compile(r"\{~(\w+)\.")

# How many of a hundred documents are of a genre.
SHARES = {
    "stories": 26, "letters": 3, "dialogues": 3, "news": 2, "recipes": 2, "chats": 9, "messages": 6,
    "portraits": 27, "entries": 12, "quizzes": 10,
}  # fmt: skip
COMPOSERS = {
    "chats": chats.compose, "messages": messages.compose, "portraits": portraits.compose,
    "entries": entries.compose, "quizzes": quizzes.compose,
}  # fmt: skip
PLOT_SPREAD = 1  # so that the commonest plot is one in eight, not one in five
FIRST_PERSON_SHARE = 0.3  # of the stories that can be told so


@dataclass(frozen=True)
class Document:
    """One text. `queries` are questions that no other document of the same seed answers."""

    id: str
    text: str  # paragraphs joined by "\n"
    queries: tuple[str, ...]


@cache
def genre(name: str) -> plots.Genre:
    """The plots of a genre's table."""
    return plots.read(f"{name}.txt")


def verb_stems() -> list[str]:
    """The verbs that the tables inflect, without spaces, sorted."""
    tables = (Path(__file__).with_name(file).read_text(encoding="utf-8") for file in DATA_FILES)
    return sorted({stem for table in tables for stem in VERB.findall(table)})


def documents(seed: int, count: int) -> Iterator[Document]:
    """`count` documents; each depends on the seed and its own index alone.

    No two of the first 233,280 share a hero's full name in the same province, which is what makes
    their queries answerable by one document only.
    """
    for index in range(count):
        first, surname, province = hero(seed, index)
        rng = random.Random(f"{seed}:{index}")
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        told = compose(rng, kind, first, surname, province)
        yield Document(
            id=f"miniworld-{index:06d}",
            text="\n".join(told.paragraphs),
            queries=tuple(question for question, _ in told.asks),
        )


def hero(seed: int, index: int) -> tuple[Form, str, world.Province]:
    """First name, surname and province of a document: a walk that meets every combination once."""
    combinations = len(people.FIRST_NAMES) * len(people.SURNAMES) * len(world.PROVINCES)
    start, step = _walk(seed, combinations)
    rest, province = divmod((start + step * index) % combinations, len(world.PROVINCES))
    surname, first = divmod(rest, len(people.FIRST_NAMES))
    return people.FIRST_NAMES[first], people.SURNAMES[surname], world.PROVINCES[province]


@cache
def _walk(seed: int, combinations: int) -> tuple[int, int]:
    rng = random.Random(f"{seed}:heroes")
    step = rng.randrange(combinations // 3, combinations)
    while math.gcd(step, combinations) != 1:
        step += 1
    return rng.randrange(combinations), step


def compose(
    rng: random.Random,
    kind: str,
    first: Form,
    surname: str,
    province: world.Province,
    *,
    with_facts: bool = True,
) -> Told:
    """A text of the genre `kind` about `first surname` in `province`."""
    season = rng.choice(list(world.SEASONS))
    if kind in COMPOSERS:
        return COMPOSERS[kind](rng, people.cast(rng, province, first, surname, season))
    table = genre(kind)
    fitting = [plot for plot in table.plots if plot.fits(province, season)]
    plot = favoured(rng, fitting, spread=PLOT_SPREAD)
    free = not plot.needs & {"first", "third"}
    in_first_person = rng.random() < FIRST_PERSON_SHARE if free else "first" in plot.needs
    slots = people.cast(rng, province, first, surname, season, in_first_person=in_first_person)

    def fact(rng: random.Random) -> str:
        return facts.said(rng, rng.choice(facts.of(province.name)))

    return plots.tell(rng, plot, table.tables, slots, season, fact if with_facts else None)


def short_story(rng: random.Random) -> Told:
    """A story for conversations, without facts."""
    province = rng.choice(world.PROVINCES)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return compose(rng, "stories", first, surname, province, with_facts=False)
