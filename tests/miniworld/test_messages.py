import random
import re

import pytest

from pipeline.miniworld import messages, people, texts, world
from pipeline.miniworld.chats import NEVER_ADVERBS, draw_nouns, draw_scene


def slots(rng: random.Random) -> dict[str, str]:
    return people.draw_cast(
        rng, world.provinces_by_name()["Kars"], people.FIRST_NAMES[0], people.SURNAMES[0], "kış"
    )


def sample_sentences(sentence) -> list[str]:
    rng = random.Random(1)
    return [sentence(rng, draw_nouns(rng, draw_scene(rng))) for _ in range(300)]


def test_compose_signs_a_message_of_several_sentences() -> None:
    rng = random.Random(3)
    for _ in range(50):
        message = messages.compose(rng, slots(rng))
        assert str(people.FIRST_NAMES[0]) in message.paragraphs[-1]
        assert (
            len(re.findall(r"[.?!](?: |\n|$)", "\n".join(message.paragraphs[:-1])))
            >= messages.MIN_SENTENCES - 2
        )  # a beginning that comes again is left out


@pytest.mark.parametrize(
    ("subject", "endings"),
    [("ben", "m"), ("sen", "n"), ("biz", "kz"), ("siz", "z")],
)
def test_compose_statement_verbs_agree_with_their_subjects(subject: str, endings: str) -> None:
    verbs = [
        re.split(r"[,;.]| ki\b", text)[0].split()[-1]
        for text in sample_sentences(messages.compose_statement) + sample_sentences(messages.compose_never)
        if text.startswith(f"{subject} ")
    ]
    assert len(verbs) > 20
    assert all(verb[-1] in endings for verb in verbs), verbs


def test_compose_never_has_a_negative_verb() -> None:
    for text in sample_sentences(messages.compose_never):
        words = re.split(r"[,;.]| ki\b", text)[0].split()
        assert any(word in text for word in NEVER_ADVERBS)
        assert re.search(r"m[aeıiuü]", words[-1]), text


def test_compose_possession_owners_agree_with_their_things() -> None:
    ends = {"Benim": "m", "Senin": "n", "Bizim": "z", "Sizin": "z"}  # filled sentences begin with a capital
    for text in sample_sentences(messages.compose_possession):
        owner, thing = text.split()[:2]
        assert thing[-1] in ends.get(owner, "ıiuü"), text


def test_compose_documents_mostly_name_their_hero_at_the_end() -> None:
    named = 0
    for index, document in enumerate(texts.compose_documents(42, 500)):
        first, surname, _ = texts.choose_hero(42, index)
        named += f"{first} {surname}" in document.text.split("\n")[-1]
    assert named > 450
