"""What the miniworld asks: conversations to learn answering from, and questions that were kept out of them.

Two kinds of question are kept out. `unseen_phrasing`: a wording no conversation uses, about a fact that
conversations do state. `unseen_combination`: a fact family of a province that no conversation states, in
wordings they use for other provinces. Both are answered by the documents.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.miniworld import world
from pipeline.miniworld.grammar import minimal_pairs, segmentations
from pipeline.miniworld.texts import Story, cast, fact_families, facts, fill, place_slots, tell
from pipeline.miniworld.world import Province
from pipeline.turkish.casing import capitalize

__all__ = ["conversations", "minimal_pairs", "questions", "segmentations"]

Message = dict[str, str]


@dataclass(frozen=True)
class Family:
    """How a kind of fact is asked for: in conversations, in held-out wordings, and of a place just named."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    follow: str = ""


FAMILIES = {
    "plate": Family(
        seen=(
            "{place.gen} plaka kodu [kaç|kaçtır|nedir]?",
            "{place} plakası kaç?",
            "Hangi plaka kodu {place} iline aittir?",
        ),
        unseen=(
            "Arabamı {place.loc} tescil ettirsem plakamın ilk iki rakamı ne olur?",
            "{place} ilinin trafik numarasını söyler misin?",
        ),
        follow="Peki plaka kodu [kaç|nedir]?",
    ),
    "plate_owner": Family(
        seen=(
            "{plate} hangi ilin plaka kodudur?",
            "{plate} plaka hangi [ile ait|ilin]?",
            "Plakası {plate} olan il hangisi?",
        ),
        unseen=(
            "Yolda {plate} ile başlayan bir plaka gördüm, bu araç hangi ilden?",
            "Trafik numarası {plate} olan şehir neresi?",
        ),
    ),
    "region": Family(
        seen=(
            "{place} hangi bölgededir?",
            "{place} hangi bölgede [yer alır|bulunur]?",
            "{place} hangi coğrafi bölgemizdedir?",
        ),
        unseen=(
            "{place.dat} giden biri hangi bölgeye varmış olur?",
            "Haritada {place.acc} hangi bölgenin içinde aramalıyım?",
        ),
        follow="Hangi bölgede?",
    ),
    "sea": Family(
        seen=(
            "{place.gen} hangi denize kıyısı var?",
            "{place} hangi denizin kıyısındadır?",
            "{place.loc} hangi denize girilir?",
        ),
        unseen=(
            "{place} sahilinde hangi denizin dalgalarını görürüm?",
            "{place} kıyılarına hangi denizin suları vurur?",
        ),
        follow="Hangi denize kıyısı var?",
    ),
    "coast": Family(
        seen=(
            "{place.gen} denize kıyısı var mı?",
            "{place.loc} deniz var mı?",
            "{place} bir kıyı ili mi?",
        ),
        unseen=(
            "{place} ilinin sınırları denize ulaşır mı?",
            "{place.loc} sahilde yürüyebilir miyim?",
        ),
        follow="Denize kıyısı var mı?",
    ),
    "neighbour": Family(
        seen=(
            "{place.gen} komşularından birini söyle.",
            "{place} hangi ille komşudur?",
            "{place.dat} komşu bir il söyler misin?",
        ),
        unseen=(
            "{place} ile sınırı olan illerden birini sayar mısın?",
            "{place.abl} çıkınca geçebileceğim bitişik bir il hangisi?",
        ),
        follow="Bir komşusunu söyler misin?",
    ),
    "sight": Family(
        seen=(
            "{place.loc} hangi {kind} [tanınır|ünlüdür]?",
            "{place} ilindeki tanınmış {kind} hangisidir?",
            "{place.loc} görülecek {kind} hangisi?",
        ),
        unseen=(
            "{place} gezim için bir {kind} arıyorum, adı ne olabilir?",
            "{place} denince hangi {kind} akla gelir?",
        ),
        follow="Orada hangi {kind} tanınır?",
    ),
    "product": Family(
        seen=(
            "{place} ne ile ünlüdür?",
            "{place.gen} neyi meşhurdur?",
            "{place.abl} ne alınır?",
        ),
        unseen=(
            "{place.dat} giden birinden hediye olarak ne istemeliyim?",
            "Dillere destan {place} ürünü hangisidir?",
        ),
        follow="Neyi meşhur?",
    ),
    "district": Family(
        seen=(
            "{district} hangi ilin ilçesidir?",
            "{district} hangi ile bağlıdır?",
            "{district} nerenin ilçesi?",
        ),
        unseen=(
            "{district} ilçesinde oturan biri hangi ilde yaşar?",
            "Mektubum {district} ilçesine gidecek, zarfa hangi ili yazayım?",
        ),
    ),
}

# Families that give each other away are held out together; each group for every twelfth province.
HELD_GROUPS = (
    ("plate", "plate_owner"), ("region",), ("sea", "coast"), ("neighbour",), ("sight",), ("product",),
    ("district",),
)  # fmt: skip
GROUP_OF = {family: number for number, group in enumerate(HELD_GROUPS) for family in group}

