import random
import re
from collections import Counter
from itertools import islice, pairwise

import pytest

from pipeline.miniworld import texts
from pipeline.miniworld.conversations import HUNDRED, SHARES, conversations, fact_hand, place_of, questions
from pipeline.miniworld.facts import FACTS, FAMILIES, PAIR_ASKS, PAIRS, Pair
from pipeline.miniworld.templates import fill
from pipeline.miniworld.world import BY_NAME
from pipeline.text.casing import capitalize
from pipeline.text.normalize import answer_key

COUNT = 6_000
ALONE = ("various", "subject", "family")
KINDS = [place_of(42, index)[0] for index in range(COUNT)]

Messages = list[dict[str, str]]


@pytest.fixture(scope="module")
def talks() -> list[Messages]:
    return [row["messages"] for row in conversations(42, COUNT, texts.short_story)]


@pytest.fixture(scope="module")
def asked(talks: list[Messages]) -> set[str]:
    """Every turn of a user, also without a greeting before it."""
    turns = {message["content"] for messages in talks for message in messages if message["role"] == "user"}
    return turns | {turn.partition(mark)[2] for turn in turns for mark in (". ", "! ")}


def test_roles_take_turns(talks: list[Messages]) -> None:
    for messages in talks:
        roles = [message["role"] for message in messages]
        turns = roles[roles[0] == "system" :]
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert all(message["content"] for message in messages)
        assert not re.search(r"[{}\[\]|@]|  ", " ".join(message["content"] for message in messages))
        assert not any(re.match("[a-zçğıöşü]", message["content"]) for message in messages)
    assert any(messages[0]["role"] == "system" for messages in talks)
    assert any(len(messages) > 4 for messages in talks)


def test_a_conversation_depends_on_seed_and_index_alone(talks: list[Messages]) -> None:
    first = [row["messages"] for row in islice(conversations(42, 50, texts.short_story), 50)]
    assert first == talks[:50]
    assert [row["messages"] for row in conversations(43, 50, texts.short_story)] != talks[:50]


def test_every_hundred_has_the_same_shares() -> None:
    assert HUNDRED == 100
    assert Counter(KINDS[:100]) == Counter(KINDS[4_200:4_300]) == SHARES
    ranks = [place_of(42, index) for index in range(300)]
    assert len(set(ranks)) == 300


def test_every_fact_is_asked_alone_equally_often() -> None:
    times = Counter(
        fact for i in range(COUNT) if KINDS[i] in ALONE for fact in fact_hand(42, *place_of(42, i))
    )
    assert set(times) == set(FACTS)
    assert max(times.values()) - min(times.values()) <= len(ALONE)


def test_conversations_are_short(talks: list[Messages]) -> None:
    words = [
        sum(len(message["content"].split()) for message in messages)
        for kind, messages in zip(KINDS, talks, strict=True)
        if kind not in ("reading", "story")
    ]
    assert sum(words) / len(words) < 45


def test_answers_are_those_of_the_table(talks: list[Messages]) -> None:
    answers = {
        fill(random.Random(0), template, fact.slots): capitalize(fact.answers[0])
        for fact in FACTS
        for template in FAMILIES[fact.family].asks
    }
    checked = 0
    for messages in talks:
        for question, answer in pairwise(messages):
            if right := answers.get(question["content"]):
                assert answer["content"] == right
                checked += 1
    assert checked > 5_000


def test_follow_ups_are_about_what_was_named_last(talks: list[Messages]) -> None:
    regions = {name: str(province.region) for name, province in BY_NAME.items()}
    checked = 0
    for messages in talks:
        named = ""
        for question, answer in pairwise(messages):
            named = next((name for name in BY_NAME if re.search(rf"\b{name}\b", question["content"])), named)
            if question["content"] == "Peki hangi bölgede?":
                assert answer["content"] == regions[named]
                checked += 1
    assert checked > 20


def test_what_nobody_can_know_is_not_known(talks: list[Messages]) -> None:
    replies = {
        messages[-1]["content"] for kind, messages in zip(KINDS, talks, strict=True) if kind == "silence"
    }
    assert replies == {"Bunu bilmiyorum.", "Bu konuda bilgim yok."}
    others = [messages for kind, messages in zip(KINDS, talks, strict=True) if kind != "silence"]
    assert not any(message["content"] in replies for messages in others for message in messages)


def test_questions_are_never_asked_in_conversations(asked: set[str], talks: list[Messages]) -> None:
    everything = "\n".join(message["content"] for messages in talks for message in messages)
    assert not [row["question"] for row in questions() if row["question"] in everything]
    for fact in FACTS:
        for template in FAMILIES[fact.family].unseen:
            assert fill(random.Random(0), template, fact.slots) not in asked


def wordings(pair: Pair) -> set[str]:
    """Every question for the pair's two facts at once."""
    both = (pair, pair.turned())
    return {fill(random.Random(0), template, each.slots) for each in both for template in PAIR_ASKS}


def test_every_open_pair_is_asked_at_once_and_none_that_is_held_out(asked: set[str]) -> None:
    for pair in PAIRS:
        assert bool(wordings(pair) & asked) != pair.held_out


def test_questions_mix_families_and_kinds() -> None:
    rows = questions()
    assert rows == questions()
    assert len({row["question"] for row in rows}) == len(rows)
    kinds = Counter(row["kind"] for row in rows)
    assert 230 <= kinds["unseen_phrasing"] <= 280
    assert kinds["unseen_combination"] == 150
    assert {row["family"] for row in rows if row["kind"] == "unseen_phrasing"} == set(FAMILIES)
    first = Counter(row["kind"] for row in rows[:300])
    assert min(first.values()) >= 100


def test_questions_have_short_answers_and_every_neighbour_is_right() -> None:
    for row in questions():
        assert row["answers"]
        assert all(map(answer_key, row["answers"]))
        assert len(row["answers"][0].split()) <= 9
        if row["family"] == "neighbour":
            (named,) = (name for name in BY_NAME if re.search(rf"\b{name}\b", row["question"]))
            assert row["answers"] == list(BY_NAME[named].neighbours)
