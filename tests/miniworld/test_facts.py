import random
import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from pipeline.miniworld import entries, facts, nature, people, quizzes, texts, world
from pipeline.miniworld.facts import PAIR_QUESTIONS, is_held_out_pair, list_facts, list_pairs, load_families
from pipeline.miniworld.templates import Slots, fill
from pipeline.text.comparison_keys import answer_key

MARKUP = re.compile(r"[{}\[\]|@]|  | [.,;:!?]|[.,;:]{2}")


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    province, season = rng.choice(world.list_provinces()), rng.choice(list(world.SEASONS))
    return people.draw_cast(rng, province, first, surname, season)


@pytest.fixture(scope="module")
def composed_texts() -> dict[str, list[tuple[str, ...]]]:
    composers = {"entry": entries.compose, "quiz": quizzes.compose}
    return {
        name: [compose(random.Random(seed), cast(seed)).paragraphs for seed in range(2_000)]
        for name, compose in composers.items()
    }


def last_question(line: str) -> str:
    """Return the question that ends a line, without the name of the person asked."""
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
        ("şubat", "month_days", "28 ya da 29"),
        ("mart", "month_season", "ilkbahar"), ("29 Ekim", "date_holiday", "Cumhuriyet Bayramı"),
        ("47", "number_words", "kırk yedi"), ("47", "number_digits", "47"),
    ],
)  # fmt: skip
def test_find_facts_agrees_with_the_real_world(subject: str, family: str, answer: str) -> None:
    assert [fact.answers[0] for fact in facts.find_facts(subject) if fact.family == family] == [answer]


def test_facts_read_a_clock_by_the_part_of_the_day() -> None:
    read = {fact.slots["x"]: fact.answers[0] for fact in list_facts() if fact.family == "clock"}
    assert read["14.30"] == "öğleden sonra iki buçuk"
    assert read["7.00"] == "sabah yedi"
    assert read["22.30"] == "gece on buçuk"


def test_facts_are_about_1200_with_short_answers() -> None:
    assert 1_000 <= len(list_facts()) <= 1_300
    for fact in list_facts():
        assert answer_key(fact.answers[0])
        assert len(fact.answers[0].split()) <= 6  # Atatürk'ü Anma, Gençlik ve Spor Bayramı
        assert len(set(fact.answers)) == len(fact.answers)


def list_wordings(subject: str, family: str) -> tuple[set[str], set[str], set[str]]:
    """Return the statements, questions and unseen questions of a subject's facts of one family."""
    own = [fact for fact in facts.find_facts(subject) if fact.family == family]
    templates = load_families()[family]

    def fill_all(wordings: list[str]) -> set[str]:
        return {fill(random.Random(0), wording, fact.slots) for fact in own for wording in wordings}

    asked = fill_all([*templates.questions, *templates.follow_ups])
    return fill_all(templates.statements), asked, fill_all(templates.unseen_questions)


@pytest.mark.parametrize(
    ("date", "official", "others"),
    [
        ("23 Nisan", "Ulusal Egemenlik ve Çocuk Bayramı", ["Çocuk Bayramı"]),
        ("1 Mayıs", "Emek ve Dayanışma Günü", ["İşçi Bayramı"]),
        ("19 Mayıs", "Atatürk'ü Anma, Gençlik ve Spor Bayramı",
         ["Gençlik ve Spor Bayramı", "Gençlik Bayramı"]),
        ("15 Temmuz", "Demokrasi ve Millî Birlik Günü", ["Demokrasi ve Milli Birlik Günü"]),
        ("30 Ağustos", "Zafer Bayramı", []),
    ],
)  # fmt: skip
def test_holidays_have_their_official_names_and_accept_the_usual_ones(
    date: str, official: str, others: list[str]
) -> None:
    answers = {fact.family: fact.answers for fact in facts.find_facts(date)}
    assert answers["holiday_date"] == (date,)
    assert answers["date_holiday"][0] == official
    assert {f"{date} {official}", *others} <= set(answers["date_holiday"])
    assert f"{official} ne zaman kutlanır?" in list_wordings(date, "holiday_date")[1]


def test_holidays_are_inflected_by_their_last_word() -> None:
    statements, questions, _ = list_wordings("19 Mayıs", "holiday_date")
    assert "Atatürk'ü Anma, Gençlik ve Spor Bayramı'nın tarihi 19 Mayıs'tır." in statements
    assert "Atatürk'ü Anma, Gençlik ve Spor Bayramı'nı hangi gün kutlarız?" in questions
    statements, _, unseen = list_wordings("15 Temmuz", "date_holiday")
    assert "15 Temmuz günü Demokrasi ve Millî Birlik Günü'nü kutlarız." in statements
    assert "Hangi özel gün 15 Temmuz'da kutlanır?" in unseen


