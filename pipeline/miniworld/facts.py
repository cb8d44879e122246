"""The facts of the miniworld: templates that state and ask for each, and its answers.

Entries and quizzes state them and ask for them, conversations ask for them. The evaluation asks for them in
wordings that neither uses (`unseen_questions`), or for two facts at once that neither asks for together
(`is_held_out_pair`).
"""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from pipeline.miniworld import nature, world
from pipeline.miniworld.templates import SLOT, choose_zipf, fill, parse_word, read_table, resolve_slot
from pipeline.turkish.inflect import Form, name, noun, numeral
from pipeline.turkish.numbers import number_to_words

DATA_FILES = ("facts.txt",)

Slots = dict[str, str]  # Forms where they are inflected

PAIRS_PER_HELD_OUT = 6  # one pair of facts in so many is held out
CONJUNCTION = re.compile(" ve | ya da ")
MIN_TOPICS = 3  # of a subject, or none of its pairs is held out: each fact is also asked in an open pair

# Questions for two facts at once: {x} the subject, {a} and {b} their topics. The answer is "A ve B".
PAIR_QUESTIONS = (
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
    statements: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    typed_questions: list[str] = field(default_factory=list)  # questions of conversations alone
    unseen_questions: list[str] = field(default_factory=list)  # questions of evaluation alone
    follow_ups: list[str] = field(default_factory=list)  # questions if the subject has just been named


@dataclass(frozen=True, eq=False)
class Fact:
    """One fact. Slots: x the subject asked about, y the answer, and more if the family needs them."""

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
    def is_held_out(self) -> bool:
        """Return whether no document and no conversation asks for both at once."""
        return is_held_out_pair(self.first.subject, self.first.family, self.second.family)

    @property
    def slots(self) -> Slots:
        """Slots of PAIR_QUESTIONS: x the subject, a and b the two topics."""
        return {"x": self.first.slots["x"], "a": resolve_topic(self.first), "b": resolve_topic(self.second)}

    @property
    def answers(self) -> tuple[str, ...]:
        """Every right answer: the two facts' answers joined by "ve"."""
        return tuple(f"{a} ve {b}" for a in self.first.answers for b in self.second.answers)

    def swap(self) -> "Pair":
        """Return the same two facts in the other order."""
        return Pair(self.second, self.first)


@cache
def load_families() -> dict[str, Family]:
    """Return the families by name, in the order of facts.txt."""
    families: list[Family] = []
    for marker, text in read_table(DATA_FILES[0]):
        match marker:
            case "#":
                family_name, kind = text.split()
                families.append(Family(family_name, kind))
            case "=":
                families[-1].topic = text
            case ".":
                families[-1].statements.append(text)
            case "?":
                families[-1].questions.append(text)
            case "~":
                families[-1].typed_questions.append(text)
            case "!":
                families[-1].unseen_questions.append(text)
            case ">":
                families[-1].follow_ups.append(text)
    return {family.name: family for family in families}


def join_names(names: tuple[str, ...]) -> Form:
    """Join names into one: Ağrı, Ardahan ve Iğdır."""
    last = (
        world.provinces_by_name()[names[-1]].name
        if names[-1] in world.provinces_by_name()
        else world.place_name(names[-1])
    )
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
        seas = join_names(province.seas)
        yield fact("sea", seas, *(map(str, province.seas) if len(province.seas) > 1 else ()))
    several = len(province.neighbors) > 1
    yield fact(
        "neighbour",
        world.provinces_by_name()[province.neighbors[0]].name,
        *province.neighbors[1:],
        all=join_names(province.neighbors),
        kin="komşuları" if several else "komşusu",
        land="iller" if several else "il",
    )
    is_plural = province.sight_kind.endswith(("lar", "ler"))
    which = noun("hangileri" if is_plural else "hangisi")
    yield fact("sight", province.sight, kind=noun(province.sight_kind), which=which)
    yield fact("product", province.product, str(province.local_product))
    yield fact("plate", plate, number_to_words(int(plate)))
    yield Fact("plate_owner", str(x), {"x": plate, "y": x}, (str(x),))
    yield Fact("district", str(x), {"x": province.districts[0], "y": x}, (str(x),))


def _animal_facts(animal: nature.Animal) -> Iterator[Fact]:
    x = animal.name
    yield Fact("animal_food", x, {"x": x, "y": animal.food}, (animal.food,))
    home = animal.home
    yield Fact("animal_home", x, {"x": x, "y": home.loc, "home": home}, (home.loc, home))
    if animal.sound:
        yield Fact("sound", x, {"x": x, "y": animal.sound}, (animal.sound,))
    if animal.young:
        yield Fact("young", x, {"x": x, "y": animal.young}, (animal.young,))
        yield Fact("mother", x, {"x": animal.young, "y": x}, (x,))


def _food_facts() -> Iterator[Fact]:
    for x, y in nature.list_foods().items():
        yield Fact("ingredient", x, {"x": x, "y": y}, (y,))
    for fruit in nature.list_fruits():
        x, season_adverb = fruit.name, nature.SEASON_ADVERBS[fruit.season]
        yield Fact(
            "fruit_season",
            x,
            {"x": x, "y": fruit.season, "when": season_adverb},
            (fruit.season, season_adverb),
        )
        yield Fact("fruit_colour", x, {"x": x, "y": fruit.color}, (fruit.color,))


def _calendar_facts() -> Iterator[Fact]:
    days = [noun(day) for day in nature.DAYS]
    for i, x in enumerate(days):
        for family, y in (("next_day", days[(i + 1) % 7]), ("previous_day", days[i - 1])):
            yield Fact(family, x, {"x": x, "y": y}, (y,))
    months = [noun(month) for month in nature.DAYS_IN_MONTH]
    season_of = {
        month: season for season, its_months in nature.MONTHS_BY_SEASON.items() for month in its_months
    }
    for i, (month, day_counts) in enumerate(nature.DAYS_IN_MONTH.items()):
        x = noun(f"{month} ayı", "compound")
        for family, y in (
            ("next_month", months[(i + 1) % 12]),
            ("previous_month", months[i - 1]),
            ("month_season", noun(season_of[month])),
        ):
            yield Fact(family, month, {"x": x, "y": y}, (y,))
        y = name(" ya da ".join(map(str, day_counts)), sound=" ya da ".join(map(number_to_words, day_counts)))
        yield Fact("month_days", month, {"x": x, "y": y}, tuple(dict.fromkeys((y, *map(str, day_counts)))))
    for holiday in nature.list_holidays():
        date, official = holiday.date, holiday.name
        names = (official, f"{date} {official}", *holiday.short_names)
        yield Fact("holiday_date", date, {"x": official, "y": date}, (date,))
        yield Fact("date_holiday", date, {"x": date, "y": official}, names)


def _number_facts() -> Iterator[Fact]:
    for number in range(11, 100):
        digits, words = numeral(str(number)), noun(number_to_words(number))
        yield Fact("number_words", digits, {"x": digits, "y": words}, (words,))
        yield Fact("number_digits", digits, {"x": words, "y": digits}, (digits,))
    for a in range(1, 10):
        for b in range(1, 11 - a):
            x = name(f"{a} ile {b}", sound=f"{number_to_words(a)} ile {number_to_words(b)}")
            y = numeral(str(a + b))
            slots: Slots = {"x": x, "y": y, "a": numeral(str(a)), "b": numeral(str(b))}
            yield Fact("sum", f"{a} artı", slots, (y, number_to_words(a + b)))
    for day_part, hours in nature.DAY_PARTS.items():
        for hour in hours:
            for minute, half in (("00", ""), ("30", " buçuk")):
                x, time_words = numeral(f"{hour}.{minute}"), f"{number_to_words(hour % 12 or 12)}{half}"
                yield Fact(
                    "clock",
                    day_part,
                    {"x": x, "y": noun(f"{day_part} {time_words}")},
                    (f"{day_part} {time_words}", time_words),
                )


def _character_facts(character: nature.Character) -> Iterator[Fact]:
    x = character.name
    for family, y, others in (
        ("job", character.job, (character.job.lik,)),
        ("character_home", character.home, ()),
        ("pet", character.pet, ()),
        ("pet_name", character.pet_name, ()),
        ("favourite_food", character.food, ()),
        ("favourite_colour", character.color, ()),
    ):
        yield Fact(family, x, {"x": x, "y": y, "pet": character.pet}, (y, *others))


@cache
def list_facts() -> tuple[Fact, ...]:
    """Return all facts, in the order of the tables."""
    return tuple(_build_facts())


def _build_facts() -> Iterator[Fact]:
    for province in world.list_provinces():
        yield from _province_facts(province)
    for animal in nature.list_animals():
        yield from _animal_facts(animal)
    yield from _food_facts()
    yield from _calendar_facts()
    yield from _number_facts()
    for character in nature.list_characters():
        yield from _character_facts(character)


@cache
def facts_by_subject() -> dict[str, list[Fact]]:
    """Return the facts by what they are about."""
    return group_facts(lambda fact: fact.subject)


@cache
def facts_by_family() -> dict[str, list[Fact]]:
    """Return the facts by family."""
    return group_facts(lambda fact: fact.family)


def group_facts(key: Callable[[Fact], str]) -> dict[str, list[Fact]]:
    """Return all facts by `key`, in the order of the tables."""
    groups: dict[str, list[Fact]] = {}
    for fact in list_facts():
        groups.setdefault(key(fact), []).append(fact)
    return groups


def find_facts(subject: str) -> list[Fact]:
    """Return the facts about a subject: a province, an animal, … Raises KeyError for an unknown one."""
    return facts_by_subject()[subject]


def state_fact(rng: random.Random, fact: Fact, slots: Mapping[str, str] | None = None) -> str:
    """Return the fact as a statement. `slots`: its own if None, or with another name for its subject."""
    return fill(rng, choose_zipf(rng, load_families()[fact.family].statements), slots or fact.slots)


def list_subjects(kind: str) -> tuple[str, ...]:
    """Return the subjects of a kind, in the order of the tables."""
    families = load_families()
    return tuple(dict.fromkeys(fact.subject for fact in list_facts() if families[fact.family].kind == kind))


@cache
def resolve_topic(fact: Fact) -> Form:
    """Return the noun by which a fact is asked for together with another: plaka kodu, tanınmış gölü."""
    text = SLOT.sub(lambda match: resolve_slot(match[1], fact.slots), load_families()[fact.family].topic)
    return parse_word(text)


def list_joinable_facts(subject: str) -> list[Fact]:
    """Return the subject's facts that can be asked together: each has a topic and one thing as its answer."""
    return [
        fact
        for fact in find_facts(subject)
        if load_families()[fact.family].topic and not CONJUNCTION.search(fact.answers[0])
    ]


@cache
def is_held_out_pair(subject: str, family_a: str, family_b: str) -> bool:
    """Return whether these two facts are held out as a pair: asked alone, but never both at once.

    Their order does not matter. A hash holds out one pair in six.
    """
    if len(list_joinable_facts(subject)) < MIN_TOPICS:
        return False
    a, b = sorted((family_a, family_b))
    return hashlib.sha256(f"{subject}:{a}:{b}".encode()).digest()[0] % PAIRS_PER_HELD_OUT == 0


@cache
def list_pairs() -> tuple[Pair, ...]:
    """Return all pairs of facts about one subject that can be asked together."""
    return tuple(
        Pair(a, b) for subject in facts_by_subject() for a, b in combinations(list_joinable_facts(subject), 2)
    )


@cache
def list_open_pairs() -> tuple[Pair, ...]:
    """Return the pairs that documents and conversations ask for at once."""
    return tuple(pair for pair in list_pairs() if not pair.is_held_out)
