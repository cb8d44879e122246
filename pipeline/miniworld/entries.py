"""Encyclopaedia entries: true statements about one subject, or about a few of a kind."""

import random
from collections.abc import Mapping

from pipeline.miniworld import facts
from pipeline.miniworld.facts import FAMILIES, Fact
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, name, noun

SMALL = ("number", "fruit", "day", "clock", "food", "holiday")  # kinds whose subjects share a paragraph
# How many of a hundred entries are about a kind.
KINDS = {
    "province": 41, "animal": 15, "character": 11, "number": 14, "month": 6, "fruit": 3, "day": 4, "clock": 2,
    "food": 3, "holiday": 1,
}  # fmt: skip
FEWEST_WORDS = 40
MOST_STATEMENTS = 7  # about one subject
FRAME_SHARE = 0.85  # of the entries are read by someone
PRONOUN_SHARE = 0.4  # of the statements after the first: "bu il" instead of its name
LINK_SHARE = 0.3

PRONOUNS = {
    "province": noun("bu il"),
    "animal": noun("bu hayvan"),
    "fruit": noun("bu ürün"),
}
# After facts that name others of the same kind "bu il" could be one of those.
NAME_OTHERS = ("neighbour", "animal_food")
# The facts that tell the most come first, and those that tell more of another one last.
FIRST = ("region", "job", "character_home", "animal_home", "month_season", "fruit_season")
LAST = ("sea", "pet_name")

OPENINGS = {
    "province": (
        "{x}", "{x} ili", "{x} hakkında", "{x.acc} tanıyalım", "Bir ilimiz: {x}", "{x} ansiklopedide",
        "Haritada bir il: {x}", "Bugünün ili: {x}",
    ),
    "animal": ("Hayvanlar", "Hayvanları tanıyalım", "Hayvanlar ansiklopedisi", "Hangi hayvan ne yapar?",
               "Hayvanlar hakkında"),
    "character": ("Komşularımız", "İnsanları tanıyalım", "Kim kimdir?", "Bizim insanlarımız",
                  "Tanıdık kişiler"),
    "number": ("Sayılar", "Sayılarla ilgili bilgiler", "Sayılar ve toplamlar", "Matematik defteri"),
    "month": ("Aylar", "Takvim", "Yılın ayları", "Ayları öğrenelim"),
    "fruit": ("Pazarda", "Meyveler ve sebzeler", "Manavın tezgâhı", "Mevsimler ve renkler"),
    "day": ("Haftanın günleri", "Günler", "Takvim", "Günlerin sırası"),
    "clock": ("Saatler", "Saati öğrenelim", "Saat kaç?", "Saatleri okumak"),
    "food": ("Yemekler", "Mutfakta", "Hangi yemek neyle yapılır?", "Aşçının defteri"),
    "holiday": ("Özel günler", "Bayramlar ve özel günler", "Takvim", "Bayram takvimi"),
}  # fmt: skip
FRAMES = (
    "{fullname}, ansiklopediden şunları okudu:",
    "{fullname} {kin.p3sg.dat} kitaptan şu satırları okudu:",
    "{fullname.gen} defterinde şunlar yazıyor:",
    "Bugün {fullname} okulda şunları öğrendi:",
    "{fullname} {place.loc.ki} kütüphanede şunları okudu:",
    "{fullname}, {friend.dat} şunları anlattı:",
    "{friend}, {fullname.dat} ansiklopediden şunları okudu:",
    "{fullname} bu sabah derste şunları dinledi:",
    "Öğretmen, {fullname.dat} şu sayfayı okuttu:",
    "{fullname} ödevine şunları yazdı:",
)
CLOSINGS = (
    "{fullname} bunları {friend2.dat.da} anlattı.",
    "{friend2} bunların hepsini biliyordu, {fullname} ise yeni öğrendi.",
    "{fullname} bunları {friend2.ins.da} konuştu.",
    "{fullname} bunları bir daha unutmadı.",
    "Yarın {fullname} bu bilgileri {place.loc} anlatacak.",
    "{friend2}, {fullname.dat} “Sen her şeyi biliyorsun!” dedi.",
    "{fullname} bunları daha önce {friend2.abl.da} dinlemişti.",
    "Sonra {friend2.da} bunları {fullname.abl} dinledi ve ona teşekkür etti.",
    "{place.loc} bunları en iyi {fullname} bilir.",
    "{fullname} bu bilgileri akşam bir kez daha okudu.",
)
LINKS = (
    "Peki ya {x}?",
    "Bir de {x.dat} bakalım.",
    "Şimdi {x.acc} hatırlayalım.",
    "{x.acc.da} unutmayalım.",
    "{x} hakkında da bir bilgi verelim.",
)


