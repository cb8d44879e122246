"""Conversations to learn answering from, and questions that were kept out of them.

A question of the kind `unseen_phrasing` asks for a fact in words that neither documents nor conversations
use, one of the kind `unseen_combination` for two facts that these never ask at once.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from pipeline.miniworld import nature, people, world
from pipeline.miniworld.entries import NAME_OTHERS
from pipeline.miniworld.facts import FACTS, FAMILIES, OPEN_PAIRS, PAIR_ASKS, PAIRS, Fact, Pair
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, fill
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import name, numeral

Messages = dict[str, list[dict[str, str]]]
Turns = list[str]  # of user and assistant, one after the other
Tell = Callable[[random.Random], Told]

# How many of each hundred conversations, which are the same hundred in another order, are of a kind.
SHARES = {
    "various": 25, "subject": 18, "family": 17, "pairs": 20,
    "persona": 4, "silence": 5, "chat": 5, "reading": 4, "story": 2,
}  # fmt: skip
HUNDRED = sum(SHARES.values())
SYSTEM_SHARE = 0.1
OPENING_SHARE = 0.12
THANKS_SHARE = 0.1
YA_SHARE = 0.6  # of the questions that repeat the last one's family say "Peki ya {x}?"
FOLLOW_SHARE = 0.8  # of the questions about the last one's subject leave its name out
CHUNK = 4  # facts that one conversation asks of one subject or of one family; of various ones: VARIOUS
VARIOUS = 3
PAIRS_AT_ONCE = 2
PHRASINGS = 250
COMBINATIONS = 150

SYSTEMS = (
    "Sen Türkçe konuşan yardımsever bir asistansın.",
    "Soruları kısa ve doğru yanıtla.",
    "Kısa cevap ver.",
    "Sen küçük bir Türkçe dil modelisin.",
)
OPENINGS = (
    "Merhaba!", "Selam!", "Bir sorum var.", "İyi günler.", "Sana bir şey soracağım.", "Günaydın!",
    "Bir şeyi merak ediyorum.",
)  # fmt: skip
THANKS = (
    ("Teşekkür ederim.", "Rica ederim."),
    ("Sağ ol.", "Rica ederim, yine beklerim."),
    ("Çok teşekkürler!", "Bir şey değil, iyi günler!"),
    ("Tamam, teşekkürler.", "Rica ederim, başka sorun var mı?"),
)

NAME = "Ben Tezgâh'ta eğitilmiş küçük bir Türkçe dil modeliyim."
PERSONA = (
    ("[Sen kimsin|Kimsin sen|Sen kimsin, söyler misin]?", NAME),
    ("[Kendini tanıtır mısın|Bana kendini tanıt|Kendinden söz eder misin]?", NAME),
    ("[Adın ne|Senin adın ne|Adını söyler misin]?", f"Benim bir adım yok. {NAME}"),
    ("[Sen nesin|Sen bir insan mısın|Sen insan mısın, makine misin]?", f"Ben insan değilim. {NAME}"),
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
SILENCE = (
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
FIRST_FREE_PLATE = len(world.PROVINCES) + 1

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
READING = (
    "Metni oku ve soruyu yanıtla.", "Şu metne göre cevap ver.", "Bu metni oku.",
    "Aşağıdaki metne göre yanıtla.",
)  # fmt: skip
STORY = (
    "Bana [kısa bir|bir|güzel bir] hikâye [anlat.|anlatır mısın?|anlatsana!]",
    "[Kısa bir|Bir] hikâye [yaz.|yazar mısın?|anlat.]",
    "[Uyumadan önce|Bu akşam|Şimdi] bir hikâye [dinlemek istiyorum.|dinleyelim mi?]",
)


def conversations(seed: int, count: int, tell: Tell) -> Iterator[Messages]:
    """`count` conversations, {"messages": [{"role", "content"}, …]}, each a function of seed and index.

    `tell` gives a story and what it answers. Every fact is asked alone equally often, but for one round.
    """
    for index in range(count):
        yield conversation(seed, index, tell)


def conversation(seed: int, index: int, tell: Tell) -> Messages:
    """The conversation of that index."""
    kind, rank = place_of(seed, index)
    rng = random.Random(f"{seed}:conversation:{index}")
    turns = turns_of(rng, kind, seed, rank, tell)
    messages = [{"role": "system", "content": rng.choice(SYSTEMS)}] if rng.random() < SYSTEM_SHARE else []
    roles = ("user", "assistant")
    messages += [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]
    return {"messages": messages}


def place_of(seed: int, index: int) -> tuple[str, int]:
    """The kind of a conversation, and how many of its kind come before it."""
    block, place = divmod(index, HUNDRED)
    order = _order(seed, block)
    kind = order[place]
    return kind, block * SHARES[kind] + order[:place].count(kind)


@cache
def _order(seed: int, block: int) -> list[str]:
    order = [kind for kind, share in SHARES.items() for _ in range(share)]
    random.Random(f"{seed}:kinds:{block}").shuffle(order)
    return order


def turns_of(rng: random.Random, kind: str, seed: int, rank: int, tell: Tell) -> Turns:
    """What is said in the conversation of a kind that `rank` others of that kind come before."""
    match kind:
        case "persona":
            return [fill(rng, turn, {}) for turn in rng.choice(PERSONA)]
        case "chat":
            slots = cast(rng)
            return [fill(rng, turn, slots) for turn in rng.choice(CHATS)]
        case "silence":
            return [fill(rng, rng.choice(SILENCE), cast(rng)), rng.choice(DO_NOT_KNOW)]
        case "reading":
            return reading(rng, tell(rng))
        case "story":
            return [fill(rng, rng.choice(STORY), {}), "\n".join(tell(rng).paragraphs)]
        case "pairs":
            asked = [exchange(rng, rng.choice(PAIR_ASKS), pair) for pair in pair_hand(seed, rank)]
        case _:
            asked = [exchange(rng, *question) for question in worded(rng, kind, fact_hand(seed, kind, rank))]
    return polite(rng, [turn for turns in asked for turn in turns])


def exchange(rng: random.Random, template: str, asked: Fact | Pair) -> Turns:
    """A question and its answer."""
    return [fill(rng, template, asked.slots), capitalize(asked.answers[0])]


def worded(rng: random.Random, kind: str, hand: Sequence[Fact]) -> Iterator[tuple[str, Fact]]:
    """How each fact is asked for after the one before it: in full, or as shortly as one would."""
    before: Fact | None = None
    for fact in hand:
        family = FAMILIES[fact.family]
        template = rng.choice(family.asks)
        if before and kind == "family" and rng.random() < YA_SHARE and alike(before, fact):
            template = "Peki ya {x}?"
        elif before and kind == "subject" and rng.random() < FOLLOW_SHARE and names_alone(before):
            template = family.follow or template
        yield template, fact
        before = fact


def alike(before: Fact, fact: Fact) -> bool:
    """Whether "Peki ya …?" asks for the same: a lake and a river, or a dog's name and a cat's, are not."""
    return all(before.slots.get(slot) == fact.slots.get(slot) for slot in ("kind", "pet"))


def names_alone(fact: Fact) -> bool:
    """Whether a question about the fact and its answer name its subject and none like it."""
    return bool(FAMILIES[fact.family].follow) and fact.family not in NAME_OTHERS


def polite(rng: random.Random, turns: Turns) -> Turns:
    """Sometimes a greeting before the first question, sometimes thanks at the end."""
    if rng.random() < OPENING_SHARE:
        turns = [f"{rng.choice(OPENINGS)} {turns[0]}", *turns[1:]]
    return [*turns, *rng.choice(THANKS)] if rng.random() < THANKS_SHARE else turns


def reading(rng: random.Random, told: Told) -> Turns:
    """A story read, and one or two questions about it."""
    turns: Turns = []
    for question, answer in rng.sample(told.asks, rng.randint(1, len(told.asks))):
        text = "\n".join((rng.choice(READING), *told.paragraphs, f"Soru: {question}"))
        turns += [question if turns else text, answer]
    return turns


def cast(rng: random.Random) -> Slots:
    """People, a place and things to talk about."""
    province, season = rng.choice(world.PROVINCES), rng.choice(list(world.SEASONS))
    slots = people.cast(rng, province, rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES), season)
    return {
        **slots,
        "land": rng.choice(LANDS),
        "over": numeral(str(rng.randint(FIRST_FREE_PLATE, 99))),
        "character": rng.choice(nature.CHARACTERS).name,
    }


def fact_hand(seed: int, kind: str, rank: int) -> list[Fact]:
    """The facts of the conversation number `rank` of its kind: round after round, every fact once in each."""
    round_, place = divmod(rank, len(fact_deck(seed, kind, 0)))
    return fact_deck(seed, kind, round_)[place]


@cache
def fact_deck(seed: int, kind: str, round_: int) -> list[list[Fact]]:
    """All facts in another order, dealt to conversations: mixed, or by subject, or by family."""
    rng = random.Random(f"{seed}:{kind}:{round_}")
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in rng.sample(FACTS, len(FACTS)):
        groups[{"subject": fact.subject, "family": fact.family}.get(kind, "")].append(fact)
    size = VARIOUS if kind == "various" else CHUNK
    hands = [hand for key in sorted(groups) for hand in dealt(groups[key], size)]
    rng.shuffle(hands)
    return hands


def dealt(facts: Sequence[Fact], size: int) -> list[list[Fact]]:
    """The facts in as few hands of at most `size` as there can be, and these about equally large."""
    count = -(-len(facts) // size)
    return [list(facts[start::count]) for start in range(count)]


def pair_hand(seed: int, rank: int) -> list[Pair]:
    """The pairs of the conversation number `rank` of those that ask for two facts at once."""
    round_, place = divmod(rank * PAIRS_AT_ONCE, len(OPEN_PAIRS))
    return (pair_deck(seed, round_) + pair_deck(seed, round_ + 1))[place : place + PAIRS_AT_ONCE]


@cache
def pair_deck(seed: int, round_: int) -> list[Pair]:
    """All pairs that are asked at once in another order, each with its facts in either order."""
    rng = random.Random(f"{seed}:pairs:{round_}")
    return [rng.choice((pair, pair.turned())) for pair in rng.sample(OPEN_PAIRS, len(OPEN_PAIRS))]


def questions() -> list[dict[str, Any]]:
    """The held-out questions: question, answers, family, kind. Always the same, families and kinds mixed."""
    rng = random.Random("miniworld questions")
    phrasings = [
        question(rng, template, fact, fact.family, "unseen_phrasing")
        for fact, template in unseen_phrasings(rng)
    ]
    rng.shuffle(phrasings)
    pairs = rng.sample([pair for pair in PAIRS if pair.held_out], COMBINATIONS)
    combinations = []
    for pair in pairs:
        asked = rng.choice((pair, pair.turned()))
        family = f"{FAMILIES[pair.first.family].kind}_pair"
        combinations.append(question(rng, rng.choice(PAIR_ASKS), asked, family, "unseen_combination"))
    placed = [
        (place / len(rows), row) for rows in (phrasings, combinations) for place, row in enumerate(rows)
    ]
    return [row for _, row in sorted(placed, key=lambda each: each[0])]


def question(rng: random.Random, template: str, asked: Fact | Pair, family: str, kind: str) -> dict[str, Any]:
    """A row of the questions."""
    text, answers = fill(rng, template, asked.slots), [capitalize(answer) for answer in asked.answers]
    return {"question": text, "answers": answers, "family": family, "kind": kind}


def unseen_phrasings(rng: random.Random) -> Iterator[tuple[Fact, str]]:
    """As many facts of every family as there are, up to an equal share, each with a held-out wording."""
    each = -(-PHRASINGS // len(FAMILIES))
    for family in FAMILIES.values():
        known = [fact for fact in FACTS if fact.family == family.name]
        for place, fact in enumerate(rng.sample(known, min(each, len(known)))):
            yield fact, family.unseen[place % len(family.unseen)]
