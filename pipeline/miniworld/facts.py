"""What is true in the miniworld, as facts: how each is stated, how it is asked for, and its answer.

Entries and quizzes state and ask them, conversations ask them, and the questions of evaluation ask them in
words that neither uses (`unseen`), or two at once that neither asks together (`held_together`).
"""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

from pipeline.miniworld import nature, world
from pipeline.miniworld.templates import SLOT, favoured, fill, resolve, word
from pipeline.turkish.inflect import Form, name, noun, numeral
from pipeline.turkish.numbers import in_words

DATA_FILES = ("facts.txt",)

Slots = dict[str, str]  # Forms where they are inflected

HELD_OUT = 6  # one pair of facts in so many
FEWEST_TOPICS = 3  # of a subject of which pairs are held out: its other pairs are asked

# How two facts are asked at once: {x} the subject, {a} and {b} their topics. The answer is "A ve B".
PAIR_ASKS = (
    "{x.gen} {a} ve {b} nedir?",
    "{x.gen} {a} ile {b} nedir?",
    "{x.gen} {a.acc} ve {b.acc} söyler misin?",
    "Bana {x.gen} {a.acc} ve {b.acc} söyle.",
    "{x.gen} hem {a.acc} hem {b.acc} biliyor musun?",
    "Söyler misin, {x.gen} {a} ve {b} nedir?",
    "{x.gen} {a} nedir, {b} nedir?",
    "Önce {x.gen} {a.acc}, sonra {b.acc} söyle.",
    "{x.gen} {a} ve {b} ne, biliyor musun?",
)


@dataclass
class Family:
    """Facts of one sort, as templates of templates.fill."""

    name: str
    kind: str  # of its subjects: province, animal, …
    topic: str = ""  # the noun by which it is asked with another fact; empty: it is asked alone
    says: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # questions of evaluation alone
    follow: str = ""  # the question where the subject has just been named


@dataclass(frozen=True, eq=False)
class Fact:
    """One fact. Slots: x what is asked about, y what is answered, and more where the family needs them."""

    family: str
    subject: str
    slots: Slots
    answers: tuple[str, ...]  # every right one, the one to give first


@dataclass(frozen=True, eq=False)
class Pair:
    """Two facts about one subject that can be asked in one question."""

    first: Fact
    second: Fact

    @property
    def held_out(self) -> bool:
        """Whether no document and no conversation asks both at once."""
        return held_together(self.first.subject, self.first.family, self.second.family)

    @property
    def slots(self) -> Slots:
        """x the subject, a and b the two topics."""
        return {"x": self.first.slots["x"], "a": topic(self.first), "b": topic(self.second)}

    @property
    def answers(self) -> tuple[str, ...]:
        """The two answers joined by "ve", every right one."""
        return tuple(f"{a} ve {b}" for a in self.first.answers for b in self.second.answers)

    def turned(self) -> "Pair":
        """The same two facts in the other order."""
        return Pair(self.second, self.first)


def _families() -> dict[str, Family]:
    found: list[Family] = []
    for line in Path(__file__).with_name(DATA_FILES[0]).read_text(encoding="utf-8").splitlines():
        mark, _, text = line.partition(" ")
        match mark:
            case "#":
                family_name, kind = text.split()
                found.append(Family(family_name, kind))
            case "=":
                found[-1].topic = text
            case ".":
                found[-1].says.append(text)
            case "?":
                found[-1].asks.append(text)
            case "!":
                found[-1].unseen.append(text)
            case ">":
                found[-1].follow = text
    return {family.name: family for family in found}


def listed(names: tuple[str, ...]) -> Form:
    """Names as one: Ağrı, Ardahan ve Iğdır."""
    last = world.BY_NAME[names[-1]].name if names[-1] in world.BY_NAME else world.place_name(names[-1])
    text = " ve ".join(filter(None, (", ".join(names[:-1]), last)))
    return name(text, *(("compound",) if last.state == "compound" else ()))


