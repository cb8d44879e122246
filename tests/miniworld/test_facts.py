import random
import re
from collections import Counter, defaultdict

import pytest

from pipeline.miniworld import entries, facts, nature, people, quizzes, texts, world
from pipeline.miniworld.facts import FACTS, FAMILIES, PAIR_ASKS, PAIRS, held_together
from pipeline.miniworld.templates import Slots, fill
from pipeline.text.normalize import answer_key

MARKUP = re.compile(r"[{}\[\]|@]|  | [.,;:!?]|[.,;:]{2}")


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return people.cast(rng, rng.choice(world.PROVINCES), first, surname, rng.choice(list(world.SEASONS)))


@pytest.fixture(scope="module")
def texts_of() -> dict[str, list[tuple[str, ...]]]:
    composers = {"entry": entries.compose, "quiz": quizzes.compose}
    return {
        name: [compose(random.Random(seed), cast(seed)).paragraphs for seed in range(2_000)]
        for name, compose in composers.items()
    }


def question_of(line: str) -> str:
    """The question that ends a line, without the name of who is asked."""
    last = re.split(r"(?<=[.!:?—]) ", line)[-1]
    return last if last.count(",") > 1 or "musun" in last else re.sub(r", \w+\?$", "?", last)


@pytest.mark.parametrize(
    ("subject", "family", "answer"),
    [
        ("Kars", "plate", "36"), ("Kars", "region", "Doğu Anadolu Bölgesi"), ("Kars", "coast", "hayır"),
        ("Muğla", "sea", "Ege Denizi ve Akdeniz"), ("Van", "sight", "Van Gölü"), ("Rize", "product", "çay"),
        ("Ankara", "plate_owner", "Ankara"), ("Nevşehir", "district", "Nevşehir"), ("koyun", "young", "kuzu"),
        ("at", "mother", "at"), ("kedi", "sound", "miyavlar"), ("deve", "animal_home", "çölde"),
        ("ayran", "ingredient", "yoğurt"), ("portakal", "fruit_season", "kış"),
        ("pazar", "next_day", "pazartesi"),
        ("pazartesi", "previous_day", "pazar"), ("aralık", "next_month", "ocak"),
        ("şubat", "month_days", "28"),
        ("mart", "month_season", "ilkbahar"), ("29 Ekim", "date_holiday", "Cumhuriyet Bayramı"),
        ("47", "number_words", "kırk yedi"), ("47", "number_digits", "47"),
    ],
)  # fmt: skip
def test_the_world_is_as_we_know_it(subject: str, family: str, answer: str) -> None:
    assert [fact.answers[0] for fact in facts.of(subject) if fact.family == family] == [answer]


def test_a_clock_is_read_by_the_part_of_the_day() -> None:
    read = {fact.slots["x"]: fact.answers[0] for fact in FACTS if fact.family == "clock"}
    assert read["14.30"] == "öğleden sonra iki buçuk"
    assert read["7.00"] == "sabah yedi"
    assert read["22.30"] == "gece on buçuk"


def test_there_are_about_1200_facts_with_short_answers() -> None:
    assert 1_000 <= len(FACTS) <= 1_300
    for fact in FACTS:
        assert answer_key(fact.answers[0])
        assert len(fact.answers[0].split()) <= 5
        assert len(set(fact.answers)) == len(fact.answers)


def test_the_twelve_whom_all_know_are_no_heroes_of_stories() -> None:
    names = [str(who.name).split() for who in nature.CHARACTERS]
    assert len({first for first, _ in names}) == 12
    assert not {first for first, _ in names} & set(people.FIRST_NAMES)
    assert not {surname for _, surname in names} & set(people.SURNAMES)


def test_what_leads_there_leads_back() -> None:
    both_ways = {"plate": "plate_owner", "young": "mother", "holiday_date": "date_holiday",
                 "number_words": "number_digits", "next_day": "previous_day"}  # fmt: skip
    steps = {(fact.family, str(fact.slots["x"])): str(fact.slots["y"]) for fact in FACTS}
    for there, back in both_ways.items():
        for (family, x), y in steps.items():
            if family == there:
                assert steps[back, y] == x


def test_every_wording_reads_well_with_every_fact() -> None:
    for fact in FACTS:
        family = FAMILIES[fact.family]
        for template in (*family.says, *family.asks, *family.unseen, *filter(None, [family.follow])):
            assert not MARKUP.search(fill(random.Random(0), template, fact.slots))


def test_families_have_enough_wordings_of_each_sort() -> None:
    assert {fact.family for fact in FACTS} == set(FAMILIES)
    for family in FAMILIES.values():
        assert len(set(family.says)) >= 4
        assert len(set(family.asks)) >= 8
        assert len(set(family.unseen)) >= 2
        assert all(template.endswith(".") or template[-1] == "}" for template in family.says)


