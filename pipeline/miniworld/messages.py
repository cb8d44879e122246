"""Short messages between friends, whose sentences say who did what, whose things are where.

They begin without an introduction, and say in every person what chats ask for.
"""

import random

from pipeline.miniworld import people, world
from pipeline.miniworld.chats import (
    NEVER_ADVERBS,
    POSSESSIVE_TAGS,
    SUBJECTS,
    SentenceNouns,
    draw_action,
    draw_nouns,
    draw_scene,
    draw_time,
    question_tags,
)
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, noun

MIN_SENTENCES, MAX_SENTENCES = 7, 9  # sentences
VOCATIVE_SHARE = 0.25
HEADING_SHARE = 0.8

HEADINGS = (
    "{fullname.abl} {friend.dat}:", "{fullname.gen} {friend.dat} mesajı:", "{fullname}, {place}:",
    "{place.abl} {fullname} yazıyor:", "{fullname.abl} bir mesaj:", "Yazan: {fullname}, {place}",
)  # fmt: skip
SIGNATURES = (
    "{fullname}, {place}", "Gönderen: {fullname}, {place}", "{place.abl} selamlar, {fullname}",
    "Yakında görüşürüz, {fullname}", "Cevabını bekleyen {fullname}",
    "Seni {place.loc} bekleyen {fullname}",
    "Herkese selam, {fullname}", "Arkadaşın {fullname}, {place}", "Sevgiler, {fullname}",
    "Hoşça kal, {fullname}", "{place.abl} {fullname}",
)  # fmt: skip

# Persons: who does it, and who does not.
CONTRASTS = (
    ("sg1", "sg2"), ("sg1", "sg3"), ("sg2", "sg1"), ("sg3", "sg1"), ("pl1", "pl2"), ("pl2", "pl1"),
    ("pl1", "sg3"), ("sg3", "pl1"),
)  # fmt: skip
# Remarks added to a statement, by its person.
TAILS = {
    "sg1": ("bunu biliyorsun", "haberin olsun", "şaka yapmıyorum", "bunu unutma", "bunu herkes duydu"),
    "sg2": ("bunu biliyorum", "bana öyle söylediler", "bunu herkes duydu", "çok şaşırdım", "öyle duydum"),
    "sg3": ("haberin olsun", "bunu herkes duydu", "bana öyle söylediler", "çok şaşırdım", "bunu unutma"),
    "pl1": ("bunu biliyorsun", "haberin olsun", "şaka yapmıyorum", "bunu unutma", "bunu herkes duydu"),
    "pl2": ("bunu biliyorum", "bana öyle söylediler", "bunu herkes duydu", "çok şaşırdım", "öyle duydum"),
}
POSSESSIONS = (*people.THINGS, *map(noun, ["kitap", "çorap", "bardak", "gözlük", "bıçak", "tabak"]))
THINGS = (
    *POSSESSIONS,
    *map(noun, ["dolap", "ağaç", "ekmek", "köpek", "sokak", "çiçek", "mutfak", "balık", "yemek"]),
)
POSSESSION_FRAMES = (
    "{owner} {thing} hâlâ {place.loc} duruyor.", "{owner} {thing} {place.loc} kaldı, üzgünüm.",
    "{owner} {thing} {place.loc} kaybolmuş.", "{owner} {thing} {place.loc} bulundu, ne güzel!",
    "{owner} {thing} dün {place.loc} çalındı.", "{owner} {thing} {place.loc} değil, evde.",
    "{owner} {thing} çok eskidi, {place.loc} yenisi var.", "{owner} {thing} nerede, {place.loc.ask}?",
)  # fmt: skip
# Frames of someone's thing, of a sight, of a thing and of a place in every case.
OWNED_FRAMES = (
    "{who} {own.acc} bana verdi.", "{who} {own.acc} {place.loc} unutmuş.", "{who} {own.acc} arıyor.",
    "{who} {own.dat} bakıp güldü.", "{who} {own.dat} kimseyi dokundurmuyor.", "{who} {own.dat} çok alıştı.",
    "{who} {own.loc} bir leke görmüş.", "{who.gen} {own.loc} bir çizik var.",
    "{who} {own.abl} hiç ayrılmıyor.", "{who} {own.abl} memnun değil.", "{who} {own.abl} söz etmedi.",
)  # fmt: skip
SIGHT_FRAMES = (
    "Biz {sight.acc} çok beğendik.", "{who} {sight.acc} hiç unutmadı.", "Ben {sight.acc} ilk kez gördüm.",
    "{who} {sight.dat} gitmek istiyor.", "Yarın {sight.dat} gidiyoruz.", "{who} {sight.dat} hayran kaldı.",
    "Dün {sight.loc} gezdik.", "{who} {sight.loc} fotoğraf çekti.", "Kardeşim {sight.loc} çok eğlendi.",
    "Akşam {sight.abl} döndük.", "{who} sana {sight.abl} bir taş getirdi.",
    "{who} durmadan {sight.abl} söz ediyor.",
)  # fmt: skip
THING_FRAMES = (
    "{who} dün o {thing.acc} çizdi.", "Ben o {thing.acc} hiç unutmadım.", "{who} bana {thing.acc} gösterdi.",
    "{who} bana bir {thing.gen} fotoğrafını yolladı.", "Gördüğün {thing.gen} rengi çok güzeldi.",
    "{who} o {thing.dat} bakıp güldü.", "Biz o {thing.dat} çok güldük.",
    "{who} {thing.loc} bir leke görmüş.", "O {thing.loc} hiçbir kusur yok.",
    "{who} {thing.abl} söz etmedi.", "Sana sonra o {thing.abl} söz edeceğim.",
)  # fmt: skip
PLACE_FRAMES = (
    "{who} {place.acc} çok özlemiş.", "{who} bize {place.acc} uzun uzun övdü.", "{place.dat} selam söyle!",
    "{who} {place.dat} ilk kez gitti.", "{place.gen} havası çok güzel.", "{place.gen} sokaklarını özledim.",
    "{place.loc} bugün yağmur var.", "{who} {place.loc} ev arıyor.", "{place.abl} sana bir kart attım.",
    "{who} {place.abl} haber getirdi.",
)  # fmt: skip


