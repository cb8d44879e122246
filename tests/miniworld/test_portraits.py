import random
import re

import pytest

from pipeline.miniworld import people, portraits, world
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots
from pipeline.turkish.casing import capitalize, lower


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    return people.cast(rng, rng.choice(world.PROVINCES), first, surname, rng.choice(list(world.SEASONS)))


@pytest.fixture(scope="module", params=[portraits.PERSON, portraits.THING, portraits.FOOD])
def kind(request: pytest.FixtureRequest) -> portraits.Kind:
    return request.param


@pytest.fixture(scope="module")
def portraits_of(kind: portraits.Kind) -> list[tuple[Slots, Told]]:
    casts = map(cast, range(300))
    return [(slots, portraits.compose(random.Random(seed), slots, kind)) for seed, slots in enumerate(casts)]


def sentences(told: Told) -> list[str]:
    return re.findall(r"[^.]+\.", " ".join(told.paragraphs[1:3]))


def test_every_sentence_names_the_one_it_is_about(
    kind: portraits.Kind, portraits_of: list[tuple[Slots, Told]]
) -> None:
    for slots, told in portraits_of:
        assert portraits.FEWEST <= len(sentences(told)) <= portraits.MOST
        for sentence in sentences(told):
            if kind is not portraits.FOOD:
                about = slots["name"] if kind is portraits.PERSON else slots["thing"][:-1]  # it may soften
                assert re.search(rf"\b({about}|{capitalize(about)})", sentence), sentence
            else:
                assert any(f" {food[:-1]}" in f" {lower(sentence)}" for food in portraits.FOODS), sentence


def test_full_name_and_place_come_at_both_ends(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        assert str(slots["fullname"]) in told.paragraphs[0]
        assert str(slots["fullname"]) in told.paragraphs[-1]
        assert " ".join(told.paragraphs).count(str(slots["place"])) >= 2


def test_sentences_name_their_hero_with_the_surname_now_and_then(
    portraits_of: list[tuple[Slots, Told]],
) -> None:
    said = [(slots, sentence) for slots, told in portraits_of for sentence in sentences(told)]
    full = sum(str(slots["fullname"]) in sentence for slots, sentence in said)
    assert 0.2 < full / len(said) < 0.4


def test_the_question_is_answered_by_the_text(portraits_of: list[tuple[Slots, Told]]) -> None:
    for slots, told in portraits_of:
        ((question, answer),) = told.asks
        assert str(slots["fullname"]) in question
        assert str(slots["place"]) in question
        assert answer in {slots["friend"].ins, slots["friend"].abl}  # type: ignore[attr-defined]
        assert str(slots["friend"]) in " ".join(told.paragraphs)


def test_no_row_speaks_twice(portraits_of: list[tuple[Slots, Told]]) -> None:
    for _, told in portraits_of:
        text = " ".join(told.paragraphs)
        assert text.count(" en sevdiği yemek ") + text.count(" yemeyi ") + text.count(" yemek ister") <= 1
        assert text.count(" olacak.") + text.count(" olmak") <= 1
        assert text.count("kimseye vermez") + text.count("ödünç") <= 1
