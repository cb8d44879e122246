"""Portraits: who someone is, sentence after sentence about one person in one place.

The name comes again in every sentence and in every case. From texts so dense a model learns soonest to look
back for a name, which every story needs (EXPERIMENTS.md).
"""

import random

from pipeline.miniworld import people
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import name, noun

FEWEST, MOST = 7, 10  # sentences

HEADINGS = (
    "{fullname.acc} tanıyalım", "Arkadaşım {fullname} hakkında", "{place.abl} bir arkadaş: {fullname}",
    "Size {fullname.acc} anlatayım.", "{fullname} kimdir?", "Bizim {fullname} nasıl biridir?",
    "{place} ilinden {fullname}", "Sınıf defterinden: {fullname}",
    "Komşumuz {fullname} kimdir, bilir misiniz?",
    "Bugün {fullname.acc} anlatacağım.", "{fullname} üzerine birkaç söz",
    "{place.loc} herkes {fullname.acc} tanır.",
)  # fmt: skip
ENDINGS = (
    "İşte {place} ilinden {fullname} böyle biridir.", "{fullname} hakkında bildiklerim bu kadar.",
    "{fullname.acc} {place.loc} kime sorsanız bunları söyler.",
    "{place.loc} {fullname} işte böyle bilinir.",
    "Yolunuz {place.dat} düşerse {fullname.acc} bulun.", "{fullname} anlatmakla bitmez.",
    "{place.loc} bir {fullname} daha yoktur.", "Siz de {place.dat} gelin, {fullname.acc} tanıyın.",
    "{fullname.dat} {place.abl} selam olsun!", "Biz {place.loc} {fullname.acc} böyle tanırız.",
    "{fullname.gen} {place.loc.ki} günleri böyle geçer.", "{place.loc} {fullname.acc} seven çoktur.",
)  # fmt: skip
# Rows of which one sentence is said at most, so that nothing is said twice or denied.
SAYS = (
    ("{name.gen} {kin.p3sg} {job.cop}.", "{name.gen} {kin.p3sg} {place.loc} {job} olarak çalışıyor.",
     "{name} {job} olan {kin.p3sg.acc} çok seviyor.",
     "{name} sabahları {job} olan {kin.p3sg.dat} yardım eder."),
    ("{name.gen} {colour} bir {thing.p3sg} var.", "{name} {colour} {thing.p3sg.acc} yanından hiç ayırmaz.",
     "{name} dün {thing.p3sg.acc} evde unuttu.", "{name.gen} {thing.p3sg} {colour.cop}.",
     "{name} {thing.p3sg.acc} arıyor.", "{name} {thing.p3sg.dat} iyi bakar.",
     "{name.gen} {thing.p3sg.loc} adı yazıyor.", "{name} {thing.p3sg.abl} vazgeçmez."),
    ("{name} sabahları erken kalkar.", "{name} akşamları kitap okur.", "{name} hafta sonları futbol oynar.",
     "{name} her akşam günlük yazar.", "{name} yazın her gün yüzer.", "{name} her sabah yürür.",
     "{name} boş zamanlarında resim yapar.", "{name} flüt çalmayı öğreniyor."),
    ("{name.gen} en sevdiği yemek {food.cop}.", "{name} {food} yemeyi çok sever.",
     "{name} her gün {food} yemek ister.", "{name} en çok {food} sever."),
    ("{name} çok çalışkandır.", "{name} az konuşur.", "{name} her şeyi merak eder.", "{name} neşelidir.",
     "{name.gen} sesi çok güzeldir.", "{name} sözünü tutar.", "{name} iyi bir dinleyicidir."),
    ("{name} hiçbir zaman yalan söylemez.", "{name} hiç geç kalmaz.", "{name} asla kavga etmez.",
     "{name} kimseyi üzmez.", "{name} hiç küsmez."),
    ("{name.acc} herkes sever.", "{name.dat} herkes güvenir.", "{name.ins} konuşmak çok güzeldir.",
     "{name.abl} herkes iyilik gördü.", "{name.acc} sınıfta herkes dinler.",
     "{name.loc} her zaman kalem bulunur.", "{name.dat} sorarsanız hayat çok güzel.",
     "{name.abl} her gün yeni bir şey öğreniyoruz."),
    ("{name} gelecek yıl {other.dat} gidecek.", "{name} geçen yıl {other.dat} gitti.",
     "{name} {other.acc} görmek istiyor.", "{name} geçen yaz {other.acc} gezdi.",
     "{name.gen} bir kuzeni {other.loc} oturuyor."),
    ("{name} büyüyünce {dream} olacak.", "{name} {dream} olmak istiyor.",
     "{name.gen} en büyük hayali {dream} olmak."),
    ("{name} {feared.abl} korkar.", "{name.gen} bir {pet.p3sg} var, adı {petname.cop}.",
     "{name} {pet.p3sg.acc} çok sever; adı {petname.cop}.", "{name} parkta {pet} görünce sevinir."),
    ("{name} {day} pazara gider.", "{name} {day} {friend2.acc} görecek.",
     "{name} dün {friend2.dat} yardım etti.", "{name} bu hafta {friend2.dat} bir mektup yazdı."),
)  # fmt: skip
# Rows of which one sentence is always said.
LIVES = (
    "{name} {place.loc} yaşıyor.", "{name} {place.loc} doğdu.", "{name.gen} evi {place.loc.cop}.",
    "{name} {place.loc} oturuyor.", "{name} {place.loc} büyüdü.", "{name} {place} ilinde yaşar.",
)  # fmt: skip
LOVES = (
    "{name} {place.acc} çok seviyor.", "{name} {place.abl} ayrılmak istemez.",
    "{name.dat} göre {place.gen} havası başkadır.", "{name} {place.gen} her sokağını bilir.",
    "{name} {place.acc} herkese anlatır.", "{name} {place.loc} çok mutludur.",
    "{name} {place.dat} gelenleri gezdirir.",
)  # fmt: skip
PLAYS = (
    "{name} en çok {friend.ins} oynar.", "{name.gen} oyun arkadaşı {friend.cop}.",
    "{name} oynamak için {friend.acc} çağırır.", "{name}, {friend.ins} oynamaya doyamaz.",
)  # fmt: skip
ASK = "{place} ilinden {fullname} en çok kiminle oynar?"
FOODS = tuple(map(noun, ("pilav", "köfte", "mantı", "börek", "makarna", "dolma", "omlet", "menemen")))
PETS = tuple(map(noun, ("kedi", "köpek", "kuş", "tavşan", "kaplumbağa")))
PET_NAMES = tuple(map(name, ("Pamuk", "Fıstık", "Boncuk", "Limon", "Zeytin", "Ponpon", "Benek", "Tarçın")))
FEARED = tuple(map(noun, ("arı", "köpek", "fare", "kurbağa", "örümcek", "kaz", "horoz")))


def compose(rng: random.Random, slots: Slots) -> Told:
    """A portrait of {name} of {place}: a heading, two paragraphs, an end; slots of people.cast."""
    slots = {
        **slots,
        "food": rng.choice(FOODS),
        "pet": rng.choice(PETS),
        "petname": rng.choice(PET_NAMES),
        "feared": rng.choice(FEARED),
        "dream": rng.choice(people.JOBS),
    }
    always = (LIVES, LOVES, PLAYS)
    rows = [*always, *rng.sample(SAYS, rng.randint(FEWEST, MOST) - len(always))]
    rng.shuffle(rows)
    told = [fill(rng, rng.choice(row), slots) for row in rows]
    middle = len(told) // 2
    heading, ending = (fill(rng, rng.choice(lines), slots) for lines in (HEADINGS, ENDINGS))
    paragraphs = (heading, " ".join(told[:middle]), " ".join(told[middle:]), ending)
    return Told(paragraphs, ((fill(rng, ASK, slots), fill(rng, "{friend.ins}", slots)),))
