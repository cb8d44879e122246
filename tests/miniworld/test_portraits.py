import random
import re

import pytest

from pipeline.miniworld import people, portraits, world
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return people.cast(rng, rng.choice(world.PROVINCES), first, surname, rng.choice(list(world.SEASONS)))


@pytest.fixture(scope="module")
def portraits_of() -> list[tuple[Slots, Told]]:
    casts = map(cast, range(500))
    return [(slots, portraits.compose(random.Random(seed), slots)) for seed, slots in enumerate(casts)]


def test_every_sentence_names_the_one_it_is_about(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        sentences = re.findall(r"[^.]+\.", " ".join(told.paragraphs[1:3]))
        assert portraits.FEWEST <= len(sentences) <= portraits.MOST
        assert all(re.search(rf"\b{slots['name']}\b", sentence) for sentence in sentences), told
        assert str(slots["fullname"]) in told.paragraphs[0]
        assert str(slots["fullname"]) in told.paragraphs[-1]


def test_the_place_is_named_again(portraits_of: list[tuple[Slots, Told]]) -> None:
    assert all(" ".join(told.paragraphs).count(str(slots["place"])) >= 2 for slots, told in portraits_of)


def test_the_question_is_answered_by_the_text(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        ((question, answer),) = told.asks
        assert str(slots["fullname"]) in question
        assert str(slots["place"]) in question
        assert answer == slots["friend"].ins  # type: ignore[attr-defined]
        assert str(slots["friend"]) in " ".join(told.paragraphs)


def test_no_row_speaks_twice(portraits_of: list[tuple[Slots, Told]]) -> None:
    for _, told in portraits_of:
        text = " ".join(told.paragraphs)
        assert text.count(" en sevdiği yemek ") + text.count(" yemeyi ") + text.count(" yemek ister") <= 1
        assert text.count(" olacak.") + text.count(" olmak") <= 1
