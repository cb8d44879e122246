"""Conversations for instruction tuning, and evaluation questions that are held out of them.

A question of the kind `unseen_phrasing` asks for a fact in a wording that no document and no conversation
uses. One of the kind `unseen_combination` asks for two facts that they never ask for together.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from pipeline.miniworld import nature, people, world
from pipeline.miniworld.facts import (
    PAIR_QUESTIONS,
    Fact,
    Pair,
    facts_by_family,
    find_facts,
    list_facts,
    list_open_pairs,
    list_pairs,
    load_families,
)
from pipeline.miniworld.openers import (
    draw_intent,
    draw_opener,
    draw_outside,
    load_definitions,
    load_intents,
    load_outside,
)
from pipeline.miniworld.quizzes import can_follow
from pipeline.miniworld.readings import ComposeStory, compose_reading
from pipeline.miniworld.templates import Slots, fill
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import numeral

Conversation = dict[str, list[dict[str, str]]]
Turns = list[str]  # of user and assistant, one after the other

# Conversations of each kind, relative to the others of small talk and of the rest. Every block of a hundred
# has the same kinds in another order.
SMALL_TALK_WEIGHTS = {"opener": 12, "name": 4, "chat": 2}
OTHER_WEIGHTS = {
    "various": 22, "subject": 16, "family": 16, "pairs": 16, "outside": 7, "definition": 2, "reading": 2,
    "story": 1,
}  # fmt: skip
BLOCK_SIZE = 100
SMALL_TALK_SHARE = sum(SMALL_TALK_WEIGHTS.values()) / BLOCK_SIZE
SYSTEM_SHARE = 0.1
GREETING_SHARE = 0.12
THANKS_SHARE = 0.1
ELLIPSIS_SHARE = 0.6  # of the questions of the same family as the last one are "Peki ya {x}?"
TYPED_QUESTION_SHARE = 0.2  # of the questions are as short as people type them
FOLLOW_UP_SHARE = 0.8  # of the questions about the same subject as the last one leave its name out
QUESTION_AFTER_OPENER_SHARE = 0.3
THANKS_AFTER_QUESTION_SHARE = 0.5
REPLY_SHARE = 0.7  # of the questions of the model are answered
RECALL_SHARE = 0.7  # of those who give a name ask for it later
FACTS_PER_CONVERSATION = 4  # of one subject or one family, at most
VARIOUS_FACTS_PER_CONVERSATION = 3  # of the kind "various"
# Facts of a family in an epoch, at least: a family of seven days asks for each of them several times. Most of
# all where the answer follows from two things together: a day and a direction, two numbers.
MIN_FACTS_PER_FAMILY = 24
MIN_COMBINED_FACTS = {"next_day": 60, "previous_day": 60, "next_month": 60, "previous_month": 60, "sum": 90}
PAIRS_PER_CONVERSATION = 2
UNSEEN_PHRASINGS = 250
UNSEEN_COMBINATIONS = 150
SEEN_PHRASINGS_PER_FAMILY = 7

SYSTEM_PROMPTS = (
    "Sen Türkçe konuşan yardımsever bir asistansın.",
    "Soruları kısa ve doğru yanıtla.",
    "Kısa cevap ver.",
    "Sen küçük bir Türkçe dil modelisin.",
)
GREETINGS = (
    "Merhaba!", "Selam!", "Bir sorum var.", "İyi günler.", "Sana bir şey soracağım.", "Günaydın!",
    "Bir şeyi merak ediyorum.",
)  # fmt: skip
THANKS = (
    ("Teşekkür ederim.", "Rica ederim."),
    ("Sağ ol.", "Rica ederim."),
    ("Çok teşekkürler!", "Rica ederim."),
    ("Tamam, teşekkürler.", "Rica ederim."),
)
ELLIPSES = {
    "": ("Peki ya {x}?", "Peki ya {x}?", "Ya {x}?", "Peki {x}?", "{x}?"),
    "next": ("Peki ya {x.abl} sonra?", "{x.abl} sonra?", "Peki {x.abl} sonra?"),
    "previous": ("Peki ya {x.abl} önce?", "{x.abl} önce?", "Peki {x.abl} önce?"),
}  # by the first word of the family

WELLBEING_REPLIES = ("i_am_well", "i_am_well", "i_am_unwell")  # intents after "Sen nasılsın?"
FAREWELLS = ("goodbye", "good_night")  # nothing follows them
# Intents with which people begin, not go on.
FIRST_INTENTS = (
    "greeting", "religious_greeting", "good_morning", "good_day", "good_evening", "good_work", "arrival",
    "wellbeing", "i_am_well", "well_and_you", "test",
)  # fmt: skip
STORY_OFFERS = ("bored", "joke", "i_am_unwell")
STORY_ACCEPTED = "[Evet|Olur|Tamam|Anlat|Evet, anlat|İsterim|Olur, dinliyorum]."
ENDINGS = ("thanks", "thanks", "goodbye")  # intents after an answer
NAME_GIVEN = (
    (
        "[Benim adım|Merhaba, benim adım|Adım|Merhaba, adım|Selam, benim adım] {name}.",
        "Merhaba {name}, memnun oldum.",
    ),
    ("[Ben|Merhaba, ben|Selam, ben|İsmim|Benim ismim] {name}.", "Merhaba {name}, memnun oldum."),
    ("[Bana {name} de|Bana {name} diyebilirsin|Arkadaşlarım bana {name} der].", "Memnun oldum, {name}."),
    (
        "[Adım|Benim adım|Ben] {name}, [senin adın ne|sen kimsin]?",
        "Merhaba {name}, ben Tezgâh'ta eğitilmiş küçük bir Türkçe dil modeliyim.",
    ),
    ("[Adım {name}, {place.loc} yaşıyorum|Ben {name}, {place.loc} oturuyorum].", "Memnun oldum, {name}."),
)
NAME_ASKED = (
    "[Adım ne|Benim adım ne|Adım neydi|Adımı hatırlıyor musun|Adımı biliyor musun]?",
    "[Ben kimim|Benim adım neydi|Adımı söyler misin|İsmim ne|İsmim neydi]?",
)
PLACE_ASKED = "[Ben nerede yaşıyorum|Nerede yaşıyorum|Nerede oturuyorum|Hangi ilde yaşıyorum]?"
NAME_UNKNOWN = "Adını henüz söylemedin."
UNNAMED_SHARE = 0.08  # of those who ask for their name have not given it

CHATS = (
    ("Yarın {place.dat} gidiyorum.", "Ne güzel! {sight.acc} görmeyi unutma.", "Olur.", "İyi yolculuklar!"),
    ("Yarın {place.dat} gideceğim. Yarın nereye gideceğim?", "{place.dat}"),
    ("Bugün {colour} bir {thing} aldım.", "Güle güle kullan!", "Bugün ne aldım?", "{colour} bir {thing}"),
    ("{friend} bana küstü, ne yapayım?", "{friend.ins} açıkça konuş ve onu dinle."),
    ("Yarın sınavım var, korkuyorum.", "Korkma. Bu akşam erken yat, yarın sakin ol."),
    ("[Hava çok soğuk|Üşüyorum].", "Sıkı giyin, atkını da unutma."),
    ("{friend.dat} ne hediye alayım?", "{colour} bir {thing} alabilirsin."),
    ("{name} ile {friend} {place.dat} gitti. {place.dat} kim gitti?", "{name} ile {friend}"),
    ("{name} {thing.p3sg.acc} {friend.dat} verdi. Şimdi {thing} kimde?", "{friend.loc}"),
    ("{name} dün {place.abl} geldi. {name} nereden geldi?", "{place.abl}"),
    ("{friend} bir {job.cop}. {friend} ne iş yapar?", "{job}"),
    ("[Çok yorgunum|Yoruldum|Bugün çok yoruldum].", "Biraz dinlen, sonra bir çay iç."),
    ("{thing.p1sg.acc} kaybettim.", "Üzülme, belki evdedir. Bir daha bak."),
)  # fmt: skip
STORY_PROMPTS = (
    "Bana [kısa bir|bir|güzel bir] hikâye [anlat.|anlatır mısın?|anlatsana!]",
    "[Kısa bir|Bir] hikâye [yaz.|yazar mısın?|anlat.]",
    "[Uyumadan önce|Bu akşam|Şimdi] bir hikâye [dinlemek istiyorum.|dinleyelim mi?]",
)


def compose_conversations(
    seed: int, count: int, compose_story: ComposeStory, small_talk: float = SMALL_TALK_SHARE
) -> Iterator[Conversation]:
    """Yield `count` conversations, {"messages": [{"role", "content"}, …]}, each a function of seed and index.

    `compose_story` returns a story and its questions. `small_talk` is the share of greetings, names and chat.
    The facts of a family are asked equally often, give or take one epoch.
    """
    for index in range(count):
        yield compose_conversation(seed, index, compose_story, small_talk)


def compose_conversation(
    seed: int, index: int, compose_story: ComposeStory, small_talk: float = SMALL_TALK_SHARE
) -> Conversation:
    """Return the conversation of that index."""
    kind, rank = kind_and_rank(seed, index, small_talk)
    rng = random.Random(f"{seed}:conversation:{index}")
    turns = compose_turns(rng, kind, seed, rank, compose_story)
    messages = (
        [{"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}] if rng.random() < SYSTEM_SHARE else []
    )
    roles = ("user", "assistant")
    messages += [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return {"messages": messages}


def kind_and_rank(seed: int, index: int, small_talk: float = SMALL_TALK_SHARE) -> tuple[str, int]:
    """Return the kind of a conversation, and its rank: the number of conversations of its kind before it."""
    block, position = divmod(index, BLOCK_SIZE)
    order = _shuffle_kinds(seed, block, small_talk)
    kind = order[position]
    return kind, block * order.count(kind) + order[:position].count(kind)


@cache
def _shuffle_kinds(seed: int, block: int, small_talk: float) -> list[str]:
    talk = round(BLOCK_SIZE * small_talk)
    order = divide(talk, SMALL_TALK_WEIGHTS) + divide(BLOCK_SIZE - talk, OTHER_WEIGHTS)
    random.Random(f"{seed}:kinds:{block}").shuffle(order)
    return order


def divide(count: int, weights: dict[str, int]) -> list[str]:
    """Return `count` kinds in proportion to their weights, the largest remainders rounded up."""
    exact = {kind: count * weight / sum(weights.values()) for kind, weight in weights.items()}
    by_remainder = sorted(exact, key=lambda kind: int(exact[kind]) - exact[kind])
    rest = count - sum(map(int, exact.values()))
    return [kind for kind in weights for _ in range(int(exact[kind]) + (kind in by_remainder[:rest]))]


def compose_turns(rng: random.Random, kind: str, seed: int, rank: int, compose_story: ComposeStory) -> Turns:
    """Compose the turns of the conversation of a kind that `rank` others of that kind come before."""
    match kind:
        case "opener":
            return compose_openers(rng, compose_story)
        case "name":
            return compose_introduction(rng)
        case "chat":
            slots = draw_slots(rng)
            return [fill(rng, turn, slots) for turn in rng.choice(CHATS)]
        case "outside":
            return draw_outside(rng, draw_slots(rng))
        case "definition":
            turns = compose_definition(rng)
        case "reading":
            return compose_reading(rng, compose_story)
        case "story":
            return [fill(rng, rng.choice(STORY_PROMPTS), {}), "\n".join(compose_story(rng).paragraphs)]
        case "pairs":
            pairs = select_pairs(seed, rank)
            turns = join(ask_and_answer(rng, rng.choice(PAIR_QUESTIONS), pair) for pair in pairs)
        case _:
            questions = choose_templates(rng, kind, select_facts(seed, kind, rank))
            turns = join(ask_and_answer(rng, *question) for question in questions)
    return add_pleasantries(rng, turns)


def join(exchanges: Iterable[Turns]) -> Turns:
    """Return the turns of several exchanges as one conversation."""
    return [turn for exchange in exchanges for turn in exchange]


def compose_openers(rng: random.Random, compose_story: ComposeStory) -> Turns:
    """Compose a greeting, a question about the model or the like, and what may follow it."""
    intent = draw_intent(rng)
    exchanges = [draw_opener(rng, intent)]
    if intent.name in FAREWELLS:
        return exchanges[0]
    if intent.name == "wellbeing" and rng.random() < REPLY_SHARE:
        intent = load_intents()[rng.choice(WELLBEING_REPLIES)]
        exchanges.append(draw_opener(rng, intent))
    if intent.name in STORY_OFFERS and rng.random() < REPLY_SHARE:
        return [*join(exchanges), fill(rng, STORY_ACCEPTED, {}), "\n".join(compose_story(rng).paragraphs)]
    if intent.name not in STORY_OFFERS and rng.random() < QUESTION_AFTER_OPENER_SHARE:
        exchanges.append(draw_opener(rng, draw_intent(rng, FIRST_INTENTS)))
    if rng.random() < QUESTION_AFTER_OPENER_SHARE:
        exchanges.append(ask_any_fact(rng))
        if rng.random() < THANKS_AFTER_QUESTION_SHARE:
            exchanges.append(draw_opener(rng, load_intents()[rng.choice(ENDINGS)]))
    return join(exchanges)


def ask_any_fact(rng: random.Random) -> Turns:
    """Return a question for a fact of any family, and its answer."""
    fact = rng.choice(list_facts())
    return ask_and_answer(rng, rng.choice(load_families()[fact.family].questions), fact)


def compose_introduction(rng: random.Random) -> Turns:
    """Compose a name that is given, something else perhaps, and the question for the name."""
    slots = draw_slots(rng)
    asked = rng.choice(NAME_ASKED)
    if rng.random() < UNNAMED_SHARE:
        return [fill(rng, asked, {}), NAME_UNKNOWN]
    given = rng.choice(NAME_GIVEN)
    exchanges = [[fill(rng, turn, slots) for turn in given]]
    if rng.random() < RECALL_SHARE:
        if rng.random() < QUESTION_AFTER_OPENER_SHARE:
            intent = draw_intent(rng, (*FIRST_INTENTS, *FAREWELLS))
            exchanges.append(rng.choice((ask_any_fact(rng), draw_opener(rng, intent))))
        if "{place" in given[0] and rng.random() < 0.5:
            exchanges.append([fill(rng, PLACE_ASKED, {}), fill(rng, "{place.loc}", slots)])
        else:
            exchanges.append([fill(rng, asked, {}), fill(rng, "Adın {name}.", slots)])
    return join(exchanges)


def compose_definition(rng: random.Random) -> Turns:
    """Compose the question what something is, and a follow-up about it perhaps."""
    family = rng.choice(list(load_definitions()))
    fact = rng.choice(facts_by_family()[family])
    turns = draw_opener(rng, load_definitions()[family], fact.slots)
    others = [
        other
        for other in find_facts(fact.subject)
        if other.family != family and load_families()[other.family].follow_ups
    ]
    if others and rng.random() < FOLLOW_UP_SHARE:
        other = rng.choice(others)
        turns += ask_and_answer(rng, rng.choice(load_families()[other.family].follow_ups), other)
    return turns


def ask_and_answer(rng: random.Random, template: str, fact: Fact | Pair) -> Turns:
    """Return a question and its answer as two turns."""
    return [fill(rng, template, fact.slots), capitalize(fact.answers[0])]


def choose_templates(rng: random.Random, kind: str, facts: Sequence[Fact]) -> Iterator[tuple[str, Fact]]:
    """Yield a question template with each of `facts`: in full, or shortened after the one before."""
    previous: Fact | None = None
    for fact in facts:
        family = load_families()[fact.family]
        typed = rng.random() < TYPED_QUESTION_SHARE
        template = rng.choice(family.typed_questions if typed else family.questions)
        if (
            previous
            and kind == "family"
            and rng.random() < ELLIPSIS_SHARE
            and is_same_question(previous, fact)
        ):
            template = rng.choice(ELLIPSES.get(fact.family.split("_")[0], ELLIPSES[""]))
        elif previous and kind == "subject" and rng.random() < FOLLOW_UP_SHARE and can_follow(previous, fact):
            template = rng.choice(family.follow_ups)
        yield template, fact
        previous = fact


def is_same_question(previous: Fact, fact: Fact) -> bool:
    """Return whether "Peki ya …?" asks for the same of both: not of a lake and a river, a dog and a cat."""
    return all(previous.slots.get(slot) == fact.slots.get(slot) for slot in ("kind", "pet"))


def add_pleasantries(rng: random.Random, turns: Turns) -> Turns:
    """Add a greeting before some first questions, and thanks at the end of some conversations."""
    if rng.random() < GREETING_SHARE:
        turns = [f"{rng.choice(GREETINGS)} {turns[0]}", *turns[1:]]
    return [*turns, *rng.choice(THANKS)] if rng.random() < THANKS_SHARE else turns


def draw_slots(rng: random.Random) -> Slots:
    """Draw the people, the place and the things to talk about."""
    province, season = rng.choice(world.list_provinces()), rng.choice(list(world.SEASONS))
    slots = people.draw_cast(
        rng, province, rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES), season
    )
    outside = load_outside()
    return {
        **slots,
        "name": people.draw_new_name(rng),
        "land": rng.choice(outside.places),
        "who": rng.choice(outside.people),
        "topic": rng.choice(outside.topics),
        "big": numeral(str(rng.randint(11, 99))),
        "over": numeral(str(rng.randint(len(world.list_provinces()) + 1, 99))),
        "character": rng.choice(nature.list_characters()).name,
    }


def select_facts(seed: int, kind: str, rank: int) -> list[Fact]:
    """Return the facts of conversation `rank` of its kind.

    An epoch asks every fact once, and those of small families several times (see `count_repeats`).
    """
    epoch, position = divmod(rank, len(shuffle_facts(seed, kind, 0)))
    return shuffle_facts(seed, kind, epoch)[position]


@cache
def shuffle_facts(seed: int, kind: str, epoch: int) -> list[list[Fact]]:
    """Return all facts in an epoch's own order, a chunk per conversation: mixed, by subject or by family."""
    rng = random.Random(f"{seed}:{kind}:{epoch}")
    groups: dict[str, list[Fact]] = defaultdict(list)
    repeated = [
        (repeat, fact)
        for family, facts in facts_by_family().items()
        for repeat in range(1 if kind == "subject" else count_repeats(family, len(facts)))
        for fact in facts
    ]
    for repeat, fact in rng.sample(repeated, len(repeated)):
        # No conversation about a family asks for the same fact twice.
        groups[{"subject": fact.subject, "family": f"{fact.family} {repeat}"}.get(kind, "")].append(fact)
    size = VARIOUS_FACTS_PER_CONVERSATION if kind == "various" else FACTS_PER_CONVERSATION
    chunks = [chunk for key in sorted(groups) for chunk in split_evenly(groups[key], size)]
    rng.shuffle(chunks)
    return chunks


