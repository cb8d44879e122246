"""Short messages between friends: one sentence after another that says who did what, whose it is and where.

They begin as any sentence does, without a scene before them, and say in every person what chats ask for.
"""

import random

from pipeline.miniworld import people, world
from pipeline.miniworld.chats import NEVER, OWNED, SUBJECTS, Nouns, action, asked, drawn, scene, when
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, noun

FEWEST, MOST = 7, 9  # sentences
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

# Who does it, and who does not.
CONTRASTS = (
    ("sg1", "sg2"), ("sg1", "sg3"), ("sg2", "sg1"), ("sg3", "sg1"), ("pl1", "pl2"), ("pl2", "pl1"),
    ("pl1", "sg3"), ("sg3", "pl1"),
)  # fmt: skip
# What is added to a statement, by its person.
TAILS = {
    "sg1": ("bunu biliyorsun", "haberin olsun", "şaka yapmıyorum", "bunu unutma", "bunu herkes duydu"),
    "sg2": ("bunu biliyorum", "bana öyle söylediler", "bunu herkes duydu", "çok şaşırdım", "öyle duydum"),
    "sg3": ("haberin olsun", "bunu herkes duydu", "bana öyle söylediler", "çok şaşırdım", "bunu unutma"),
    "pl1": ("bunu biliyorsun", "haberin olsun", "şaka yapmıyorum", "bunu unutma", "bunu herkes duydu"),
    "pl2": ("bunu biliyorum", "bana öyle söylediler", "bunu herkes duydu", "çok şaşırdım", "öyle duydum"),
}
GOODS = (*people.THINGS, *map(noun, ["kitap", "çorap", "bardak", "gözlük", "bıçak", "tabak"]))
THINGS = (
    *GOODS,
    *map(noun, ["dolap", "ağaç", "ekmek", "köpek", "sokak", "çiçek", "mutfak", "balık", "yemek"]),
)
LOST = (
    "{owner} {thing} hâlâ {place.loc} duruyor.", "{owner} {thing} {place.loc} kaldı, üzgünüm.",
    "{owner} {thing} {place.loc} kaybolmuş.", "{owner} {thing} {place.loc} bulundu, ne güzel!",
    "{owner} {thing} dün {place.loc} çalındı.", "{owner} {thing} {place.loc} değil, evde.",
    "{owner} {thing} çok eskidi, {place.loc} yenisi var.", "{owner} {thing} nerede, {place.loc.ask}?",
)  # fmt: skip
# A thing of someone's, a sight, a thing and a place in every case.
OF_SOMEONE = (
    "{who} {own.acc} bana verdi.", "{who} {own.acc} {place.loc} unutmuş.", "{who} {own.acc} arıyor.",
    "{who} {own.dat} bakıp güldü.", "{who} {own.dat} kimseyi dokundurmuyor.", "{who} {own.dat} çok alıştı.",
    "{who} {own.loc} bir leke görmüş.", "{who.gen} {own.loc} bir çizik var.",
    "{who} {own.abl} hiç ayrılmıyor.", "{who} {own.abl} memnun değil.", "{who} {own.abl} söz etmedi.",
)  # fmt: skip
OF_SIGHT = (
    "Biz {sight.acc} gezdik.", "{who} {sight.acc} hiç unutmadı.", "Ben {sight.acc} ilk kez gördüm.",
    "{who} {sight.dat} gitmek istiyor.", "Yarın {sight.dat} gidiyoruz.", "{who} {sight.dat} hayran kaldı.",
    "Dün {sight.loc} buluştuk.", "{who} {sight.loc} fotoğraf çekti.", "Kardeşim {sight.loc} çok eğlendi.",
    "Akşam {sight.abl} döndük.", "{who} sana {sight.abl} bir taş getirdi.",
    "{who} durmadan {sight.abl} söz ediyor.",
)  # fmt: skip
OF_THING = (
    "{who} dün o {thing.acc} çizdi.", "Ben o {thing.acc} hiç unutmadım.", "{who} bana {thing.acc} gösterdi.",
    "{who} bana bir {thing.gen} fotoğrafını yolladı.", "Gördüğün {thing.gen} rengi çok güzeldi.",
    "{who} o {thing.dat} bakıp güldü.", "Biz o {thing.dat} çok güldük.",
    "{who} {thing.loc} bir leke görmüş.", "O {thing.loc} hiçbir kusur yok.",
    "{who} {thing.abl} söz etmedi.", "Sana sonra o {thing.abl} söz edeceğim.",
)  # fmt: skip
PLACED = (
    "{who} {place.acc} çok özlemiş.", "{who} bize {place.acc} uzun uzun övdü.", "{place.dat} selam söyle!",
    "{who} {place.dat} ilk kez gitti.", "{place.gen} havası çok güzel.", "{place.gen} sokaklarını özledim.",
    "{place.loc} bugün yağmur var.", "{who} {place.loc} ev arıyor.", "{place.abl} sana bir kart attım.",
    "{who} {place.abl} haber getirdi.",
)  # fmt: skip