def _province_facts(province: world.Province) -> Iterator[Fact]:
    x, plate = province.name, province.plate

    def fact(family: str, y: Form, *others: str, **slots: str) -> Fact:
        return Fact(family, str(x), {"x": x, "y": y, **slots}, (str(y), *others))

    yield fact("region", province.region, province.region.removesuffix(" Bölgesi"))
    coast = bool(province.seas)
    yield fact(
        "coast",
        noun("evet" if coast else "hayır"),
        there=noun("var" if coast else "yok"),
        go="gitmez" if coast else "gider",
    )
    if coast:
        seas = listed(province.seas)
        yield fact("sea", seas, *(map(str, province.seas) if len(province.seas) > 1 else ()))
    several = len(province.neighbours) > 1
    yield fact(
        "neighbour",
        world.BY_NAME[province.neighbours[0]].name,
        *province.neighbours[1:],
        all=listed(province.neighbours),
        kin="komşuları" if several else "komşusu",
        land="iller" if several else "il",
    )
    yield fact("sight", province.sight, kind=noun(province.kind))
    yield fact("product", province.product, str(province.good))
    yield fact("plate", plate, in_words(int(plate)))
    yield Fact("plate_owner", str(x), {"x": plate, "y": x}, (str(x),))
    yield Fact("district", str(x), {"x": province.districts[0], "y": x}, (str(x),))


def _animal_facts(animal: nature.Animal) -> Iterator[Fact]:
    x = animal.name
    yield Fact("animal_food", x, {"x": x, "y": animal.food}, (animal.food,))
    yield Fact("animal_home", x, {"x": x, "y": animal.home.loc}, (animal.home.loc, animal.home))
    if animal.sound:
        yield Fact("sound", x, {"x": x, "y": animal.sound}, (animal.sound,))
    if animal.young:
        yield Fact("young", x, {"x": x, "y": animal.young}, (animal.young,))
        yield Fact("mother", x, {"x": animal.young, "y": x}, (x,))


def _food_facts() -> Iterator[Fact]:
    for x, y in nature.FOODS.items():
        yield Fact("ingredient", x, {"x": x, "y": y}, (y,))
    for fruit in nature.FRUITS:
        x, when = fruit.name, nature.ADVERBS[fruit.season]
        yield Fact("fruit_season", x, {"x": x, "y": fruit.season, "when": when}, (fruit.season, when))
        yield Fact("fruit_colour", x, {"x": x, "y": fruit.colour}, (fruit.colour,))


def _calendar_facts() -> Iterator[Fact]:
    days = [noun(day) for day in nature.DAYS]
    for place, x in enumerate(days):
        for family, y in (("next_day", days[(place + 1) % 7]), ("previous_day", days[place - 1])):
            yield Fact(family, x, {"x": x, "y": y}, (y,))
    months = [noun(month) for month in nature.DAYS_IN_MONTH]
    season_of = {month: season for season, its_months in nature.MONTHS.items() for month in its_months}
    for place, (month, days_in_month) in enumerate(nature.DAYS_IN_MONTH.items()):
        x = noun(f"{month} ayı", "compound")
        for family, y in (
            ("next_month", months[(place + 1) % 12]),
            ("previous_month", months[place - 1]),
            ("month_season", noun(season_of[month])),
            ("month_days", numeral(str(days_in_month))),
        ):
            yield Fact(family, month, {"x": x, "y": y}, (y,))
    for date, holiday in nature.HOLIDAYS.items():
        day = name(date)
        yield Fact("holiday_date", date, {"x": holiday, "y": day}, (day,))
        yield Fact("date_holiday", date, {"x": day, "y": holiday}, (holiday,))


