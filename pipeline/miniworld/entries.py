"""Encyclopedia entries: true statements about one subject, or about a few of a kind."""

import random
from collections.abc import Mapping

from pipeline.miniworld import facts
from pipeline.miniworld.facts import Fact, load_families
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, name, noun

SHARED_PARAGRAPH_KINDS = (
    "number",
    "fruit",
    "day",
    "clock",
    "food",
    "holiday",
)  # kinds whose subjects share a paragraph
# Entries about each kind in a hundred.
KIND_WEIGHTS = {
    "province": 38, "animal": 16, "character": 11, "number": 12, "month": 8, "fruit": 3, "day": 6, "clock": 2,
    "food": 3, "holiday": 1,
}  # fmt: skip
MIN_WORDS = 40
MAX_STATEMENTS = 7  # about one subject
FRAME_SHARE = 0.85  # of the entries are told as read by someone
PRONOUN_SHARE = 0.4  # of the statements after the first: "bu il" instead of its name
LINK_SHARE = 0.3

PRONOUNS = {
    "province": noun("bu il"),
    "animal": noun("bu hayvan"),
    "fruit": noun("bu ürün"),
}
# After facts that name others of the same kind "bu il" could be one of those.
FAMILIES_NAMING_OTHERS = ("neighbour", "animal_food")
# Families stated first, for they tell the most, and last, for they add to another fact.
LEADING_FAMILIES = ("region", "job", "character_home", "animal_home", "month_season", "fruit_season")
TRAILING_FAMILIES = ("sea", "pet_name")

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


def compose(rng: random.Random, slots: Slots) -> ComposedText:
    """Compose an entry: a heading or who read it, statements about one subject or more, an end.

    `slots` are those of people.draw_cast. A province's entry is about {place}, and {other} if it is short.
    """
    kind = rng.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    subjects = shuffle_subjects(rng, kind, slots)
    in_frame = rng.random() < FRAME_SHARE
    opening_slots = {**slots, "x": facts.find_facts(subjects[0])[0].slots["x"]}
    opening = fill(rng, rng.choice(FRAMES if in_frame else OPENINGS[kind]), opening_slots)
    paragraphs: list[str] = []
    min_words = rng.randint(MIN_WORDS, MIN_WORDS + 20)
    while sum(len(paragraph.split()) for paragraph in paragraphs) < min_words and len(subjects) > 1:
        paragraphs.append(compose_statements(rng, kind, subjects.pop(0)))
    if kind in SHARED_PARAGRAPH_KINDS:
        paragraphs = [" ".join(paragraphs)]
    elif rng.random() < LINK_SHARE:
        paragraphs[-1] += " " + compose_link(rng, subjects[0])
    closing = [fill(rng, rng.choice(CLOSINGS), slots)] if in_frame else []
    return ComposedText((opening, *paragraphs, *closing))


def shuffle_subjects(rng: random.Random, kind: str, slots: Slots) -> list[str]:
    """Return the subjects of a kind in a random order, the slots' provinces first."""
    subjects = list(facts.list_subjects(kind))
    rng.shuffle(subjects)
    first = (slots["place"], slots["other"]) if kind == "province" else ()
    return [*first, *(subject for subject in subjects if subject not in first)]


def compose_statements(rng: random.Random, kind: str, subject: str) -> str:
    """Compose statements of a few facts about a subject. The first sentence names it."""
    redundant_family = rng.choice(("plate", "plate_owner"))  # one of the two says it
    candidates = [fact for fact in facts.find_facts(subject) if fact.family != redundant_family]
    chosen = rng.sample(candidates, min(len(candidates), rng.randint(MAX_STATEMENTS - 3, MAX_STATEMENTS)))
    chosen.sort(key=lambda fact: (fact.family not in LEADING_FAMILIES, fact.family in TRAILING_FAMILIES))
    sentences: list[str] = []
    previous = ""
    for fact in chosen:
        slots = fact.slots
        if sentences and previous not in FAMILIES_NAMING_OTHERS and rng.random() < PRONOUN_SHARE:
            slots = {**slots, **rename_subject(kind, fact)}
        sentences.append(facts.state_fact(rng, fact, slots))
        previous = fact.family
    return " ".join(sentences)


def rename_subject(kind: str, fact: Fact) -> Mapping[str, Form]:
    """Return slots with another name for the subject just named, if it has one: "bu il", or a first name."""
    if not load_families()[fact.family].follow_ups:
        return {}
    if kind == "character":
        return {"x": name(fact.subject.split()[0])}
    return {"x": PRONOUNS[kind]} if kind in PRONOUNS else {}


def compose_link(rng: random.Random, subject: str) -> str:
    """Compose a sentence that turns to another subject, and a fact about that one."""
    fact = rng.choice([fact for fact in facts.find_facts(subject) if load_families()[fact.family].follow_ups])
    transition = fill(rng, rng.choice(LINKS), fact.slots)
    return f"{transition} {facts.state_fact(rng, fact)}"