def count_repeats(family: str, size: int) -> int:
    """Return how often an epoch asks for each of the `size` facts of a family."""
    return max(1, round(MIN_COMBINED_FACTS.get(family, MIN_FACTS_PER_FAMILY) / size))


def split_evenly(facts: Sequence[Fact], size: int) -> list[list[Fact]]:
    """Split the facts into as few lists of at most `size` as possible, about equally long."""
    count = -(-len(facts) // size)
    return [list(facts[start::count]) for start in range(count)]


def select_pairs(seed: int, rank: int) -> list[Pair]:
    """Return the pairs of conversation `rank` of those that ask for two facts at once."""
    epoch, position = divmod(rank * PAIRS_PER_CONVERSATION, len(list_open_pairs()))
    return (shuffle_pairs(seed, epoch) + shuffle_pairs(seed, epoch + 1))[
        position : position + PAIRS_PER_CONVERSATION
    ]


@cache
def shuffle_pairs(seed: int, epoch: int) -> list[Pair]:
    """Return all open pairs in an epoch's own order, each with its facts in either order."""
    rng = random.Random(f"{seed}:pairs:{epoch}")
    pairs = list_open_pairs()
    return [rng.choice((pair, pair.swap())) for pair in rng.sample(pairs, len(pairs))]


def compose_questions() -> list[dict[str, Any]]:
    """Return the held-out questions: question, answers, family, kind.

    They are always the same, with families and kinds mixed.
    """
    rng = random.Random("miniworld questions")
    phrasings = [
        question_row(rng, template, fact, fact.family, "unseen_phrasing")
        for fact, template in choose_unseen_phrasings(rng)
    ]
    rng.shuffle(phrasings)
    pairs = rng.sample([pair for pair in list_pairs() if pair.is_held_out], UNSEEN_COMBINATIONS)
    combinations = []
    for pair in pairs:
        ordered = rng.choice((pair, pair.swap()))
        family = f"{load_families()[pair.first.family].kind}_pair"
        combinations.append(
            question_row(rng, rng.choice(PAIR_QUESTIONS), ordered, family, "unseen_combination")
        )
    ranked = [(i / len(rows), row) for rows in (phrasings, combinations) for i, row in enumerate(rows)]
    return [row for _, row in sorted(ranked, key=lambda entry: entry[0])]


def compose_seen_questions() -> list[dict[str, Any]]:
    """Return questions in the wordings of conversations, equally many of each family, and openers.

    They are always the same. What a model was trained to answer it should answer, in every family.
    """
    rng = random.Random("miniworld seen questions")
    rows = [
        question_row(rng, rng.choice(load_families()[name].questions), fact, name, "seen_phrasing")
        for name, facts in facts_by_family().items()
        for fact in rng.choices(facts, k=SEEN_PHRASINGS_PER_FAMILY)
    ]
    for intent in load_intents().values():
        question, answer = draw_opener(rng, intent)
        rows.append({"question": question, "answers": [answer], "family": "opener", "kind": "seen_phrasing"})
    return rows


def question_row(
    rng: random.Random, template: str, fact: Fact | Pair, family: str, kind: str
) -> dict[str, Any]:
    """Return a row of the questions file."""
    text, answers = fill(rng, template, fact.slots), [capitalize(answer) for answer in fact.answers]
    return {"question": text, "answers": answers, "family": family, "kind": kind}


def choose_unseen_phrasings(rng: random.Random) -> Iterator[tuple[Fact, str]]:
    """Yield facts with a held-out wording each: an equal share of every family, or all that it has."""
    count = -(-UNSEEN_PHRASINGS // len(load_families()))
    for family in load_families().values():
        candidates = facts_by_family()[family.name]
        for i, fact in enumerate(rng.sample(candidates, min(count, len(candidates)))):
            yield fact, family.unseen_questions[i % len(family.unseen_questions)]
