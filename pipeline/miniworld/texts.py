"""The miniworld's documents: short Turkish texts of ten genres, each with its own cast."""

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.miniworld import chats, entries, facts, messages, people, plots, portraits, quizzes, world
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import choose_zipf
from pipeline.turkish.inflect import Form

DATA_FILES = ("stories.txt", "letters.txt", "dialogues.txt", "news.txt", "recipes.txt")

VERB = re.compile(r"\{~(\w+)\.")

# Documents of each genre in a hundred.
GENRE_SHARES = {
    "stories": 24, "letters": 3, "dialogues": 3, "news": 2, "recipes": 2, "chats": 11, "messages": 5,
    "portraits": 22, "entries": 12, "quizzes": 16,
}  # fmt: skip
COMPOSERS = {
    "chats": chats.compose, "messages": messages.compose, "portraits": portraits.compose,
    "entries": entries.compose, "quizzes": quizzes.compose,
}  # fmt: skip
PLOT_SPREAD = 1  # the commonest plot is one in eight so, not one in five
FIRST_PERSON_SHARE = 0.3  # of the stories that can be told so


@dataclass(frozen=True)
class Document:
    """One text. `queries` are questions that no other document of the same seed answers."""

    id: str
    text: str  # paragraphs joined by "\n"
    queries: tuple[str, ...]


@cache
def load_genre(name: str) -> plots.Genre:
    """Return the plots of a genre's table."""
    return plots.read_genre(f"{name}.txt")


def list_verb_stems() -> list[str]:
    """Return the verbs that the tables inflect, without spaces, sorted."""
    tables = (Path(__file__).with_name(file).read_text(encoding="utf-8") for file in DATA_FILES)
    return sorted({stem for table in tables for stem in VERB.findall(table)})


def compose_documents(seed: int, count: int) -> Iterator[Document]:
    """Yield `count` documents. Each depends on the seed and its own index alone.

    No two of the first 233,280 share a hero's full name in the same province, so that one document only
    answers a query.
    """
    for index in range(count):
        first, surname, province = choose_hero(seed, index)
        rng = random.Random(f"{seed}:{index}")
        kind = rng.choices(list(GENRE_SHARES), list(GENRE_SHARES.values()))[0]
        text = compose(rng, kind, first, surname, province)
        yield Document(
            id=f"miniworld-{index:06d}",
            text="\n".join(text.paragraphs),
            queries=tuple(question for question, _ in text.qa_pairs),
        )


def choose_hero(seed: int, index: int) -> tuple[Form, str, world.Province]:
    """Return first name, surname and province of a document.

    The indices walk through every combination once.
    """
    combinations = len(people.FIRST_NAMES) * len(people.SURNAMES) * len(world.list_provinces())
    start, step = _hero_walk(seed, combinations)
    rest, province = divmod((start + step * index) % combinations, len(world.list_provinces()))
    surname, first = divmod(rest, len(people.FIRST_NAMES))
    return people.FIRST_NAMES[first], people.SURNAMES[surname], world.list_provinces()[province]


@cache
def _hero_walk(seed: int, combinations: int) -> tuple[int, int]:
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
) -> ComposedText:
    """Compose a text of the genre `kind` about `first surname` in `province`."""
    season = rng.choice(list(world.SEASONS))
    if kind in COMPOSERS:
        return COMPOSERS[kind](rng, people.draw_cast(rng, province, first, surname, season))
    table = load_genre(kind)
    fitting = [plot for plot in table.plots if plot.is_possible(province, season)]
    plot = choose_zipf(rng, fitting, spread=PLOT_SPREAD)
    either_person = not plot.requirements & {"first", "third"}
    in_first_person = rng.random() < FIRST_PERSON_SHARE if either_person else "first" in plot.requirements
    slots = people.draw_cast(rng, province, first, surname, season, in_first_person=in_first_person)

    def fact(rng: random.Random) -> str:
        return facts.state_fact(rng, rng.choice(facts.find_facts(province.name)))

    return plots.compose_plot(rng, plot, table.tables, slots, season, fact if with_facts else None)


def compose_short_story(rng: random.Random) -> ComposedText:
    """Compose a story for conversations, without facts."""
    province = rng.choice(world.list_provinces())
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return compose(rng, "stories", first, surname, province, with_facts=False)
