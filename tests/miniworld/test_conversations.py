import random
import re
from collections import Counter
from itertools import islice, pairwise

import pytest

from pipeline.miniworld import texts
from pipeline.miniworld.conversations import (
    BLOCK_SIZE,
    OTHER_WEIGHTS,
    SMALL_TALK_WEIGHTS,
    compose_conversations,
    compose_questions,
    compose_seen_questions,
    kind_and_rank,
    select_facts,
    shuffle_facts,
)
from pipeline.miniworld.facts import (
    PAIR_QUESTIONS,
    Pair,
    facts_by_family,
    list_facts,
    list_pairs,
    load_families,
)
from pipeline.miniworld.openers import CANNOT_DO, DO_NOT_KNOW, NO_KNOWLEDGE
from pipeline.miniworld.templates import fill
from pipeline.miniworld.world import provinces_by_name
from pipeline.text.casing import capitalize
from pipeline.text.comparison_keys import answer_key

COUNT = 6_000
ALONE = ("various", "subject", "family")
KINDS = [kind_and_rank(42, index)[0] for index in range(COUNT)]

Messages = list[dict[str, str]]


@pytest.fixture(scope="module")
def conversations() -> list[Messages]:
    return [row["messages"] for row in compose_conversations(42, COUNT, texts.compose_short_story)]


@pytest.fixture(scope="module")
def user_turns(conversations: list[Messages]) -> set[str]:
    """Return every turn of a user, also without the greeting before it."""
    turns = {
        message["content"] for messages in conversations for message in messages if message["role"] == "user"
    }
    return turns | {turn.partition(end)[2] for turn in turns for end in (". ", "! ")}


def test_compose_conversations_alternates_roles(conversations: list[Messages]) -> None:
    for messages in conversations:
        roles = [message["role"] for message in messages]
        turns = roles[roles[0] == "system" :]
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert all(message["content"] for message in messages)
        assert not re.search(r"[{}\[\]|@]|  ", " ".join(message["content"] for message in messages))
        assert not any(re.match("[a-zçğıöşü]", message["content"]) for message in messages)
    assert any(messages[0]["role"] == "system" for messages in conversations)
    assert any(len(messages) > 4 for messages in conversations)


def test_compose_conversation_depends_on_seed_and_index_alone(conversations: list[Messages]) -> None:
    first = [row["messages"] for row in islice(compose_conversations(42, 50, texts.compose_short_story), 50)]
    assert first == conversations[:50]
    assert [
        row["messages"] for row in compose_conversations(43, 50, texts.compose_short_story)
    ] != conversations[:50]


def test_kind_and_rank_gives_every_block_the_same_shares() -> None:
    shares = {**SMALL_TALK_WEIGHTS, **OTHER_WEIGHTS}
    assert sum(shares.values()) == BLOCK_SIZE == 100
    assert Counter(KINDS[:100]) == Counter(KINDS[4_200:4_300]) == shares
    ranks = [kind_and_rank(42, index) for index in range(300)]
    assert len(set(ranks)) == 300


@pytest.mark.parametrize("small_talk", [0.0, 0.5, 0.77, 1.0])
def test_kind_and_rank_takes_the_share_of_small_talk(small_talk: float) -> None:
    kinds = Counter(kind_and_rank(1, index, small_talk)[0] for index in range(100))
    assert sum(kinds[kind] for kind in SMALL_TALK_WEIGHTS) == round(100 * small_talk)


def test_select_facts_asks_the_facts_of_a_family_equally_often() -> None:
    times = Counter(
        fact for i in range(COUNT) if KINDS[i] in ALONE for fact in select_facts(42, *kind_and_rank(42, i))
    )
    assert set(times) == set(list_facts())
    for facts in facts_by_family().values():
        counts = [times[fact] for fact in facts]
        assert max(counts) - min(counts) <= 2 * len(ALONE)


def test_select_facts_asks_small_families_often_enough() -> None:
    epoch = [fact.family for facts in shuffle_facts(42, "family", 0) for fact in facts]
    for family, count in Counter(epoch).items():
        assert count >= min(15, len(facts_by_family()[family])), family
    assert [Counter(epoch)[family] for family in ("next_day", "holiday_date", "sum")] == [63, 21, 90]
    assert all(len(set(facts)) == len(facts) for facts in shuffle_facts(42, "family", 0))


def test_compose_conversations_are_short(conversations: list[Messages]) -> None:
    words = [
        sum(len(message["content"].split()) for message in messages)
        for kind, messages in zip(KINDS, conversations, strict=True)
        if kind not in ("reading", "story")
    ]
    assert sum(words) / len(words) < 45


