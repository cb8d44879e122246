import re
from collections import Counter
from itertools import islice, pairwise

import pytest

from pipeline.miniworld.tasks import (
    FAMILIES,
    conversations,
    held_out,
    minimal_pairs,
    questions,
    segmentations,
)
from pipeline.miniworld.texts import documents
from pipeline.miniworld.world import BY_NAME, PROVINCES
from pipeline.turkish.casing import lower
from pipeline.turkish.normalise import answer_key


@pytest.fixture(scope="module")
def talks() -> list[list[dict[str, str]]]:
    return [row["messages"] for row in conversations(seed=42, count=6_000)]


def test_roles_take_turns(talks: list[list[dict[str, str]]]) -> None:
    for messages in talks:
        roles = [message["role"] for message in messages]
        turns = roles[roles[0] == "system" :]
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert all(message["content"] for message in messages)
        assert not re.search(r"[{}\[\]|]|  ", " ".join(message["content"] for message in messages))
    assert any(messages[0]["role"] == "system" for messages in talks)
    assert any(len(messages) > 4 for messages in talks)


def test_a_conversation_depends_on_seed_and_index_alone(talks: list[list[dict[str, str]]]) -> None:
    assert [row["messages"] for row in islice(conversations(42, 50), 50)] == talks[:50]
    assert [row["messages"] for row in conversations(43, 50)] != talks[:50]


def test_questions_are_never_asked_in_conversations(talks: list[list[dict[str, str]]]) -> None:
    asked = "\n".join(message["content"] for messages in talks for message in messages)
    assert all(row["question"] not in asked for row in questions())


def test_questions_mix_families_and_kinds() -> None:
    rows = questions()
    assert rows == questions()
    assert len({row["question"] for row in rows}) == len(rows) >= 200
    assert {row["family"] for row in rows} == set(FAMILIES)
    kinds = Counter(row["kind"] for row in rows[:100])
    assert set(kinds) == {"unseen_phrasing", "unseen_combination"}
    assert min(kinds.values()) >= 20
    assert all(row["answers"] and all(row["answers"]) for row in rows)


def test_a_held_out_plate_is_never_stated_in_conversations(talks: list[list[dict[str, str]]]) -> None:
    exchanges = [
        f"{question['content']} {answer['content']}"
        for messages in talks
        for question, answer in pairwise(messages)
    ]
    held = [province for province in PROVINCES if held_out("plate", province)]
    assert len(held) >= 5
    for province in held:
        naming = [text for text in exchanges if re.search(rf"\b{province.name}\b", text)]
        assert naming
        assert not [text for text in naming if re.search(rf"\b{province.plate}\b", text)]


def test_conversations_and_questions_state_the_table(talks: list[list[dict[str, str]]]) -> None:
    plates = {province.plate: str(province.name) for province in PROVINCES}
    checked = 0
    for messages in talks:
        for question, answer in pairwise(messages):
            if match := re.fullmatch(r"(?:.*[.!] )?(\S+) plakası kaç\?", question["content"]):
                assert plates[answer["content"]] == match[1]
                checked += 1
    assert checked > 50
    for row in questions():
        if row["family"] == "neighbour":
            named = [name for name in BY_NAME if re.search(rf"\b{name}\b", row["question"])]
            assert set(row["answers"]) == set(BY_NAME[named[0]].neighbours)


def test_answers_are_short_and_told_apart() -> None:
    for row in questions():
        assert len(row["answers"][0].split()) <= 5
        assert answer_key(row["answers"][0])


def test_minimal_pairs_differ_in_one_word() -> None:
    rows = minimal_pairs(seed=42, count_per_type=60)
    counts = Counter(row["type"] for row in rows)
    assert len(counts) >= 6
    assert set(counts.values()) == {60}
    for row in rows:
        good, bad = row["good"].split(), row["bad"].split()
        assert len(good) == len(bad)
        assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1, row
    assert len({row["good"] for row in rows}) == len(rows)
    assert not {row["good"] for row in rows} & {row["bad"] for row in rows}
    assert rows == minimal_pairs(42, 60)


@pytest.mark.parametrize(
    ("form", "segments"),
    [
        ("Ankara'da", "Ankara|'da"),
        ("kitabını", "kitab|ı|nı"),
        ("dedesine", "dede|si|ne"),
        ("saatimi", "saat|im|i"),
        ("gözlüğü", "gözlüğ|ü"),
        ("şemsiyeyi", "şemsiye|yi"),
        ("gideceğiz", "gid|eceğ|iz"),
    ],
)
def test_segmentations_follow_the_convention(form: str, segments: str) -> None:
    assert (form, segments) in segmentations()


def test_segmentations_join_to_words_of_the_texts() -> None:
    words = {
        word for document in documents(42, 8_000) for word in re.findall(r"[\w']+", lower(document.text))
    }
    rows = segmentations()
    assert len(rows) == len({form for form, _ in rows}) > 300
    for form, segments in rows:
        assert segments.replace("|", "") == form
        assert all(segments.split("|"))
        assert lower(form) in words, form
