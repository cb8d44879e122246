import random
import re

import pytest

from pipeline.miniworld import messages, people, texts, world
from pipeline.miniworld.chats import NEVER, drawn, scene


def slots(rng: random.Random) -> dict[str, str]:
    return people.cast(rng, world.BY_NAME["Kars"], people.FIRST_NAMES[0], people.SURNAMES[0], "kış")


def many(sentence) -> list[str]:
    rng = random.Random(1)
    return [sentence(rng, drawn(rng, scene(rng, people.FIRST_NAMES))) for _ in range(300)]


def test_a_message_is_signed_and_says_several_things() -> None:
    rng = random.Random(3)
    for _ in range(50):
        told = messages.compose(rng, slots(rng))
        assert str(people.FIRST_NAMES[0]) in told.paragraphs[-1]
        assert (
            len(re.findall(r"[.?!](?: |\n|$)", "\n".join(told.paragraphs[:-1]))) >= messages.FEWEST - 2
        )  # a beginning that comes again is left out


@pytest.mark.parametrize(
    ("subject", "endings"),
    [("ben", "m"), ("sen", "n"), ("biz", "kz"), ("siz", "z")],
)
def test_subjects_agree_with_their_verbs(subject: str, endings: str) -> None:
    verbs = [
        re.split(r"[,;.]| ki\b", text)[0].split()[-1]
        for text in many(messages.said) + many(messages.never)
        if text.startswith(f"{subject} ")
    ]
    assert len(verbs) > 20
    assert all(verb[-1] in endings for verb in verbs), verbs


def test_never_goes_with_a_negative_verb() -> None:
    for text in many(messages.never):
        words = re.split(r"[,;.]| ki\b", text)[0].split()
        assert any(word in text for word in NEVER)
        assert re.search(r"m[aeıiuü]", words[-1]), text


def test_owners_agree_with_what_they_own() -> None:
    ends = {"Benim": "m", "Senin": "n", "Bizim": "z", "Sizin": "z"}  # filled sentences begin with a capital
    for text in many(messages.owned):
        owner, thing = text.split()[:2]
        assert thing[-1] in ends.get(owner, "ıiuü"), text


def test_most_texts_name_their_hero_at_the_end() -> None:
    named = 0
    for index, document in enumerate(texts.documents(42, 500)):
        first, surname, _ = texts.hero(42, index)
        named += f"{first} {surname}" in document.text.split("\n")[-1]
    assert named > 450
