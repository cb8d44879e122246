"""Plots of the miniworld's tables (stories.txt and the like): their parser, and texts composed from them.

    # lost                                a plot's name
    ! ilkbahar yaz coast                  requirements: one of the seasons, a coast, snow, first, third
    gap = akşam | ertesi gün              its own slot; two: a b = x / y | u / v; verbs: ~act = al | sat
    ---                                   a new paragraph
    %weather  %closing  %fact             a sentence of a table below, or a fact about the place
    ? question = answer                   a question that this text alone answers
    all else                              its sentences; an indented line continues the one above

`%%weather kış`, `%%closing` and `%%intro` begin tables of sentences, one per line, up to an empty line. In
the first person a story begins with a sentence of %%intro. A sentence of %%heading comes before a text. One
of %%ending (or of %%ending first, %%ending third, by the person it is told in) comes after it.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.miniworld import world
from pipeline.miniworld.templates import FIRST_PERSON, Slots, fill, parse_word
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import Form, noun, verb

PRO_DROP_SHARE = 0.75  # of the sentences that begin with "Ben", and of "benim" before what is possessed
OWNER = re.compile(r"\{(?:who|full)\.gen\} (?=\{)")  # before a slot whose suffix says whose it is
CONTRAST_OPENINGS = ("Ben de ", "Ben ise ")  # the pronoun cannot be dropped here
WEATHER_SHARE, CLOSING_SHARE = 0.3, 0.5  # of the plots that provide for such a sentence
PARAGRAPH_BREAK = "---"


@dataclass
class Plot:
    """One template of a table, before its slots are filled."""

    name: str
    requirements: set[str] = field(default_factory=set)
    slots: list[tuple[list[str], list[list[Form]]]] = field(default_factory=list)  # names, values for them
    lines: list[str] = field(default_factory=list)
    qa_pairs: list[tuple[str, str]] = field(default_factory=list)  # question, answer

    def is_possible(self, province: world.Province, season: str) -> bool:
        """Return whether it can happen in the province and season."""
        seasons = self.requirements & world.SEASONS.keys()
        return (
            (not seasons or season in seasons)
            and ("coast" not in self.requirements or bool(province.seas))
            and ("snow" not in self.requirements or province.region in world.SNOWY_REGIONS)
        )


@dataclass(frozen=True)
class Genre:
    """The plots of one file and the tables of sentences that they share."""

    plots: tuple[Plot, ...]
    tables: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ComposedText:
    """A text, and the questions that it alone answers."""

    paragraphs: tuple[str, ...]
    qa_pairs: tuple[tuple[str, str], ...] = ()  # question, short answer


def read_genre(file: str) -> Genre:
    """Return the plots and tables of a file of this folder."""
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
            plots[-1].requirements |= set(line[2:].split())
        elif line.startswith("? "):
            question, answer = line[2:].split(" = ")
            plots[-1].qa_pairs.append((question, answer))
        elif match := re.fullmatch(r"([\w~][\w~ ]*) = (.*)", line):
            plots[-1].slots.append(_parse_slots(match[1].split(), match[2]))
        else:
            plots[-1].lines.append(line)
    return Genre(tuple(plots), {key: tuple(rows) for key, rows in tables.items()})


def _parse_slots(names: list[str], values: str) -> tuple[list[str], list[list[Form]]]:
    parsers = [_word_parser(name) for name in names]
    rows = [[part.strip() for part in value.split(" / ")] for value in values.split(" | ")]
    return [name.lstrip("~") for name in names], [
        [parse(part) for parse, part in zip(parsers, row, strict=True)] for row in rows
    ]


def _word_parser(slot: str) -> Callable[[str], Form]:
    """Return the parser of a slot's values: verb for ~, noun for _, else templates.parse_word."""
    if slot.startswith("~"):
        return verb
    return noun if slot.startswith("_") else parse_word


def _drop_owner(rng: random.Random, template: str, slots: Slots) -> str:
    """Drop the slot of "benim" from most templates in the first person: kapımı, not benim kapımı."""
    if slots["@"] == FIRST_PERSON and OWNER.search(template) and rng.random() < PRO_DROP_SHARE:
        return OWNER.sub("", template)
    return template


def _drop_pronoun(rng: random.Random, sentence: str) -> str:
    """Drop "Ben" at the beginning of most sentences, as the verb's ending says who speaks."""
    if (
        sentence.startswith("Ben ")
        and not sentence.startswith(CONTRAST_OPENINGS)
        and rng.random() < PRO_DROP_SHARE
    ):
        return capitalize(sentence.removeprefix("Ben "))
    return sentence


def compose_plot(
    rng: random.Random,
    plot: Plot,
    tables: dict[str, tuple[str, ...]],
    slots: Slots,
    season: str,
    fact: Callable[[random.Random], str] | None,
) -> ComposedText:
    """Compose a text of `plot` with the slots of its cast.

    `fact` returns a true sentence about the place. If None, the text states none.
    """
    slots = dict(slots)
    for names, options in plot.slots:
        slots |= zip(names, rng.choice(options), strict=True)
    paragraphs: list[list[str]] = [[]]
    if "heading" in tables:
        paragraphs = [[fill(rng, rng.choice(tables["heading"]), slots)], []]
    if slots["@"] == FIRST_PERSON and "intro" in tables:
        paragraphs[0].append(fill(rng, rng.choice(tables["intro"]), slots))
    for line in plot.lines:
        if line == PARAGRAPH_BREAK:
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
            paragraphs[-1].append(_drop_pronoun(rng, fill(rng, _drop_owner(rng, line, slots), slots)))
    endings = tables.get("ending") or tables.get(
        "ending first" if slots["@"] == FIRST_PERSON else "ending third"
    )
    if endings:
        paragraphs.append([fill(rng, rng.choice(endings), slots)])
    asks = tuple((fill(rng, question, slots), fill(rng, answer, slots)) for question, answer in plot.qa_pairs)
    return ComposedText(tuple(" ".join(lines) for lines in paragraphs if lines), asks)
