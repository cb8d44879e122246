import itertools
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.miniworld import texts
from pipeline.miniworld.conversations import compose_conversations
from pipeline.miniworld.facts import list_facts, load_families
from pipeline.miniworld.first_words import KINDS, read_first_words
from pipeline.miniworld.openers import load_intents
from pipeline.miniworld.people import FIRST_NAMES, MADE_NAMES, NEW_NAMES
from pipeline.miniworld.templates import CHOICE, fill
from pipeline.text.casing import lower
from pipeline.text.comparison_keys import duplicate_key

MIN_ROWS = {"dev": 120, "test": 240}


def read_conversations(name: str) -> list[list[str]]:
    return [[message["content"] for message in row["messages"]] for row in read_first_words(name)]


def fold(text: str) -> str:
    """Return a key that leaves out case, marks, accents and doubled letters."""
    plain = lower(text).replace("ı", "i")
    letters = [c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c)]
    kept = [c for c in letters if c.isalnum() or c == " " or ord(c) > 0x2000 or c == "?"]
    return " ".join("".join(c for c, _ in itertools.groupby(kept)).split())


def expand(template: str) -> list[str]:
    """Return every text that a template's choices give, its slots left as they are."""
    choice = CHOICE.search(template)
    if not choice:
        return [template]
    start, end = template[: choice.start()], template[choice.end() :]
    return [text for option in choice[1].split("|") for text in expand(start + option + end)]


def list_trained_messages() -> Iterator[str]:
    """Yield every question and opener that a conversation may have, and all messages of the default run."""
    for fact in list_facts():
        family = load_families()[fact.family]
        for template in (*family.questions, *family.typed_questions, *family.unseen_questions):
            yield fill(random.Random(0), template, fact.slots)
    for intent in load_intents().values():
        yield from itertools.chain.from_iterable(map(expand, intent.prompts))
    for row in compose_conversations(42, 7_000, texts.compose_short_story):
        yield from (message["content"] for message in row["messages"] if message["role"] == "user")


@pytest.mark.parametrize("name", ["dev", "test"])
def test_lists_are_long_enough_and_of_every_kind(name: str) -> None:
    rows = list(read_first_words(name))
    counts = Counter(row["kind"] for row in rows)
    assert len(rows) >= MIN_ROWS[name]
    assert set(counts) == set(KINDS)
    assert min(counts.values()) >= 15
    for row in rows:
        assert {message["role"] for message in row["messages"][::2]} == {"user"}
        assert len(row["messages"]) % 2 == 1
        assert row["answers"]
        assert all(answer.strip("… ") for answer in row["answers"])


def test_no_message_is_in_both_lists() -> None:
    dev, test = ([fold(" > ".join(turns)) for turns in read_conversations(name)] for name in ("dev", "test"))
    assert len(set(dev)) == len(dev)
    assert len(set(test)) == len(test)
    assert not set(dev) & set(test)


def test_no_message_is_trained() -> None:
    trained = {duplicate_key(text) for text in list_trained_messages()}
    listed = [turns[0] for name in MIN_ROWS for turns in read_conversations(name) if len(turns) == 1]
    assert [text for text in listed if duplicate_key(text) in trained] == []


def test_names_of_the_lists_are_in_no_table() -> None:
    known = set(map(str, (*FIRST_NAMES, *NEW_NAMES, *MADE_NAMES)))
    rows = [row for name in MIN_ROWS for row in read_first_words(name) if row["kind"] == "name"]
    given = {match for row in rows for answer in row["answers"] for match in re.findall(r"…(\w+)…", answer)}
    assert sorted(given & known) == []