def test_ask_and_answer_gives_the_answers_of_the_table(conversations: list[Messages]) -> None:
    answers = {
        fill(random.Random(0), template, fact.slots): capitalize(fact.answers[0])
        for fact in list_facts()
        for template in load_families()[fact.family].questions
    }
    checked = 0
    for messages in conversations:
        for question, answer in pairwise(messages):
            if right := answers.get(question["content"]):
                assert answer["content"] == right
                checked += 1
    assert checked > 5_000


def test_choose_templates_follows_up_on_the_last_subject(conversations: list[Messages]) -> None:
    regions = {name: str(province.region) for name, province in provinces_by_name().items()}
    checked = 0
    for messages in conversations:
        subject = ""
        for question, answer in pairwise(messages):
            subject = next(
                (name for name in provinces_by_name() if re.search(rf"\b{name}\b", question["content"])),
                subject,
            )
            if question["content"] in load_families()["region"].follow_ups:
                assert answer["content"] == regions[subject]
                checked += 1
    assert checked > 20


def test_compose_turns_answers_what_lies_outside_with_do_not_know(conversations: list[Messages]) -> None:
    replies = {
        messages[-1]["content"]
        for kind, messages in zip(KINDS, conversations, strict=True)
        if kind == "outside"
    }
    assert replies == {DO_NOT_KNOW, NO_KNOWLEDGE, CANNOT_DO}
    others = [messages for kind, messages in zip(KINDS, conversations, strict=True) if kind != "outside"]
    assert not any(message["content"] in replies for messages in others for message in messages)


def test_compose_questions_are_never_asked_in_conversations(
    user_turns: set[str], conversations: list[Messages]
) -> None:
    everything = "\n".join(message["content"] for messages in conversations for message in messages)
    assert not [row["question"] for row in compose_questions() if row["question"] in everything]
    for fact in list_facts():
        for template in load_families()[fact.family].unseen_questions:
            assert fill(random.Random(0), template, fact.slots) not in user_turns


def pair_questions(pair: Pair) -> set[str]:
    """Return every question for the pair's two facts at once."""
    both = (pair, pair.swap())
    return {fill(random.Random(0), template, each.slots) for each in both for template in PAIR_QUESTIONS}


def test_select_pairs_asks_every_open_pair_and_no_held_out_one(user_turns: set[str]) -> None:
    for pair in list_pairs():
        assert bool(pair_questions(pair) & user_turns) != pair.is_held_out


def test_compose_questions_mixes_families_and_kinds() -> None:
    rows = compose_questions()
    assert rows == compose_questions()
    assert len({row["question"] for row in rows}) == len(rows)
    kinds = Counter(row["kind"] for row in rows)
    assert 230 <= kinds["unseen_phrasing"] <= 280
    assert kinds["unseen_combination"] == 150
    assert {row["family"] for row in rows if row["kind"] == "unseen_phrasing"} == set(load_families())
    first = Counter(row["kind"] for row in rows[:300])
    assert min(first.values()) >= 100


def test_compose_questions_has_short_answers_and_accepts_every_neighbor() -> None:
    for row in compose_questions():
        assert row["answers"]
        assert all(map(answer_key, row["answers"]))
        assert len(row["answers"][0].split()) <= 9
        if row["family"] == "neighbour":
            (subject,) = (name for name in provinces_by_name() if re.search(rf"\b{name}\b", row["question"]))
            assert row["answers"] == list(provinces_by_name()[subject].neighbors)


def test_compose_seen_questions_asks_every_family_in_words_of_conversations() -> None:
    rows = compose_seen_questions()
    assert rows == compose_seen_questions()
    families = Counter(row["family"] for row in rows)
    assert set(families) == {*load_families(), "opener"}
    assert len(rows) <= 300  # eval.max_questions
    for row in rows:
        if row["family"] != "opener":
            templates = load_families()[row["family"]].questions
            asked = {
                fill(random.Random(0), template, fact.slots)
                for fact in facts_by_family()[row["family"]]
                for template in templates
            }
            assert row["question"] in asked


def test_compose_introduction_gives_the_name_back(conversations: list[Messages]) -> None:
    recalled = 0
    for kind, messages in zip(KINDS, conversations, strict=True):
        if kind == "name" and messages[-1]["content"].startswith("Adın "):
            name = messages[-1]["content"].removeprefix("Adın ").removesuffix(".")
            first = next(message["content"] for message in messages if message["role"] == "user")
            assert re.search(rf"\b{name}\b", first)
            recalled += 1
    assert recalled > 100