def compose(rng: random.Random, slots: Slots) -> Told:
    """An entry: a heading or who read it, statements about one subject or more, an end.

    `slots` are those of people.cast; a province's entry is about {place}, and about {other} if it is short.
    """
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    subjects = shuffled(rng, kind, slots)
    in_frame = rng.random() < FRAME_SHARE
    about = {**slots, "x": facts.of(subjects[0])[0].slots["x"]}
    opening = fill(rng, rng.choice(FRAMES if in_frame else OPENINGS[kind]), about)
    told: list[str] = []
    fewest = rng.randint(FEWEST_WORDS, FEWEST_WORDS + 20)
    while sum(len(part.split()) for part in told) < fewest and len(subjects) > 1:
        told.append(statements(rng, kind, subjects.pop(0)))
    if kind in SMALL:
        told = [" ".join(told)]
    elif rng.random() < LINK_SHARE:
        told[-1] += " " + link(rng, subjects[0])
    closing = [fill(rng, rng.choice(CLOSINGS), slots)] if in_frame else []
    return Told((opening, *told, *closing))


def shuffled(rng: random.Random, kind: str, slots: Slots) -> list[str]:
    """The subjects of a kind in an order of their own, the slots' provinces first."""
    subjects = list(facts.subjects(kind))
    rng.shuffle(subjects)
    first = (slots["place"], slots["other"]) if kind == "province" else ()
    return [*first, *(subject for subject in subjects if subject not in first)]


def statements(rng: random.Random, kind: str, subject: str) -> str:
    """What is true of a subject, in part; the first sentence names it."""
    said_otherwise = rng.choice(("plate", "plate_owner"))  # one of the two is enough
    known = [fact for fact in facts.of(subject) if fact.family != said_otherwise]
    chosen = rng.sample(known, min(len(known), rng.randint(MOST_STATEMENTS - 3, MOST_STATEMENTS)))
    chosen.sort(key=lambda fact: (fact.family not in FIRST, fact.family in LAST))
    sentences: list[str] = []
    before = ""
    for fact in chosen:
        slots = fact.slots
        if sentences and before not in NAME_OTHERS and rng.random() < PRONOUN_SHARE:
            slots = {**slots, **renamed(kind, fact)}
        sentences.append(facts.said(rng, fact, slots))
        before = fact.family
    return " ".join(sentences)


def renamed(kind: str, fact: Fact) -> Mapping[str, Form]:
    """Another name for the subject just named, where there is one: "bu il", or someone's first name."""
    if not FAMILIES[fact.family].follow:
        return {}
    if kind == "character":
        return {"x": name(fact.subject.split()[0])}
    return {"x": PRONOUNS[kind]} if kind in PRONOUNS else {}


def link(rng: random.Random, subject: str) -> str:
    """A sentence that turns to another subject, and what is true of it."""
    fact = rng.choice([fact for fact in facts.of(subject) if FAMILIES[fact.family].follow])
    turn = fill(rng, rng.choice(LINKS), fact.slots)
    return f"{turn} {facts.said(rng, fact)}"