def test_one_question_has_one_answer() -> None:
    answers = defaultdict(set)
    for fact in FACTS:
        family = FAMILIES[fact.family]
        for template in (*family.asks, *family.unseen):
            answers[fill(random.Random(0), template, fact.slots)].add(fact.answers)
    assert [question for question, found in answers.items() if len(found) > 1] == []


def test_one_pair_in_six_is_held_out_and_its_facts_are_asked_with_others() -> None:
    held = [pair for pair in PAIRS if pair.held_out]
    assert 0.13 < len(held) / len(PAIRS) < 0.21
    open_facts = {fact for pair in PAIRS if not pair.held_out for fact in (pair.first, pair.second)}
    for pair in held:
        subject, a, b = pair.first.subject, pair.first.family, pair.second.family
        assert held_together(subject, a, b) == held_together(subject, b, a) == pair.turned().held_out
        assert {pair.first, pair.second} <= open_facts


def test_two_facts_are_asked_and_answered_in_one_order() -> None:
    pairs = {(pair.first.subject, pair.first.family, pair.second.family): pair for pair in PAIRS}
    pair = pairs["Kars", "sight", "plate"]
    assert fill(random.Random(0), "{x.gen} {a.acc} ve {b.acc}", pair.slots) == (
        "Kars'ın tanınmış gölünü ve plaka kodunu"
    )
    assert pair.answers[0] == "Kuyucuk Gölü ve 36"
    assert pair.turned().answers[0] == "36 ve Kuyucuk Gölü"


def test_entries_and_quizzes_are_whole_sentences(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    for paragraphs in texts_of["entry"] + texts_of["quiz"]:
        assert 35 <= len(" ".join(paragraphs).split()) <= 130
        for line in paragraphs:
            assert not MARKUP.search(line.replace("— ", ""))
            first = line.removeprefix("— ").lstrip("“")[0]
            assert first.isupper() or first.isdigit(), line
        for line in paragraphs[1:]:
            assert line[-1] in ".!?:”", line
            assert not re.search(r"[.!?] [a-zçğıöşü]", re.sub("[.!?]”", "”", line)), line


def test_entries_and_quizzes_are_of_one_seed_and_differ(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    assert entries.compose(random.Random(5), cast(5)).paragraphs == texts_of["entry"][5]
    assert quizzes.compose(random.Random(5), cast(5)).paragraphs == texts_of["quiz"][5]
    for rows in texts_of.values():
        assert len(set(map(tuple, rows))) == len(rows)


def test_entries_state_the_table(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    plates = {f"{province.name.gen}": str(province.plate) for province in world.PROVINCES}
    text = " ".join(line for paragraphs in texts_of["entry"] for line in paragraphs)
    stated = re.findall(r"([\w']+) plaka kodu (\d\d)'", text)
    assert len(stated) > 50
    assert all(plates.get(owner, plate) == plate for owner, plate in stated)


def test_wrong_guesses_in_quizzes_are_rare_and_corrected(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    answers = wrong = 0
    for paragraphs in texts_of["quiz"]:
        for line, after in zip(paragraphs[2::2], [*paragraphs[3::2], ""], strict=False):
            answers += 1
            if re.fullmatch(r"— (?:Yoksa |Dur bakayım, |Emin değilim, )?[^,:]+ m[ıiuü]\?", line):
                wrong += 1
                assert re.match(r"— (?:Hayır|Olmadı|Yanlış)", after)
    assert 0 < wrong / answers <= 0.05


def test_unseen_wordings_are_in_no_document(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    documents = [document.text for document in texts.documents(42, 2_000)]
    composed = ["\n".join(paragraphs) for rows in texts_of.values() for paragraphs in rows]
    everything = "\n".join((*documents, *composed))
    asked = {line.removeprefix("— ") for line in re.split(r"\n|(?<=[.!?:]) ", everything)}
    for fact in FACTS:
        for template in FAMILIES[fact.family].unseen:
            assert fill(random.Random(0), template, fact.slots) not in asked


def test_pairs_held_out_are_asked_in_no_quiz(texts_of: dict[str, list[tuple[str, ...]]]) -> None:
    questions = {question_of(line) for paragraphs in texts_of["quiz"] for line in paragraphs}
    asked = Counter(
        pair.held_out
        for pair in PAIRS
        for each in (pair, pair.turned())
        for template in PAIR_ASKS
        if fill(random.Random(0), template, each.slots) in questions
    )
    assert asked[True] == 0
    assert asked[False] > 500