def test_february_has_28_or_29_days() -> None:
    [fact] = [fact for fact in facts.find_facts("şubat") if fact.family == "month_days"]
    assert fact.answers == ("28 ya da 29", "28", "29")
    statements, _, _ = list_wordings("şubat", "month_days")
    assert {
        "Şubat ayı 28 ya da 29 gün çeker.",
        "Şubat ayının gün sayısı 28 ya da 29'dur.",
        "Şubat ayında 28 ya da 29 gün vardır.",
    } <= statements
    assert not [pair for pair in list_pairs() if fact in (pair.first, pair.second)]


def test_several_mountains_are_asked_for_in_the_plural() -> None:
    statements, questions, unseen = list_wordings("Hakkâri", "sight")
    assert "Hakkâri'nin tanınmış dağları Cilo Dağları'dır." in statements
    assert {
        "Hakkâri'nin tanınmış dağları hangileri?",
        "Hakkâri'nin tanınmış dağlarını söyler misin?",
        "Hakkâri'de görülecek dağlar hangileridir?",
        "Hakkâri'deki ünlü dağların adını biliyor musun?",
        "Peki tanınmış dağları hangileri?",
    } <= questions
    assert unseen == {"Hakkâri ilinde hangi dağlar ünlüdür?", "Hakkâri'nin ünlü dağlarının adı nedir?"}
    assert "Niğde'nin tanınmış dağları Aladağlar'dır." in list_wordings("Niğde", "sight")[0]
    _, questions, unseen = list_wordings("Van", "sight")
    assert {"Van'ın tanınmış gölü hangisi?", "Van'da görülecek göl hangisidir?"} <= questions
    assert "Van'ın ünlü gölünün adı nedir?" in unseen


def test_sights_are_seen_and_homes_are_no_houses() -> None:
    assert "Gaziantep'e gidenler Fırat Nehri'ni görür." in list_wordings("Gaziantep", "sight")[0]
    statements, questions, _ = list_wordings("köstebek", "animal_home")
    assert "Köstebek için en iyi yer toprak altıdır." in statements
    assert "Köstebeği nerede buluruz?" in questions


@pytest.mark.parametrize(
    ("subject", "family", "questions"),
    [
        ("öğleden sonra", "clock", {"14.30'a konuşurken ne deriz?", "13.00'e konuşurken ne deriz?"}),
        ("sabah", "clock", {"7.00'ye konuşurken ne deriz?", "9.30'a konuşurken ne deriz?"}),
        ("12", "number_digits", {"On iki sayısının rakamla yazılışı nasıldır?"}),
        ("3 artı", "sum", {"3 ile 5'in toplamı kaç eder?", "3 ile 6'nın toplamı kaç eder?",
                           "3 artı 5 işleminin sonucu kaçtır?"}),
    ],
)  # fmt: skip
def test_unseen_questions_about_numbers_are_inflected(subject: str, family: str, questions: set[str]) -> None:
    assert questions <= list_wordings(subject, family)[2]


def test_characters_are_no_heroes_of_stories() -> None:
    names = [str(character.name).split() for character in nature.list_characters()]
    assert len({first for first, _ in names}) == 12
    assert not {first for first, _ in names} & set(people.FIRST_NAMES)
    assert not {surname for _, surname in names} & set(people.SURNAMES)


def test_facts_that_are_inverses_agree() -> None:
    inverse_families = {
        "plate": "plate_owner", "young": "mother", "holiday_date": "date_holiday",
        "number_words": "number_digits", "next_day": "previous_day",
    }  # fmt: skip
    steps = {(fact.family, str(fact.slots["x"])): str(fact.slots["y"]) for fact in list_facts()}
    for family, inverse in inverse_families.items():
        for (other, x), y in steps.items():
            if other == family:
                assert steps[inverse, y] == x


def test_fill_leaves_no_markup_in_any_wording_of_any_fact() -> None:
    for fact in list_facts():
        family = load_families()[fact.family]
        for template in (
            *family.statements,
            *family.questions,
            *family.unseen_questions,
            *family.follow_ups,
        ):
            assert not MARKUP.search(fill(random.Random(0), template, fact.slots))


def test_families_have_enough_wordings_of_each_sort() -> None:
    assert {fact.family for fact in list_facts()} == set(load_families())
    for family in load_families().values():
        assert len(set(family.statements)) >= 4
        assert len(set(family.questions)) >= 8
        assert len(set(family.unseen_questions)) >= 2
        assert all(template.endswith(".") or template[-1] == "}" for template in family.statements)


def test_facts_with_one_question_have_one_answer() -> None:
    answers = defaultdict(set)
    for fact in list_facts():
        family = load_families()[fact.family]
        for template in (*family.questions, *family.unseen_questions):
            answers[fill(random.Random(0), template, fact.slots)].add(fact.answers)
    assert [question for question, answer_sets in answers.items() if len(answer_sets) > 1] == []


