import random
import re

import pytest

from pipeline.miniworld import people, portraits, world
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots
from pipeline.text.casing import lower


def cast(seed: int) -> Slots:
    rng = random.Random(seed)
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    province, season = rng.choice(world.list_provinces()), rng.choice(list(world.SEASONS))
    return people.draw_cast(rng, province, first, surname, season)


@pytest.fixture(scope="module", params=portraits.KINDS)
def kind(request: pytest.FixtureRequest) -> portraits.PortraitKind:
    return request.param


@pytest.fixture(scope="module")
def samples(kind: portraits.PortraitKind) -> list[tuple[Slots, ComposedText]]:
    casts = map(cast, range(300))
    return [(slots, portraits.compose(random.Random(seed), slots, kind)) for seed, slots in enumerate(casts)]


def sentences(portrait: ComposedText) -> list[str]:
    return re.findall(r"[^.]+\.", " ".join(portrait.paragraphs[1:3]))


def subject_words(kind: portraits.PortraitKind, slots: Slots) -> set[str]:
    """Return words of which each sentence names one, without the last letter, which may change."""
    words = {
        portraits.PERSON: [slots["name"]],
        portraits.THING: [slots["thing"]],
        portraits.FOOD: portraits.FOODS,
        portraits.RELATIVE: [slots["kin"]],
        portraits.VISIT: [slots["place"]],
        portraits.SELLER: [province.product.bare or province.product for province in world.list_provinces()],
    }[kind]
    return {lower(word)[:-1] for word in words}


def test_compose_names_the_subject_in_every_sentence(
    kind: portraits.PortraitKind, samples: list[tuple[Slots, ComposedText]]
) -> None:
    for slots, portrait in samples:
        assert portraits.MIN_SENTENCES <= len(sentences(portrait)) <= portraits.MAX_SENTENCES
        for sentence in sentences(portrait):
            assert re.search(rf"\b({'|'.join(subject_words(kind, slots))})", lower(sentence)), sentence


def test_compose_has_full_name_and_place_at_both_ends(samples: list[tuple[Slots, ComposedText]]) -> None:
    for slots, portrait in samples:
        assert str(slots["fullname"]) in portrait.paragraphs[0]
        assert str(slots["fullname"]) in portrait.paragraphs[-1]
        assert " ".join(portrait.paragraphs).count(str(slots["place"])) >= 2


def test_compose_uses_the_full_name_throughout_in_half_of_the_texts(
    samples: list[tuple[Slots, ComposedText]],
) -> None:
    shares = []
    for slots, portrait in samples:
        text = " ".join(portrait.paragraphs[1:3])
        shares.append(text.count(slots["fullname"]) / text.count(slots["name"]))
    assert all(share == 1 or share < 0.3 for share in shares)  # a thing may bear its owner's name
    assert 0.4 < shares.count(1) / len(shares) < 0.6


def test_compose_question_is_answered_by_the_text(samples: list[tuple[Slots, ComposedText]]) -> None:
    for slots, portrait in samples:
        ((question, answer),) = portrait.qa_pairs
        assert str(slots["fullname"]) in question
        assert str(slots["place"]) in question
        assert answer.startswith(slots["friend"])
        assert str(slots["friend"]) in " ".join(portrait.paragraphs)


def test_compose_takes_no_row_twice(samples: list[tuple[Slots, ComposedText]]) -> None:
    for _, portrait in samples:
        text = " ".join(portrait.paragraphs)
        assert text.count(" en sevdiği yemek ") + text.count(" yemeyi ") + text.count(" yemek ister") <= 1
        assert text.count(" olacak.") + text.count(" olmak") <= 1
        assert text.count("kimseye vermez") + text.count("ödünç") <= 1