SYSTEMS = (
    "Sen Türkçe konuşan yardımsever bir asistansın.",
    "Soruları kısa ve doğru yanıtla.",
    "Türkiye'nin illerini bilen bir rehbersin.",
)

# User and assistant in turn.
CHATS = (
    ("[Merhaba|Selam]!", "[Merhaba|Selam]! Sana nasıl yardımcı olabilirim?"),
    ("Günaydın!", "Günaydın! [Bugün ne konuşalım?|Güzel bir gün dilerim.]"),
    ("Nasılsın?", "İyiyim, teşekkür ederim. Sen nasılsın?", "Ben de iyiyim.", "Buna sevindim."),
    ("[Sen kimsin|Kendini tanıtır mısın]?",
     "Ben küçük bir Türkçe dil modeliyim. İlleri ve kısa hikâyeleri bilirim."),
    ("Merhaba, benim adım {who}.", "Merhaba {who}, tanıştığımıza memnun oldum.",
     "Adım neydi?", "Adın {who}."),
    ("Yarın {place.dat} gidiyorum.", "Ne güzel! {sight.acc} görmeyi unutma.",
     "Olur, görürüm.", "İyi yolculuklar!"),
    ("Canım sıkılıyor.", "İstersen sana {place.loc} geçen bir hikâye anlatayım."),
    ("Teşekkür ederim, çok yardımcı oldun.", "Rica ederim, [her zaman sorabilirsin|yine beklerim]."),
    ("İyi geceler.", "İyi geceler, [tatlı rüyalar|güzel uykular]!"),
    ("Bugün {colour} bir {thing} aldım.", "[Güle güle kullan|Hayırlı olsun]! En sevdiğin renk bu mu?",
     "Evet, en sevdiğim renk.", "O hâlde {thing} sana çok yakışır."),
    ("{friend} bana küstü, ne yapayım?", "{friend.ins} açıkça konuş ve onu dinle; sonra bir çay için."),
    ("Yarın sınavım var, heyecanlıyım.", "Heyecanlanman doğal. Bu akşam erken yat, yarın sakin ol."),
    ("“{thing}” kelimesinin çoğulu nedir?", "{thing.plu}"),
    ("Hava çok soğuk.", "Sıkı giyin, atkını da unutma."),
    ("{friend.dat} ne hediye alayım?",
     "{colour} bir {thing} alabilirsin; {place.abl} {product} almak da güzel olur."),
    ("{who} ile {friend} {place.dat} gitti. Kim gitti?", "{who} ile {friend}"),
    ("{who} {thing.acc} {friend.dat} verdi. Şimdi {thing} kimde?", "{friend.loc}"),
)  # fmt: skip


def held_out(family: str, province: Province) -> bool:
    """Whether conversations keep silent about this family of facts of this province."""
    return (int(province.plate) + 5 * GROUP_OF[family]) % 12 == 0


def has(family: str, province: Province) -> bool:
    """Whether the question can be asked: "hangi denize" only where there is a coast."""
    return family != "sea" or bool(province.seas)


def free(province: Province) -> bool:
    """Whether nothing about the province is held out."""
    return not any(held_out(family, province) for family in FAMILIES)


FREE = {str(province.name): province for province in world.PROVINCES if free(province)}
STORY_PLACES = [p for p in FREE.values() if any(other in FREE for other in p.neighbours)]


def answers(family: str, province: Province, slots: dict[str, Any]) -> list[str]:
    """Every answer that counts as right, the one to give first. `slots` are those of the question."""
    seas = " ve ".join(province.seas)
    given: dict[str, list[str]] = {
        "plate": [province.plate],
        "plate_owner": [province.name],
        "region": [province.region, province.region.removesuffix(" Bölgesi")],
        "sea": [seas, *(sea for sea in province.seas if sea != seas)],
        "coast": ["Evet" if province.seas else "Hayır"],
        "neighbour": [slots["other"], *(n for n in province.neighbours if n != slots["other"])],
        "sight": [province.sight],
        "product": [province.product, f"{province.name} {province.product.poss}"],
        "district": [province.name],
    }
    return [capitalize(str(answer)) for answer in given[family]]


def ask(
    rng: random.Random, family: str, province: Province, templates: tuple[str, ...]
) -> tuple[str, list[str]]:
    """A question in one of the wordings, and its answers."""
    slots = place_slots(rng, province, world.BY_NAME[rng.choice(province.neighbours)])
    return fill(rng, rng.choice(templates), slots), answers(family, province, slots)


def questions() -> list[dict[str, Any]]:
    """The held-out questions: question, answers, family, kind. Always the same, families mixed."""
    rng = random.Random("miniworld questions")
    rows = []
    for family, wording in FAMILIES.items():
        provinces = [province for province in world.PROVINCES if has(family, province)]
        known = [province for province in provinces if not held_out(family, province)]
        kinds = [
            ("unseen_phrasing", rng.sample(known, min(22, len(known))), wording.unseen),
            ("unseen_combination", [p for p in provinces if held_out(family, p)] * 2, wording.seen),
        ]
        for kind, chosen, templates in kinds:
            for province in chosen:
                question, right = ask(rng, family, province, templates)
                rows.append({"question": question, "answers": right, "family": family, "kind": kind})
    distinct = list({row["question"]: row for row in rows}.values())
    rng.shuffle(distinct)
    return distinct


