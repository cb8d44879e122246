"""Texts as they are written in the miniworld's tables (stories.txt and its neighbours), read and told.

    # lost                                a plot's name
    ! ilkbahar yaz coast                  what it needs: one of the seasons, a coast, snow, first, third
    gap = akşam | ertesi gün              a slot of its own; two: a b = x / y | u / v; verbs: ~act = al | sat
    ---                                   a new paragraph
    %weather  %closing  %fact             a sentence of a table below, or of what is true of the place
    ? question = answer                   what this text alone answers
    all else                              its sentences; an indented line goes on with the one above

`%%weather kış`, `%%closing` and `%%intro` begin tables of sentences, one a line up to an empty line. In
the first person a story begins with a sentence of %%intro. A sentence of %%heading comes before a text, one
of %%ending (or of %%ending first, %%ending third, by who tells it) after it.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.miniworld import world
from pipeline.miniworld.templates import FIRST, Slots, fill, word
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import Form, noun, verb

PRO_DROP_SHARE = 0.75  # of the sentences that begin with "Ben"
CONTRAST = ("Ben de ", "Ben ise ")  # where it has to stay
WEATHER_SHARE, CLOSING_SHARE = 0.3, 0.5  # of the texts that have room for such a sentence
BREAK = "---"


@dataclass
class Plot:
    """One text of a table, before its slots are filled."""

    name: str
    needs: set[str] = field(default_factory=set)
    slots: list[tuple[list[str], list[list[Form]]]] = field(default_factory=list)  # names, values for them
    lines: list[str] = field(default_factory=list)
    asks: list[tuple[str, str]] = field(default_factory=list)  # question, answer

    def fits(self, province: world.Province, season: str) -> bool:
        """Whether it can happen there at that time of the year."""
        seasons = self.needs & world.SEASONS.keys()
        return (
            (not seasons or season in seasons)
            and ("coast" not in self.needs or bool(province.seas))
            and ("snow" not in self.needs or province.region in world.SNOWY_REGIONS)
        )


@dataclass(frozen=True)
class Genre:
    """The plots of one file and the tables of sentences that they share."""

    plots: tuple[Plot, ...]
    tables: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Told:
    """A text and what it alone answers."""

    paragraphs: tuple[str, ...]
    asks: tuple[tuple[str, str], ...] = ()  # question, short answer


def read(file: str) -> Genre:
    """The plots and tables of a file of this folder."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    text = re.sub(r"^##.*\n", "", text, flags=re.M)
    plots: list[Plot] = []
    tables: dict[str, list[str]] = {}
    table: list[str] | None = None
    for line in re.sub(r"\n[ \t]+", " ", text).split("\n"):
        if line.startswith("%%"):
            table = tables.setdefault(line[2:], [])
        elif not line:
            table = None
        elif table is not None:
            table.append(line)
        elif line.startswith("# "):
            plots.append(Plot(line[2:]))
        elif line.startswith("! "):
            plots[-1].needs |= set(line[2:].split())
        elif line.startswith("? "):
            question, answer = line[2:].split(" = ")
            plots[-1].asks.append((question, answer))
        elif match := re.fullmatch(r"([\w~][\w~ ]*) = (.*)", line):
            plots[-1].slots.append(_slots(match[1].split(), match[2]))
        else:
            plots[-1].lines.append(line)
    return Genre(tuple(plots), {key: tuple(rows) for key, rows in tables.items()})


def _slots(names: list[str], values: str) -> tuple[list[str], list[list[Form]]]:
    makers = [_maker(name) for name in names]
    rows = [[part.strip() for part in value.split(" / ")] for value in values.split(" | ")]
    return [name.lstrip("~") for name in names], [
        [make(part) for make, part in zip(makers, row, strict=True)] for row in rows
    ]


def _maker(slot: str) -> Callable[[str], Form]:
    """What makes a word of a slot's value: ~ a verb, _ plain text, else what templates.word makes."""
    if slot.startswith("~"):
        return verb
    return noun if slot.startswith("_") else word


def _dropped(rng: random.Random, sentence: str) -> str:
    """A sentence that begins with "Ben" often without it, as the verb's ending says who speaks."""
    if sentence.startswith("Ben ") and not sentence.startswith(CONTRAST) and rng.random() < PRO_DROP_SHARE:
        return capitalize(sentence.removeprefix("Ben "))
    return sentence


def tell(
    rng: random.Random,
    plot: Plot,
    tables: dict[str, tuple[str, ...]],
    slots: Slots,
    season: str,
    fact: Callable[[random.Random], str] | None,
) -> Told:
    """A plot told with the slots of its cast. `fact` gives a true sentence about the place, or None: none."""
    slots = dict(slots)
    for names, options in plot.slots:
        slots |= zip(names, rng.choice(options), strict=True)
    paragraphs: list[list[str]] = [[]]
    if "heading" in tables:
        paragraphs = [[fill(rng, rng.choice(tables["heading"]), slots)], []]
    if slots["@"] == FIRST and "intro" in tables:
        paragraphs[0].append(fill(rng, rng.choice(tables["intro"]), slots))
    for line in plot.lines:
        if line == BREAK:
            paragraphs.append([])
        elif line == "%fact":
            paragraphs[-1] += [fact(rng)] if fact else []
        elif line == "%weather":
            if rng.random() < WEATHER_SHARE:
                paragraphs[-1].append(fill(rng, rng.choice(tables[f"weather {season}"]), slots))
        elif line == "%closing":
            if rng.random() < CLOSING_SHARE:
                paragraphs[-1].append(fill(rng, rng.choice(tables["closing"]), slots))
        else:
            paragraphs[-1].append(_dropped(rng, fill(rng, line, slots)))
    endings = tables.get("ending") or tables.get("ending first" if slots["@"] == FIRST else "ending third")
    if endings:
        paragraphs.append([fill(rng, rng.choice(endings), slots)])
    asks = tuple((fill(rng, question, slots), fill(rng, answer, slots)) for question, answer in plot.asks)
    return Told(tuple(" ".join(lines) for lines in paragraphs if lines), asks)
