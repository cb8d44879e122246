import random
import re

import pytest

from pipeline.miniworld import people, portraits, world
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots
from pipeline.text.casing import lower


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return people.cast(rng, rng.choice(world.PROVINCES), first, surname, rng.choice(list(world.SEASONS)))


@pytest.fixture(scope="module", params=portraits.KINDS)
def kind(request: pytest.FixtureRequest) -> portraits.Kind:
    return request.param


@pytest.fixture(scope="module")
def portraits_of(kind: portraits.Kind) -> list[tuple[Slots, Told]]:
    casts = map(cast, range(300))
    return [(slots, portraits.compose(random.Random(seed), slots, kind)) for seed, slots in enumerate(casts)]


def sentences(told: Told) -> list[str]:
    return re.findall(r"[^.]+\.", " ".join(told.paragraphs[1:3]))


def about(kind: portraits.Kind, slots: Slots) -> set[str]:
    """What each sentence names, without the last letter, which a suffix may soften."""
    words = {
        portraits.PERSON: [slots["name"]],
        portraits.THING: [slots["thing"]],
        portraits.FOOD: portraits.FOODS,
        portraits.RELATIVE: [slots["kin"]],
        portraits.VISIT: [slots["place"]],
        portraits.SELLER: [province.product.bare or province.product for province in world.PROVINCES],
    }[kind]
    return {lower(word)[:-1] for word in words}


def test_every_sentence_names_the_one_it_is_about(
    kind: portraits.Kind, portraits_of: list[tuple[Slots, Told]]
) -> None:
    for slots, told in portraits_of:
        assert portraits.FEWEST <= len(sentences(told)) <= portraits.MOST
        for sentence in sentences(told):
            assert re.search(rf"\b({'|'.join(about(kind, slots))})", lower(sentence)), sentence


def test_full_name_and_place_come_at_both_ends(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        assert str(slots["fullname"]) in told.paragraphs[0]
        assert str(slots["fullname"]) in told.paragraphs[-1]
        assert " ".join(told.paragraphs).count(str(slots["place"])) >= 2


def test_half_of_them_call_their_hero_by_the_full_name_throughout(
    portraits_of: list[tuple[Slots, Told]],
) -> None:
    shares = []
    for slots, told in portraits_of:
        text = " ".join(told.paragraphs[1:3])
        shares.append(text.count(slots["fullname"]) / text.count(slots["name"]))
    assert all(share == 1 or share < 0.3 for share in shares)  # a thing may bear its owner's name
    assert 0.4 < shares.count(1) / len(shares) < 0.6


def test_the_question_is_answered_by_the_text(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        ((question, answer),) = told.asks
        assert str(slots["fullname"]) in question
        assert str(slots["place"]) in question
        assert answer.startswith(slots["friend"])
        assert str(slots["friend"]) in " ".join(told.paragraphs)


def test_no_row_speaks_twice(portraits_of: list[tuple[Slots, Told]]) -> None:
    for _, told in portraits_of:
        text = " ".join(told.paragraphs)
        assert text.count(" en sevdiği yemek ") + text.count(" yemeyi ") + text.count(" yemek ister") <= 1
        assert text.count(" olacak.") + text.count(" olmak") <= 1
        assert text.count("kimseye vermez") + text.count("ödünç") <= 1