def conversations(seed: int, count: int) -> Iterator[dict[str, list[Message]]]:
    """`count` conversations, {"messages": [{"role", "content"}, …]}, each a function of seed and index."""
    kinds = (one_fact, several_facts, portrait, reading, story, chat)
    for index in range(count):
        rng = random.Random(f"{seed}:conversation:{index}")
        turns = rng.choices(kinds, weights=(40, 22, 10, 14, 5, 9))[0](rng)
        messages = [{"role": "system", "content": rng.choice(SYSTEMS)}] if rng.random() < 0.15 else []
        roles = ("user", "assistant")
        messages += [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]
        yield {"messages": messages}


def open_pair(rng: random.Random, province: Province | None = None) -> tuple[str, Province]:
    """A family and a province (the one given, or any) that conversations may speak of."""
    while True:
        family, place = rng.choice(list(FAMILIES)), province or rng.choice(world.PROVINCES)
        if has(family, place) and not held_out(family, place):
            return family, place


def one_fact(rng: random.Random) -> list[str]:
    """One question about one fact, answered shortly."""
    family, province = open_pair(rng)
    question, right = ask(rng, family, province, FAMILIES[family].seen)
    opening = rng.choice(("", "", "", "Merhaba! ", "Bir sorum var. "))
    return [opening + question, right[0]]


def several_facts(rng: random.Random) -> list[str]:
    """A province asked about again and again, or the same asked of another province."""
    family, province = open_pair(rng)
    question, right = ask(rng, family, province, FAMILIES[family].seen)
    turns = [question, right[0]]
    asked = {GROUP_OF[family]}
    for _ in range(rng.randint(1, 3)):
        following, _ = open_pair(rng, province)
        if GROUP_OF[following] not in asked and FAMILIES[following].follow:
            asked.add(GROUP_OF[following])
            question, right = ask(rng, following, province, (FAMILIES[following].follow,))
            turns += [question, right[0]]
    if len(turns) == 2 and family not in ("plate_owner", "district"):
        another = rng.choice([p for p in world.PROVINCES if has(family, p) and not held_out(family, p)])
        if another.kind == province.kind or family != "sight":
            question, right = ask(rng, family, another, ("Peki ya {place}?",))
            turns += [question, right[0]]
    if rng.random() < 0.2:
        turns += ["Teşekkür ederim.", rng.choice(("Rica ederim.", "Rica ederim, iyi günler!"))]
    return turns


def portrait(rng: random.Random) -> list[str]:
    """A province described in three or four sentences."""
    province = rng.choice(world.PROVINCES)
    slots = place_slots(rng, province, world.BY_NAME[rng.choice(province.neighbours)])
    families = [family for family in fact_families(province) if not held_out(family, province)]
    wordings = (
        "Bana {place.acc} [anlat|tanıt].",
        "{place} hakkında [kısa bilgi verir misin?|ne biliyorsun?]",
    )
    return [fill(rng, rng.choice(wordings), slots), " ".join(facts(rng, slots, rng.choice((3, 4)), families))]


def reading(rng: random.Random) -> list[str]:
    """A story read, and one or two questions about it."""
    told = short_story(rng)
    asks = rng.sample(told.asks, rng.randint(1, len(told.asks)))
    opening = rng.choice(("Metni oku ve soruyu yanıtla.", "Şu metne göre cevap ver."))
    turns = []
    for place, (question, answer) in enumerate(asks):
        text = "\n".join((opening, *told.paragraphs, f"Soru: {question}"))
        turns += [question if place else text, answer]
    return turns


def story(rng: random.Random) -> list[str]:
    """A story asked for and told."""
    told = short_story(rng)
    wordings = ("Bana [kısa bir hikâye|bir hikâye] anlatır mısın?", "[Kısa bir metin|Bir hikâye] yaz.")
    return [fill(rng, rng.choice(wordings), {}), "\n".join(told.paragraphs)]


def short_story(rng: random.Random) -> Story:
    """A story without its facts, in places of which nothing is held out."""
    province = rng.choice(STORY_PLACES)
    others = [other for other in province.neighbours if other in FREE]
    first, surname = rng.choice(world.FIRST_NAMES), rng.choice(world.SURNAMES)
    return tell(rng, province, first, surname, with_facts=False, others=others)


def chat(rng: random.Random) -> list[str]:
    """Small talk."""
    province = rng.choice(STORY_PLACES)
    others = [other for other in province.neighbours if other in FREE]
    slots = cast(rng, province, rng.choice(world.FIRST_NAMES), rng.choice(world.SURNAMES), "yaz", others)
    return [fill(rng, turn, slots) for turn in rng.choice(CHATS)]