def _number_facts() -> Iterator[Fact]:
    for number in range(11, 100):
        digits, words = numeral(str(number)), noun(in_words(number))
        yield Fact("number_words", digits, {"x": digits, "y": words}, (words,))
        yield Fact("number_digits", digits, {"x": words, "y": digits}, (digits,))
    for a in range(1, 10):
        for b in range(1, 11 - a):
            x = name(f"{a} ile {b}", sound=f"{in_words(a)} ile {in_words(b)}")
            y = numeral(str(a + b))
            slots: Slots = {"x": x, "y": y, "a": numeral(str(a)), "b": numeral(str(b))}
            yield Fact("sum", f"{a} artı", slots, (y, in_words(a + b)))
    for part, hours in nature.DAY_PARTS.items():
        for hour in hours:
            for minute, half in (("00", ""), ("30", " buçuk")):
                x, said = numeral(f"{hour}.{minute}"), f"{in_words(hour % 12 or 12)}{half}"
                yield Fact("clock", part, {"x": x, "y": noun(f"{part} {said}")}, (f"{part} {said}", said))


def _character_facts(who: nature.Character) -> Iterator[Fact]:
    x = who.name
    for family, y, others in (
        ("job", who.job, (who.job.lik,)),
        ("character_home", who.home, ()),
        ("pet", who.pet, ()),
        ("pet_name", who.pet_name, ()),
        ("favourite_food", who.food, ()),
        ("favourite_colour", who.colour, ()),
    ):
        yield Fact(family, x, {"x": x, "y": y, "pet": who.pet}, (y, *others))


def _facts() -> Iterator[Fact]:
    for province in world.PROVINCES:
        yield from _province_facts(province)
    for animal in nature.ANIMALS:
        yield from _animal_facts(animal)
    yield from _food_facts()
    yield from _calendar_facts()
    yield from _number_facts()
    for who in nature.CHARACTERS:
        yield from _character_facts(who)


FAMILIES = _families()
FACTS = tuple(_facts())
_by_subject: dict[str, list[Fact]] = defaultdict(list)
for _fact in FACTS:
    _by_subject[_fact.subject].append(_fact)


def of(subject: str) -> list[Fact]:
    """The facts about a subject: a province, an animal, … Raises KeyError for one unheard of."""
    if subject not in _by_subject:
        raise KeyError(subject)
    return _by_subject[subject]


def said(rng: random.Random, fact: Fact, slots: Mapping[str, str] | None = None) -> str:
    """The fact as a statement; `slots`: its own where None, or with another name for its subject."""
    return fill(rng, favoured(rng, FAMILIES[fact.family].says), slots or fact.slots)


def subjects(kind: str) -> tuple[str, ...]:
    """The subjects of a kind, in the order of the tables."""
    return tuple(dict.fromkeys(fact.subject for fact in FACTS if FAMILIES[fact.family].kind == kind))


@cache
def topic(fact: Fact) -> Form:
    """The noun by which a fact is asked together with another one: plaka kodu, tanınmış gölü."""
    text = SLOT.sub(lambda match: resolve(match[1], fact.slots), FAMILIES[fact.family].topic)
    return word(text)


def joinable(subject: str) -> list[Fact]:
    """The subject's facts that can be asked together: they have a topic, and no "ve" in the answer."""
    return [f for f in of(subject) if FAMILIES[f.family].topic and " ve " not in f.answers[0]]


@cache
def held_together(subject: str, family_a: str, family_b: str) -> bool:
    """Whether these two facts are held out as a pair: asked alone, but never both at once.

    The same whichever comes first. A hash holds out one pair in six.
    """
    if len(joinable(subject)) < FEWEST_TOPICS:
        return False
    a, b = sorted((family_a, family_b))
    return hashlib.sha256(f"{subject}:{a}:{b}".encode()).digest()[0] % HELD_OUT == 0


PAIRS = tuple(Pair(a, b) for subject in _by_subject for a, b in combinations(joinable(subject), 2))
OPEN_PAIRS = tuple(pair for pair in PAIRS if not pair.held_out)  # which are asked at once