def select_subject(person: str, third_person: Form) -> Form:
    """Return the subject of a person: ben, siz, …, or `third_person`."""
    return SUBJECTS.get(person, third_person)


def person_tag(person: str) -> str:
    """Return the inflector's tag of a person: none for the third."""
    return "" if person == "sg3" else person


def compose_contrast(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Ben dün Kars'a gittim, Ali gitmedi."""
    tense = rng.choice(("past", "past", "fut", "prog"))
    act, (first, second) = draw_action(rng, tense, by_speakers=True, nouns=nouns), rng.choice(CONTRASTS)
    time = rng.choice(("", f"{draw_time(rng, act, tense)} "))
    affirmed = act.inflect(f"{tense} {person_tag(first)}")
    negated = act.inflect(f"neg {tense} {person_tag(second)}")
    subject, other = (select_subject(person, nouns["who"]) for person in (first, second))
    return f"{subject} {time}{act.argument} {affirmed}, {other} {negated}."


def compose_statement(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Siz Kars'a gideceksiniz, haberin olsun."""
    tense, person = rng.choice(("past", "fut", "prog")), rng.choice(("sg1", "sg2", "sg3", "pl1", "pl2"))
    act = draw_action(rng, tense, by_speakers=True, nouns=nouns)
    verb_form = act.inflect(f"{tense} {person_tag(person)}")
    return f"{select_subject(person, nouns['who'])} {act.argument} {verb_form}, {rng.choice(TAILS[person])}."


def compose_never(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Ali Kars'a hiçbir zaman gitmedi, bunu unutma."""
    tense, person = rng.choice(("past", "past", "aor")), rng.choice(("sg1", "sg2", "sg3", "sg3", "pl1"))
    act = draw_action(rng, tense, by_speakers=True, nouns=nouns)
    if act.verb in ("ayrıl", "dön"):  # the writer is elsewhere
        person = "sg3"
    negated = act.inflect(f"neg {tense} {person_tag(person)}")
    tail = rng.choice((f", {rng.choice(TAILS[person][:2])}", " ki", "; inan bana" if person != "sg2" else ""))
    return (
        f"{select_subject(person, nouns['who'])} {act.argument} {rng.choice(NEVER_ADVERBS)} {negated}{tail}."
    )


def compose_question(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Sen yarın Kars'a gidecek misin? Ali gitti mi?"""
    tense = rng.choice(("past", "fut", "prog"))
    act, person = (
        draw_action(rng, tense, by_speakers=True, nouns=nouns),
        rng.choice(("sg2", "sg3", "sg3", "pl2")),
    )
    verb_form = act.inflect(tense).ask if person == "sg3" else act.inflect(question_tags(tense, person))
    return f"{select_subject(person, nouns['who'])} {act.argument} {verb_form}?"


def compose_possession(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Bizim şapkamız hâlâ Van'da duruyor."""
    person = rng.choice(list(POSSESSIVE_TAGS))
    owner = select_subject(person, nouns["who"]).gen
    thing = rng.choice(people.THINGS).add(POSSESSIVE_TAGS[person])
    return fill(rng, rng.choice(POSSESSION_FRAMES), {"owner": owner, "thing": thing, "place": nouns["place"]})


def compose_case_sentence(rng: random.Random, nouns: SentenceNouns) -> str:
    """Compose: Elif çantasında bir leke görmüş. Dün Van Gölü'nde gezdik."""
    frames = rng.choice(
        (OWNED_FRAMES, OWNED_FRAMES, SIGHT_FRAMES, SIGHT_FRAMES, THING_FRAMES, THING_FRAMES, PLACE_FRAMES)
    )
    province = world.provinces_by_name()[nouns["place"]]
    slots = {
        "who": nouns["who"],
        "thing": rng.choice(THINGS),
        "own": rng.choice(POSSESSIONS).p3sg,
        "sight": province.sight,
        "place": rng.choice((province.name, *province.districts)),
    }
    return fill(rng, rng.choice(frames), slots)


SENTENCE_COMPOSERS = (
    compose_contrast,
    compose_statement,
    compose_statement,
    compose_never,
    compose_never,
    compose_question,
    compose_possession,
    compose_possession,
    compose_case_sentence,
    compose_case_sentence,
    compose_case_sentence,
)


def compose(rng: random.Random, slots: Slots) -> ComposedText:
    """Compose a message from {fullname} to {friend}: two lines of sentences, and a signature."""
    scene = draw_scene(rng, (slots["name"], slots["friend"]), slots["place"])
    sentences: list[str] = []
    openings: set[str] = set()  # no two sentences contradict each other about one thing
    for compose_sentence in rng.sample(SENTENCE_COMPOSERS, k=rng.randint(MIN_SENTENCES, MAX_SENTENCES)):
        text = fill(rng, compose_sentence(rng, draw_nouns(rng, scene)), {})
        if (opening := " ".join(text.split()[:2])) in openings:
            continue
        openings.add(opening)
        if rng.random() < VOCATIVE_SHARE and text.endswith(".") and not text.startswith("Siz"):
            text = f"{text[:-1]}, {slots['friend']}{text[-1]}"
        sentences.append(text)
    middle = len(sentences) // 2
    heading = [fill(rng, rng.choice(HEADINGS), slots)] if rng.random() < HEADING_SHARE else []
    return ComposedText(
        (
            *heading,
            " ".join(sentences[:middle]),
            " ".join(sentences[middle:]),
            fill(rng, rng.choice(SIGNATURES), slots),
        )
    )
