"""Conversations for instruction tuning, and evaluation questions that are held out of them.

A question of the kind `unseen_phrasing` asks for a fact in a wording that no document and no conversation
uses. One of the kind `unseen_combination` asks for two facts that they never ask for together.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from pipeline.miniworld import nature, people, world
from pipeline.miniworld.entries import FAMILIES_NAMING_OTHERS
from pipeline.miniworld.facts import (
    PAIR_QUESTIONS,
    Fact,
    Pair,
    list_facts,
    list_open_pairs,
    list_pairs,
    load_families,
)
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, fill
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import name, numeral

Conversation = dict[str, list[dict[str, str]]]
Turns = list[str]  # of user and assistant, one after the other
ComposeStory = Callable[[random.Random], ComposedText]

# Conversations of each kind in a block of a hundred. Every block has the same kinds in another order.
KIND_SHARES = {
    "various": 25, "subject": 18, "family": 17, "pairs": 20,
    "persona": 4, "silence": 5, "chat": 5, "reading": 4, "story": 2,
}  # fmt: skip
BLOCK_SIZE = sum(KIND_SHARES.values())
SYSTEM_SHARE = 0.1
GREETING_SHARE = 0.12
THANKS_SHARE = 0.1
ELLIPSIS_SHARE = 0.6  # of the questions of the same family as the last one are "Peki ya {x}?"
FOLLOW_UP_SHARE = 0.8  # of the questions about the same subject as the last one leave its name out
FACTS_PER_CONVERSATION = 4  # of one subject or one family, at most
VARIOUS_FACTS_PER_CONVERSATION = 3  # of the kind "various"
PAIRS_PER_CONVERSATION = 2
UNSEEN_PHRASINGS = 250
UNSEEN_COMBINATIONS = 150

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
    ("Sağ ol.", "Rica ederim, yine beklerim."),
    ("Çok teşekkürler!", "Bir şey değil, iyi günler!"),
    ("Tamam, teşekkürler.", "Rica ederim, başka sorun var mı?"),
)

SELF_DESCRIPTION = "Ben Tezgâh'ta eğitilmiş küçük bir Türkçe dil modeliyim."
PERSONA = (
    ("[Sen kimsin|Kimsin sen|Sen kimsin, söyler misin]?", SELF_DESCRIPTION),
    ("[Kendini tanıtır mısın|Bana kendini tanıt|Kendinden söz eder misin]?", SELF_DESCRIPTION),
    ("[Adın ne|Senin adın ne|Adını söyler misin]?", f"Benim bir adım yok. {SELF_DESCRIPTION}"),
    ("[Sen nesin|Sen bir insan mısın|Sen insan mısın, makine misin]?",
     f"Ben insan değilim. {SELF_DESCRIPTION}"),
    ("[Seni kim yaptı|Seni kim eğitti|Nereden geldin|Nerede eğitildin]?", "Beni Tezgâh'ta eğittiler."),
    ("[Hangi dili konuşuyorsun|Hangi dili biliyorsun|Türkçe biliyor musun]?", "Türkçe konuşuyorum."),
    ("[Neler biliyorsun|Ne yapabilirsin|Bana nasıl yardım edersin]?",
     "İlleri, hayvanları, sayıları ve takvimi bilirim; kısa hikâyeler de anlatırım."),
    ("[Kaç yaşındasın|Yaşın kaç]?", "Ben bir dil modeliyim, yaşım yok."),
    ("[Nerede yaşıyorsun|Evin nerede]?", "Ben bir dil modeliyim, bir bilgisayarda çalışıyorum."),
    ("[Her şeyi biliyor musun|Sen çok akıllı mısın]?", "Hayır, ben küçük bir modelim; her şeyi bilmem."),
    ("[Yemek yer misin|Uyur musun|Acıkır mısın]?", "Hayır, ben insan değilim, bir dil modeliyim."),
)  # fmt: skip

DO_NOT_KNOW = ("Bunu bilmiyorum.", "Bunu bilmiyorum.", "Bu konuda bilgim yok.")
UNANSWERABLE = (
    "[{fullname.gen}|{friend.gen}] telefon numarası [kaç|nedir]?",
    "[{fullname}|{friend}] dün akşam [ne yedi|kimi aradı|nereye gitti]?",
    "[{fullname.gen}|{friend.gen}] [ayakkabı numarası kaç|doğum günü ne zaman|en iyi arkadaşı kim]?",
    "[{friend}|{fullname}] şu anda [ne düşünüyor|nerede|ne yapıyor]?",
    "[{land.gen} başkenti neresi|{land} hangi kıtada|{land.gen} kaç ili var]?",
    "[Yarın|Gelecek hafta|Bu akşam] {place.loc} hava nasıl olacak?",
    "[Yarın|Gelecek hafta] {place.loc} [yağmur yağacak mı|kar yağacak mı]?",
    "[Gelecek hafta piyangoda|Yarınki çekilişte] hangi [numara|sayı] çıkacak?",
    "[{over} hangi ilin plaka kodu|{over} plakası nerenin|{over} plakası hangi ile aittir]?",
    "{place.loc} [bu sabah|dün] kaç kişi [ekmek aldı|otobüse bindi|çay içti]?",
    "[Cebimde|Çantamda|Evimde] kaç {thing} var, biliyor musun?",
    "[Babamın|Annemin|Dedemin] kaybettiği {thing} nerede?",
    "[Yarınki|Bu akşamki] maçı [kim kazanacak|hangi takım kazanır]?",
    "{character.gen} [doğum günü ne zaman|telefon numarası kaç|annesinin adı ne]?",
    "[Dün gece rüyamda ne gördüm|Şu anda elimde ne var|Bugün ne giydim], söyler misin?",
)
LANDS_TABLE = "Fransa Japonya Almanya Kanada Brezilya Norveç Peru Kenya Hindistan İtalya"
LANDS = tuple(map(name, LANDS_TABLE.split()))

CHATS = (
    ("[Merhaba|Selam]!", "[Merhaba|Selam]! Sana nasıl yardım edebilirim?"),
    ("Günaydın!", "Günaydın! [Bugün ne konuşalım?|Güzel bir gün dilerim.]"),
    ("[İyi akşamlar|İyi günler]!", "[Hoş geldin|Merhaba]! Ne sormak istersin?"),
    ("Nasılsın?", "İyiyim, teşekkür ederim. Sen nasılsın?", "Ben de iyiyim.", "Buna sevindim."),
    ("Merhaba, benim adım {name}.", "Merhaba {name}, memnun oldum.", "Adım neydi?", "Adın {name}."),
    ("Adım {name}, {place.loc} yaşıyorum.", "Memnun oldum, {name}.", "Ben nerede yaşıyorum?", "{place.loc}"),
    ("Yarın {place.dat} gidiyorum.", "Ne güzel! {sight.acc} görmeyi unutma.", "Olur.", "İyi yolculuklar!"),
    ("Yarın {place.dat} gideceğim. Yarın nereye gideceğim?", "{place.dat}"),
    ("Canım sıkılıyor.", "İstersen sana bir hikâye anlatayım."),
    ("Teşekkür ederim, çok yardımcı oldun.", "Rica ederim, [her zaman sorabilirsin|yine beklerim]."),
    ("İyi geceler.", "İyi geceler, [tatlı rüyalar|iyi uykular]!"),
    ("[Hoşça kal|Görüşürüz]!", "[Güle güle|Görüşürüz]!"),
    ("Bugün {colour} bir {thing} aldım.", "[Güle güle kullan|Hayırlı olsun]!",
     "Bugün ne aldım?", "{colour} bir {thing}"),
    ("{friend} bana küstü, ne yapayım?", "{friend.ins} açıkça konuş ve onu dinle."),
    ("Yarın sınavım var, korkuyorum.", "Korkma. Bu akşam erken yat, yarın sakin ol."),
    ("Hava çok soğuk.", "Sıkı giyin, atkını da unutma."),
    ("{friend.dat} ne hediye alayım?", "{colour} bir {thing} alabilirsin."),
    ("{name} ile {friend} {place.dat} gitti. {place.dat} kim gitti?", "{name} ile {friend}"),
    ("{name} {thing.p3sg.acc} {friend.dat} verdi. Şimdi {thing} kimde?", "{friend.loc}"),
    ("{name} dün {place.abl} geldi. {name} nereden geldi?", "{place.abl}"),
    ("{friend} bir {job.cop}. {friend} ne iş yapar?", "{job}"),
    ("Çok yorgunum.", "Biraz dinlen, sonra bir çay iç."),
    ("{thing.p1sg.acc} kaybettim.", "Üzülme, belki evdedir. Bir daha bak."),
)  # fmt: skip
READING_PROMPTS = (
    "Metni oku ve soruyu yanıtla.", "Şu metne göre cevap ver.", "Bu metni oku.",
    "Aşağıdaki metne göre yanıtla.",
)  # fmt: skip
STORY_PROMPTS = (
    "Bana [kısa bir|bir|güzel bir] hikâye [anlat.|anlatır mısın?|anlatsana!]",
    "[Kısa bir|Bir] hikâye [yaz.|yazar mısın?|anlat.]",
    "[Uyumadan önce|Bu akşam|Şimdi] bir hikâye [dinlemek istiyorum.|dinleyelim mi?]",
)


def compose_conversations(seed: int, count: int, compose_story: ComposeStory) -> Iterator[Conversation]:
    """Yield `count` conversations, {"messages": [{"role", "content"}, …]}, each a function of seed and index.

    `compose_story` returns a story and its questions. Every fact is asked alone equally often, give or
    take one epoch.
    """
    for index in range(count):
        yield compose_conversation(seed, index, compose_story)


def compose_conversation(seed: int, index: int, compose_story: ComposeStory) -> Conversation:
    """Return the conversation of that index."""
    kind, rank = kind_and_rank(seed, index)
    rng = random.Random(f"{seed}:conversation:{index}")
    turns = compose_turns(rng, kind, seed, rank, compose_story)
    messages = (
        [{"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}] if rng.random() < SYSTEM_SHARE else []
    )
    roles = ("user", "assistant")
    messages += [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return {"messages": messages}


def kind_and_rank(seed: int, index: int) -> tuple[str, int]:
    """Return the kind of a conversation, and its rank: the number of conversations of its kind before it."""
    block, position = divmod(index, BLOCK_SIZE)
    order = _shuffle_kinds(seed, block)
    kind = order[position]
    return kind, block * KIND_SHARES[kind] + order[:position].count(kind)


@cache
def _shuffle_kinds(seed: int, block: int) -> list[str]:
    order = [kind for kind, share in KIND_SHARES.items() for _ in range(share)]
    random.Random(f"{seed}:kinds:{block}").shuffle(order)
    return order


def compose_turns(rng: random.Random, kind: str, seed: int, rank: int, compose_story: ComposeStory) -> Turns:
    """Compose the turns of the conversation of a kind that `rank` others of that kind come before."""
    match kind:
        case "persona":
            return [fill(rng, turn, {}) for turn in rng.choice(PERSONA)]
        case "chat":
            slots = draw_slots(rng)
            return [fill(rng, turn, slots) for turn in rng.choice(CHATS)]
        case "silence":
            return [fill(rng, rng.choice(UNANSWERABLE), draw_slots(rng)), rng.choice(DO_NOT_KNOW)]
        case "reading":
            return compose_reading(rng, compose_story(rng))
        case "story":
            return [fill(rng, rng.choice(STORY_PROMPTS), {}), "\n".join(compose_story(rng).paragraphs)]
        case "pairs":
            exchanges = [
                ask_and_answer(rng, rng.choice(PAIR_QUESTIONS), pair) for pair in select_pairs(seed, rank)
            ]
        case _:
            exchanges = [
                ask_and_answer(rng, *question)
                for question in choose_templates(rng, kind, select_facts(seed, kind, rank))
            ]
    return add_pleasantries(rng, [turn for exchange in exchanges for turn in exchange])


def ask_and_answer(rng: random.Random, template: str, fact: Fact | Pair) -> Turns:
    """Return a question and its answer as two turns."""
    return [fill(rng, template, fact.slots), capitalize(fact.answers[0])]


def choose_templates(rng: random.Random, kind: str, facts: Sequence[Fact]) -> Iterator[tuple[str, Fact]]:
    """Yield a question template with each of `facts`: in full, or shortened after the one before."""
    previous: Fact | None = None
    for fact in facts:
        family = load_families()[fact.family]
        template = rng.choice(family.questions)
        if (
            previous
            and kind == "family"
            and rng.random() < ELLIPSIS_SHARE
            and is_same_question(previous, fact)
        ):
            template = "Peki ya {x}?"
        elif (
            previous and kind == "subject" and rng.random() < FOLLOW_UP_SHARE and is_follow_up_clear(previous)
        ):
            template = family.follow_up or template
        yield template, fact
        previous = fact


def is_same_question(previous: Fact, fact: Fact) -> bool:
    """Return whether "Peki ya …?" asks for the same of both: not of a lake and a river, a dog and a cat."""
    return all(previous.slots.get(slot) == fact.slots.get(slot) for slot in ("kind", "pet"))


def is_follow_up_clear(fact: Fact) -> bool:
    """Return whether a follow-up can leave out the subject: `fact` names no other of its kind."""
    return bool(load_families()[fact.family].follow_up) and fact.family not in FAMILIES_NAMING_OTHERS


def add_pleasantries(rng: random.Random, turns: Turns) -> Turns:
    """Add a greeting before some first questions, and thanks at the end of some conversations."""
    if rng.random() < GREETING_SHARE:
        turns = [f"{rng.choice(GREETINGS)} {turns[0]}", *turns[1:]]
    return [*turns, *rng.choice(THANKS)] if rng.random() < THANKS_SHARE else turns


def compose_reading(rng: random.Random, story: ComposedText) -> Turns:
    """Compose the turns of a story to read and one or two questions about it."""
    turns: Turns = []
    for question, answer in rng.sample(story.qa_pairs, rng.randint(1, len(story.qa_pairs))):
        text = "\n".join((rng.choice(READING_PROMPTS), *story.paragraphs, f"Soru: {question}"))
        turns += [question if turns else text, answer]
    return turns


def draw_slots(rng: random.Random) -> Slots:
    """Draw the people, the place and the things to talk about."""
    province, season = rng.choice(world.list_provinces()), rng.choice(list(world.SEASONS))
    slots = people.draw_cast(
        rng, province, rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES), season
    )
    return {
        **slots,
        "land": rng.choice(LANDS),
        "over": numeral(str(rng.randint(len(world.list_provinces()) + 1, 99))),
        "character": rng.choice(nature.list_characters()).name,
    }


def select_facts(seed: int, kind: str, rank: int) -> list[Fact]:
    """Return the facts of conversation `rank` of its kind. An epoch asks every fact once."""
    epoch, position = divmod(rank, len(shuffle_facts(seed, kind, 0)))
    return shuffle_facts(seed, kind, epoch)[position]


@cache
def shuffle_facts(seed: int, kind: str, epoch: int) -> list[list[Fact]]:
    """Return all facts in an epoch's own order, a chunk per conversation: mixed, by subject or by family."""
    rng = random.Random(f"{seed}:{kind}:{epoch}")
    groups: dict[str, list[Fact]] = defaultdict(list)
    facts = list_facts()
    for fact in rng.sample(facts, len(facts)):
        groups[{"subject": fact.subject, "family": fact.family}.get(kind, "")].append(fact)
    size = VARIOUS_FACTS_PER_CONVERSATION if kind == "various" else FACTS_PER_CONVERSATION
    chunks = [chunk for key in sorted(groups) for chunk in split_evenly(groups[key], size)]
    rng.shuffle(chunks)
    return chunks


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
        candidates = [fact for fact in list_facts() if fact.family == family.name]
        for i, fact in enumerate(rng.sample(candidates, min(count, len(candidates)))):
            yield fact, family.unseen_questions[i % len(family.unseen_questions)]