def person(code: str, who: Form) -> Form:
    """The subject of a person: ben, siz, or `who`."""
    return SUBJECTS.get(code, who)


def of_verb(code: str) -> str:
    """The inflector's tag of a person, which the third has not."""
    return "" if code == "sg3" else code


def contrast(rng: random.Random, nouns: Nouns) -> str:
    """Ben dün Kars'a gittim, Ali gitmedi."""
    tense = rng.choice(("past", "past", "fut", "prog"))
    act, (first, second) = action(rng, tense, own=True, nouns=nouns), rng.choice(CONTRASTS)
    time = rng.choice(("", f"{when(rng, act, tense)} "))
    does, does_not = act.does(f"{tense} {of_verb(first)}"), act.does(f"neg {tense} {of_verb(second)}")
    return (
        f"{person(first, nouns['who'])} {time}{act.what} {does}, {person(second, nouns['who'])} {does_not}."
    )


def said(rng: random.Random, nouns: Nouns) -> str:
    """Siz Kars'a gideceksiniz, haberin olsun."""
    tense, code = rng.choice(("past", "fut", "prog")), rng.choice(("sg1", "sg2", "sg3", "pl1", "pl2"))
    act = action(rng, tense, own=True, nouns=nouns)
    does = act.does(f"{tense} {of_verb(code)}")
    return f"{person(code, nouns['who'])} {act.what} {does}, {rng.choice(TAILS[code])}."


def never(rng: random.Random, nouns: Nouns) -> str:
    """Ali Kars'a hiçbir zaman gitmedi, bunu unutma."""
    tense, code = rng.choice(("past", "past", "aor")), rng.choice(("sg1", "sg2", "sg3", "sg3", "pl1"))
    act = action(rng, tense, own=True, nouns=nouns)
    if act.verb in ("ayrıl", "dön"):  # the writer is elsewhere
        code = "sg3"
    does_not = act.does(f"neg {tense} {of_verb(code)}")
    tail = rng.choice((f", {rng.choice(TAILS[code][:2])}", " ki", "; inan bana" if code != "sg2" else ""))
    return f"{person(code, nouns['who'])} {act.what} {rng.choice(NEVER)} {does_not}{tail}."


def asks(rng: random.Random, nouns: Nouns) -> str:
    """Sen yarın Kars'a gidecek misin? Ali gitti mi?"""
    tense = rng.choice(("past", "fut", "prog"))
    act, code = action(rng, tense, own=True, nouns=nouns), rng.choice(("sg2", "sg3", "sg3", "pl2"))
    does = act.does(tense).ask if code == "sg3" else act.does(asked(tense, code))
    return f"{person(code, nouns['who'])} {act.what} {does}?"


def owned(rng: random.Random, nouns: Nouns) -> str:
    """Bizim şapkamız hâlâ Van'da duruyor."""
    code = rng.choice(list(OWNED))
    owner = person(code, nouns["who"]).gen
    thing = rng.choice(people.THINGS).add(OWNED[code])
    return fill(rng, rng.choice(LOST), {"owner": owner, "thing": thing, "place": nouns["place"]})


def in_case(rng: random.Random, nouns: Nouns) -> str:
    """Elif çantasında bir leke görmüş. Dün Van Gölü'nde buluştuk."""
    frames = rng.choice((OF_SOMEONE, OF_SOMEONE, OF_SIGHT, OF_SIGHT, OF_THING, OF_THING, PLACED))
    place = world.BY_NAME[nouns["place"]]
    words = {
        "who": nouns["who"],
        "thing": rng.choice(THINGS),
        "own": rng.choice(GOODS).p3sg,
        "sight": place.sight,
        "place": rng.choice((place.name, *place.districts)),
    }
    return fill(rng, rng.choice(frames), words)


SENTENCES = (contrast, said, said, never, never, asks, owned, owned, in_case, in_case, in_case)


def compose(rng: random.Random, slots: Slots) -> Told:
    """A message from {fullname} to {friend}: a line or two of sentences, and who wrote it."""
    absent = [name for name in people.FIRST_NAMES if name not in (slots["name"], slots["friend"])]
    spoken_of = scene(rng, absent, slots["place"])
    told: list[str] = []
    begun: set[str] = set()  # no two say otherwise of the same thing
    for sentence in rng.sample(SENTENCES, k=rng.randint(FEWEST, MOST)):
        text = fill(rng, sentence(rng, drawn(rng, spoken_of)), {})
        if (beginning := " ".join(text.split()[:2])) in begun:
            continue
        begun.add(beginning)
        if rng.random() < VOCATIVE_SHARE and text.endswith(".") and not text.startswith("Siz"):
            text = f"{text[:-1]}, {slots['friend']}{text[-1]}"
        told.append(text)
    middle = len(told) // 2
    heading = [fill(rng, rng.choice(HEADINGS), slots)] if rng.random() < HEADING_SHARE else []
    return Told(
        (*heading, " ".join(told[:middle]), " ".join(told[middle:]), fill(rng, rng.choice(SIGNATURES), slots))
    )