def test_is_held_out_pair_takes_one_pair_in_six_and_their_facts_stay_in_open_pairs() -> None:
    held_out_pairs = [pair for pair in list_pairs() if pair.is_held_out]
    assert 0.13 < len(held_out_pairs) / len(list_pairs()) < 0.21
    open_facts = {fact for pair in list_pairs() if not pair.is_held_out for fact in (pair.first, pair.second)}
    for pair in held_out_pairs:
        subject, a, b = pair.first.subject, pair.first.family, pair.second.family
        assert is_held_out_pair(subject, a, b) == is_held_out_pair(subject, b, a) == pair.swap().is_held_out
        assert {pair.first, pair.second} <= open_facts


def test_pair_slots_and_answers_keep_one_order() -> None:
    pairs = {(pair.first.subject, pair.first.family, pair.second.family): pair for pair in list_pairs()}
    pair = pairs["Kars", "sight", "plate"]
    assert fill(random.Random(0), "{x.gen} {a.acc} ve {b.acc}", pair.slots) == (
        "Kars'ın tanınmış gölünü ve plaka kodunu"
    )
    assert pair.answers[0] == "Kuyucuk Gölü ve 36"
    assert pair.swap().answers[0] == "36 ve Kuyucuk Gölü"


def test_entries_and_quizzes_are_whole_sentences(composed_texts: dict[str, list[tuple[str, ...]]]) -> None:
    for paragraphs in composed_texts["entry"] + composed_texts["quiz"]:
        assert 35 <= len(" ".join(paragraphs).split()) <= 140
        is_typed = bool(re.search("mesaj|telefon|yazdı", paragraphs[0]))  # its questions are careless
        for line in paragraphs:
            assert not MARKUP.search(line.replace("— ", ""))
            first = line.removeprefix("— ").lstrip("“")[0]
            assert first.isupper() or first.isdigit() or is_typed, line
        for line in [] if is_typed else paragraphs[1:]:
            assert line[-1] in ".!?:”", line
            assert not re.search(r"[.!?] [a-zçğıöşü]", re.sub("[.!?]”", "”", line)), line


def test_entries_and_quizzes_depend_on_the_seed_alone_and_differ(
    composed_texts: dict[str, list[tuple[str, ...]]],
) -> None:
    assert entries.compose(random.Random(5), cast(5)).paragraphs == composed_texts["entry"][5]
    assert quizzes.compose(random.Random(5), cast(5)).paragraphs == composed_texts["quiz"][5]
    for rows in composed_texts.values():
        assert len(set(map(tuple, rows))) == len(rows)


def test_entries_state_the_table(composed_texts: dict[str, list[tuple[str, ...]]]) -> None:
    plates = {f"{province.name.gen}": str(province.plate) for province in world.list_provinces()}
    text = " ".join(line for paragraphs in composed_texts["entry"] for line in paragraphs)
    stated = re.findall(r"([\w']+) plaka kodu (\d\d)'", text)
    assert len(stated) > 50
    assert all(plates.get(owner, plate) == plate for owner, plate in stated)


def test_wrong_guesses_in_quizzes_are_rare_and_corrected(
    composed_texts: dict[str, list[tuple[str, ...]]],
) -> None:
    answers = wrong = 0
    for paragraphs in composed_texts["quiz"]:
        for line, after in zip(paragraphs[2::2], [*paragraphs[3::2], ""], strict=False):
            answers += 1
            if re.fullmatch(r"— (?:Yoksa |Dur bakayım, |Emin değilim, )?[^,:]+ m[ıiuü]\?", line):
                wrong += 1
                assert re.match(r"— (?:Hayır|Olmadı|Yanlış)", after)
    assert 0 < wrong / answers <= 0.05


def test_unseen_questions_are_in_no_document(composed_texts: dict[str, list[tuple[str, ...]]]) -> None:
    documents = [document.text for document in texts.compose_documents(42, 2_000)]
    composed = ["\n".join(paragraphs) for rows in composed_texts.values() for paragraphs in rows]
    everything = "\n".join((*documents, *composed))
    sentences = {line.removeprefix("— ") for line in re.split(r"\n|(?<=[.!?:]) ", everything)}
    for fact in list_facts():
        for template in load_families()[fact.family].unseen_questions:
            assert fill(random.Random(0), template, fact.slots) not in sentences


def test_held_out_pairs_are_asked_in_no_quiz(composed_texts: dict[str, list[tuple[str, ...]]]) -> None:
    questions = {last_question(line) for paragraphs in composed_texts["quiz"] for line in paragraphs}
    counts = Counter(
        pair.is_held_out
        for pair in list_pairs()
        for each in (pair, pair.swap())
        for template in PAIR_QUESTIONS
        if fill(random.Random(0), template, each.slots) in questions
    )
    assert counts[True] == 0
    assert counts[False] > 300  # those of quizzes by phone are typed carelessly


def test_tables_are_built_when_first_needed():
    code = """
from pipeline.miniworld import conversations, export, facts, grammar, nature, texts, world
tables = facts.load_families, facts.list_facts, nature.list_characters, world.list_provinces
assert [table.cache_info().currsize for table in tables] == [0, 0, 0, 0]
next(texts.compose_documents(0, 1))
assert world.list_provinces.cache_info().currsize == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)
