"""The miniworld's documents: little Turkish texts, each with a cast, a place and an event of its own."""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pipeline.miniworld import stories, world
from pipeline.miniworld.words import Name, Noun
from pipeline.turkish.casing import capitalize

CHOICE = re.compile(r"\[([^\[\]]*)\]")
BREAK = "---"


@dataclass(frozen=True)
class Document:
    """One text. `queries` are questions that no other document of the same seed answers."""

    id: str
    text: str  # paragraphs joined by "\n"
    queries: tuple[str, ...]


@dataclass
class Plot:
    """A story of stories.STORIES, parsed."""

    name: str
    needs: set[str] = field(default_factory=set)
    slots: list[tuple[list[str], list[list[str]]]] = field(default_factory=list)  # names, and values for them
    lines: list[str] = field(default_factory=list)
    asks: list[tuple[str, str]] = field(default_factory=list)  # question, answer

    def fits(self, province: world.Province, season: str) -> bool:
        """Whether the story can happen there at that time of the year."""
        seasons = self.needs & world.SEASONS.keys()
        return (
            (not seasons or season in seasons)
            and ("coast" not in self.needs or bool(province.seas))
            and ("snow" not in self.needs or province.region in world.SNOWY_REGIONS)
        )


@dataclass(frozen=True)
class Story:
    """A told story: its paragraphs without and with the facts, and what it answers."""

    paragraphs: tuple[str, ...]
    asks: tuple[tuple[str, str], ...]  # question, short answer


def parse(table: str) -> tuple[Plot, ...]:
    """The plots of a table written as stories.py describes."""
    plots: list[Plot] = []
    for line in re.sub(r"\n +", " ", table).split("\n"):
        if line.startswith("# "):
            plots.append(Plot(line[2:]))
        elif line.startswith("! "):
            plots[-1].needs |= set(line[2:].split())
        elif line.startswith("? "):
            question, answer = line[2:].split(" = ")
            plots[-1].asks.append((question, answer))
        elif " = " in line:
            names, values = line.split(" = ")
            options = [value.strip().split(" / ") for value in values.split(" | ")]
            plots[-1].slots.append((names.split(), options))
        elif line:
            plots[-1].lines.append(line)
    return tuple(plots)


PLOTS = parse(stories.STORIES)


def documents(seed: int, count: int) -> Iterator[Document]:
    """`count` documents; each depends on the seed and its own index alone.

    No two of the first 559,872 share a hero's full name in the same province, which is what makes
    their queries answerable by one document only.
    """
    for index in range(count):
        first, surname, province = hero(seed, index)
        rng = random.Random(f"{seed}:{index}")
        story = tell(rng, province, first, surname, with_facts=True)
        yield Document(
            id=f"miniworld-{index:06d}",
            text="\n".join(story.paragraphs),
            queries=tuple(question for question, _ in story.asks),
        )


def hero(seed: int, index: int) -> tuple[Name, str, world.Province]:
    """First name, surname and province of a document: a walk that meets every combination once."""
    combinations = len(world.FIRST_NAMES) * len(world.SURNAMES) * len(world.PROVINCES)
    start, step = _walk(seed, combinations)
    rest, province = divmod((start + step * index) % combinations, len(world.PROVINCES))
    surname, first = divmod(rest, len(world.FIRST_NAMES))
    return world.FIRST_NAMES[first], world.SURNAMES[surname], world.PROVINCES[province]


@cache
def _walk(seed: int, combinations: int) -> tuple[int, int]:
    rng = random.Random(f"{seed}:heroes")
    step = rng.randrange(combinations // 3, combinations)
    while math.gcd(step, combinations) != 1:
        step += 1
    return rng.randrange(combinations), step


def tell(
    rng: random.Random,
    province: world.Province,
    first: Name,
    surname: str,
    *,
    with_facts: bool,
    others: Sequence[str] = (),
) -> Story:
    """A story of `first surname` in `province`.

    `others`: neighbours it may speak of, all of the province's where empty. Without facts it holds the
    plot alone, which still names the province's sights and goods.
    """
    season = rng.choice(list(world.SEASONS))
    plot = rng.choice([plot for plot in PLOTS if plot.fits(province, season)])
    slots = cast(rng, province, first, surname, season, others)
    for names, options in plot.slots:
        slots |= zip(names, map(Name, rng.choice(options)), strict=True)
    paragraphs: list[list[str]] = [[]]
    for line in plot.lines:
        if line == BREAK:
            paragraphs.append([])
        elif line == "%facts":
            paragraphs[-1] += facts(rng, slots, rng.choice((1, 2))) if with_facts else []
        elif line == "%weather":
            paragraphs[-1] += [fill(rng, rng.choice(stories.WEATHER[season]), slots)] * (rng.random() < 0.25)
        elif line == "%closing":
            paragraphs[-1] += [fill(rng, rng.choice(stories.CLOSINGS), slots)] * (rng.random() < 0.5)
        else:
            paragraphs[-1].append(fill(rng, line, slots))
    if with_facts and "%facts" not in plot.lines:
        lead = fill(rng, rng.choice(stories.LEADS), slots)
        place = 0 if rng.random() < 0.5 else len(paragraphs)
        paragraphs.insert(place, [lead, *facts(rng, slots, rng.choice((1, 2)))])
    asks = tuple((fill(rng, question, slots), fill(rng, answer, slots)) for question, answer in plot.asks)
    return Story(tuple(" ".join(lines) for lines in paragraphs if lines), asks)


def cast(
    rng: random.Random,
    province: world.Province,
    first: Name,
    surname: str,
    season: str,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """What the slots of the templates stand for in one document."""
    other = world.BY_NAME[rng.choice(others or province.neighbours)]
    friend = rng.choice(world.FIRST_NAMES)
    while friend == first:
        friend = rng.choice(world.FIRST_NAMES)
    return place_slots(rng, province, other) | {
        "who": first,
        "full": Name(f"{first} {surname}"),
        "friend": friend,
        "kin": rng.choice(world.KIN),
        "thing": rng.choice(world.THINGS),
        "job": rng.choice(world.JOBS),
        "colour": rng.choice(world.COLOURS),
        "count": rng.choice(world.COUNTS),
        "hour": rng.choice(world.HOURS),
        "day": rng.choice(world.DAYS),
        "date": Name(f"{rng.randint(1, 28)} {rng.choice(world.SEASONS[season])}"),
        "n": str(rng.randint(3, 30)),
        "harvest": str(rng.randint(20, 60)),
        "crowd": str(rng.randint(80, 400)),
    }


def place_slots(rng: random.Random, province: world.Province, other: world.Province) -> dict[str, Any]:
    """The slots that a province and one of its neighbours fill."""
    return {
        "place": province.name,
        "il": province.name,
        "plate": province.plate,
        "region": province.region,
        "sea": rng.choice(province.seas) if province.seas else "",
        "seas": " ve ".join(sea.dat for sea in province.seas),
        "sight": province.sight,
        "kind": province.kind,
        "district": rng.choice(province.districts),
        "unit": province.unit,
        "product": province.product,
        "good": Noun(f"{province.name} {province.product.poss}", province.product.poss.acc),
        "other": other.name,
        "other_unit": other.unit,
        "other_product": other.product,
    }


def fact_families(province: world.Province) -> list[str]:
    """The families of facts the table has for a province: "sea" with a coast, "coast" without one."""
    return [family for family in stories.FACTS if family != ("coast" if province.seas else "sea")]


def facts(rng: random.Random, slots: dict[str, Any], count: int, families: Sequence[str] = ()) -> list[str]:
    """`count` sentences about the province, of different families (of `families` where given)."""
    families = families or fact_families(world.BY_NAME[slots["place"]])
    again = Noun("bu il", "bu ili")
    sentences = []
    for position, family in enumerate(rng.sample(families, min(count, len(families)))):
        il = again if position and rng.random() < 0.25 else slots["place"]
        sentences.append(fill(rng, rng.choice(stories.FACTS[family]), slots | {"il": il}))
    return sentences


def fill(rng: random.Random, template: str, slots: dict[str, Any]) -> str:
    """A template as a sentence: choices drawn, slots filled, its first letter a capital."""
    text = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template).format_map(slots)
    speech = "— " if text.startswith("— ") else ""
    return speech + capitalize(text.removeprefix(speech))
