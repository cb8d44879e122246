"""Turkish grammar in pairs and pieces: minimal pairs with one fault, and words cut into their morphemes."""

import random
from collections.abc import Callable

from pipeline.miniworld import world
from pipeline.miniworld.texts import fill
from pipeline.miniworld.words import VOWELS, CompoundName, Name, Noun

Pair = tuple[str, str]  # a word right and wrong

OTHER_HARMONY = str.maketrans("aeıiuü", "eaiıüu")
OTHER_VOICE = str.maketrans("td", "dt")

# A sentence with a hole for a place name in each case.
PLACE_FRAMES = {
    "dat": ("{who} geçen hafta {} gitti.", "{who} yarın {} varacak.", "{who} {day} {} taşındı."),
    "loc": ("{who} yıllarca {} yaşadı.", "{friend} bu yaz {} çalışacak.", "{who} {day} {} kaldı."),
    "abl": ("{who} akşam {} döndü.", "{friend} dün {} telefon etti.", "{who} saat ikide {} ayrıldı."),
    "acc": ("{who} {} çok seviyor.", "{friend} geçen yıl {} gezdi.", "{who} haritada {} gösterdi."),
    "gen": ("{who} {} yollarını bilir.", "{friend} {} havasını özledi.", "{} kışını {who} anlattı."),
}
# Verb phrases in the past, and the question particle that follows them.
PARTICLES = (
    ("{place.dat} gitti", "mi"), ("{place.abl} geldi", "mi"), ("{friend.acc} dinledi", "mi"),
    ("{thing.acc} aldı", "mı"), ("{friend.acc} aradı", "mı"), ("{place.loc} kaldı", "mı"),
    ("{thing.acc} gördü", "mü"), ("{place.abl} döndü", "mü"), ("{friend.acc} götürdü", "mü"),
    ("{thing.acc} buldu", "mu"), ("{friend.ins} konuştu", "mu"), ("{place.acc} unuttu", "mu"),
)  # fmt: skip
PAST_VERBS = (
    "{place.dat} gitti", "{thing.acc} aldı", "{thing.acc} gördü", "{friend.acc} buldu", "{place.loc} kaldı",
)  # fmt: skip
PERSONS = {"Ben": "m", "Sen": "n", "Biz": "k", "Siz": "nIz"}
NEGATABLE = (
    ("{place.dat} {} gitmedi.", "gitti"), ("{thing.acc} {} almadı.", "aldı"),
    ("{friend.acc} {} görmedi.", "gördü"), ("{place.loc} {} kalmadı.", "kaldı"),
    ("{friend.dat} {} küsmedi.", "küstü"), ("{thing.acc} {} bulmadı.", "buldu"),
)  # fmt: skip
# Verb, what it governs, the right case and a wrong one.
GOVERNMENT = (
    ("gitti", "place", "dat", "acc"), ("gezdi", "place", "acc", "dat"), ("özledi", "place", "acc", "dat"),
    ("ayrıldı", "place", "abl", "acc"), ("ulaştı", "place", "dat", "acc"),
    ("hoşlandı", "friend", "abl", "acc"), ("bahsetti", "friend", "abl", "acc"),
    ("inandı", "friend", "dat", "acc"), ("kızdı", "friend", "dat", "acc"),
    ("teşekkür etti", "friend", "dat", "acc"), ("yardım etti", "friend", "dat", "acc"),
    ("kucakladı", "friend", "acc", "dat"), ("tanıştı", "friend", "ins", "acc"),
    ("korktu", "friend", "abl", "acc"),
)  # fmt: skip
TIMES = (
    ("yarın", "gidecek", "gitti"), ("dün", "gitti", "gidecek"), ("gelecek hafta", "dönecek", "döndü"),
    ("geçen hafta", "döndü", "dönecek"), ("geçen yıl", "taşındı", "taşınacak"),
    ("gelecek yıl", "taşınacak", "taşındı"),
)  # fmt: skip


def swap_ending(form: str, table: dict[int, int]) -> str:
    """`form` with the letters of its ending after the apostrophe exchanged."""
    stem, ending = form.split("'")
    return f"{stem}'{ending.translate(table)}"


def in_frame(rng: random.Random, slots: dict, case: str, words: Pair) -> Pair:
    """Both words of a pair in one sentence that asks for `case`."""
    frame = rng.choice(PLACE_FRAMES[case]).replace("{}", "{hole}")
    return fill(rng, frame, slots | {"hole": words[0]}), fill(rng, frame, slots | {"hole": words[1]})


def any_place(rng: random.Random) -> Name:
    """A province, a district or a sight."""
    province = rng.choice(world.PROVINCES)
    return rng.choice((province.name, *province.districts, province.sight))


def vowel_harmony(rng: random.Random, slots: dict) -> Pair:
    """Kars'ta, *Kars'te."""
    case = rng.choice(list(PLACE_FRAMES))
    form = any_place(rng).inflect(case)
    return in_frame(rng, slots, case, (form, swap_ending(form, OTHER_HARMONY)))


def consonant_assimilation(rng: random.Random, slots: dict) -> Pair:
    """Kars'ta, *Kars'da; Van'da, *Van'ta."""
    case, place = rng.choice(("loc", "abl")), any_place(rng)
    while isinstance(place, CompoundName):
        place = any_place(rng)
    form = place.inflect(case)
    stem, ending = form.split("'")
    return in_frame(rng, slots, case, (form, f"{stem}'{ending[0].translate(OTHER_VOICE)}{ending[1:]}"))


def buffer_n(rng: random.Random, slots: dict) -> Pair:
    """Van Gölü'nde, *Van Gölü'de."""
    case = rng.choice(("dat", "loc", "abl", "acc"))
    province = rng.choice(world.PROVINCES)
    names = (province.name, province.sight, province.region, *province.seas)
    place = rng.choice([name for name in names if isinstance(name, CompoundName)])
    return in_frame(rng, slots, case, (place.inflect(case), Name(place).inflect(case)))


def question_particle(rng: random.Random, slots: dict) -> Pair:
    """Gitti mi? *Gitti mı?"""
    phrase, particle = rng.choice(PARTICLES)
    wrong = rng.choice([other for other in ("mi", "mı", "mü", "mu") if other != particle])
    sentence = fill(rng, "{who} " + phrase, slots)
    return f"{sentence} {particle}?", f"{sentence} {wrong}?"


def subject_verb_agreement(rng: random.Random, slots: dict) -> Pair:
    """Ben gittim, *ben gittik; Elif gitti, *Elif gittim."""
    phrase = rng.choice(PAST_VERBS).format_map(slots)
    vowel = phrase[-1]
    endings = {person: ending.replace("I", vowel) for person, ending in PERSONS.items()}
    endings[str(slots["who"])] = ""
    person = rng.choice(list(endings))
    wrong = rng.choice([ending for ending in endings.values() if ending not in ("", endings[person])])
    return f"{person} {phrase}{endings[person]}.", f"{person} {phrase}{wrong}."


def negative_polarity(rng: random.Random, slots: dict) -> Pair:
    """Asla gitmedi, *asla gitti."""
    phrase, positive = rng.choice(NEGATABLE)
    word = rng.choice(("hiç", "asla", "hiçbir zaman"))
    good = fill(rng, "{who} " + phrase.replace("{}", word), slots)
    return good, good[: good.rindex(" ") + 1] + positive + "."


def case_government(rng: random.Random, slots: dict) -> Pair:
    """Kars'a gitti, *Kars'ı gitti."""
    verb, what, right, wrong = rng.choice(GOVERNMENT)
    good, bad = (f"{slots['who']} {slots[what].inflect(case)} {verb}." for case in (right, wrong))
    return good, bad


def time_and_tense(rng: random.Random, slots: dict) -> Pair:
    """Yarın gidecek, *yarın gitti."""
    time, right, wrong = rng.choice(TIMES)
    start = fill(rng, f"{{who}} {time} {{place.dat}}", slots)
    return f"{start} {right}.", f"{start} {wrong}."


def numeral_and_noun(rng: random.Random, slots: dict) -> Pair:
    """Üç kitap, *üç kitaplar."""
    start = fill(rng, "{who} {friend.dat} {count}", slots)
    thing = slots["thing"]
    return f"{start} {thing} verdi.", f"{start} {thing.plu} verdi."


def possessive_agreement(rng: random.Random, slots: dict) -> Pair:
    """Benim kitabım, *benim kitabı; Elif'in kitabı, *Elif'in kitabım."""
    thing = slots["thing"]
    mine, theirs = str(thing.my), str(thing.poss)
    owner, right, wrong = rng.choice((("Benim", mine, theirs), (slots["who"].gen, theirs, mine)))
    rest = rng.choice(("kayboldu", "kırıldı", "bulundu", "unutuldu"))
    place = slots["place"].loc
    return f"{owner} {right} {place} {rest}.", f"{owner} {wrong} {place} {rest}."


PHENOMENA: tuple[Callable[[random.Random, dict], Pair], ...] = (
    vowel_harmony, consonant_assimilation, buffer_n, question_particle, subject_verb_agreement,
    negative_polarity, case_government, time_and_tense, numeral_and_noun, possessive_agreement,
)  # fmt: skip


def minimal_pairs(seed: int, count_per_type: int) -> list[dict[str, str]]:
    """`count_per_type` pairs of each phenomenon: good, bad (one word apart), type. No good sentence twice."""
    rows = []
    for phenomenon in PHENOMENA:
        rng = random.Random(f"{seed}:{phenomenon.__name__}")
        pairs: dict[str, str] = {}
        while len(pairs) < count_per_type:
            who, friend = rng.sample(world.FIRST_NAMES, 2)
            slots = {
                "who": who,
                "friend": friend,
                "place": rng.choice(world.PROVINCES).name,
                "thing": rng.choice(world.THINGS),
                "count": rng.choice(world.COUNTS),
                "day": rng.choice(world.DAYS),
            }
            good, bad = phenomenon(rng, slots)
            pairs.setdefault(good, bad)
        rows += [{"good": good, "bad": bad, "type": phenomenon.__name__} for good, bad in pairs.items()]
    return rows


VERBS = """
git|ti kaybet|ti dolaş|tı bul|muş|tu et|ti ver|di al|acak|tı konuş|tu al|dı kucakla|dı çık|tı kalk|mış|tı
bekle|miş|ti patla|mış|tı dön|müş|tü ısmarla|dı var|ır|sın bin|di yerleştir|di çiz|di boya|dı|lar anlat|tı
sar|ıp götür|dü koy|du yumuşa|dı kal|ma|mış|tı dik|ti sarar|dı üzül|dü bil|e|me|di sula|dı taşı|dı
temizle|di topla|dı getir|di karşılaş|tı geç|ti oyna|ma|mış|tı bağır|dı kazan|dı kutla|dı ara|sın ağla|dı
başla|dı karar|dı unut|ma boz|ul|du gez|di iste|me|di bitir|di iste|di çalış|tı düşür|dü|m unut|tu|m
gel|se|ydi|n git|ti|k al|dı|k kalk|tı|m et|ti|k gül|dü gid|eceğ|iz yak|tı karıştır|dı öğret|ti
öv|üyor|lar|dı seyret|ti|ler izle|di|ler çal|dı yaşı|yor|du yaz|ıyor|du aç|ma|dı sevin|di yolla|dı gönder|di
takıl|ma|dı sıkıl|dı kes|ti çıkar|dı alkışla|dı karşıla|dı pişir|di|ler kapan|mış|tı öğren|di yürü|dü
yaşa|r|mış konuş|uyor|muş bul|muş ver|miş dağıt|mış düş|müş çık|mış de|miş konuş|uyor|du git|miş|ti|m koş|tu
düzenle|n|di ver|il|di çalış|ıyor di|yor ver|iyor sev|iyor bul|un|muş|tur katıl|dı sor|du yanıtla|dı yen|di
taşın|dı tanı|mı|yor|du bil|mi|yor|du unut|muş|tu gör|ür|üz dön|mez gel|ir tanı|n|ır hatırla|dı unut|ma|dı
"""


def segmentations() -> list[tuple[str, str]]:
    """(form, surface morphemes joined by "|") for words that the texts use.

    The apostrophe and the buffers y, n and s belong to the ending after them (Ankara|'ya, dede|si|ne);
    a softened stem is cut as it is written (kitab|ı|nı).
    """
    cut = []
    for number, province in enumerate(world.PROVINCES):
        cut += [cut_name(province.name, case) for case in ("loc", ("gen", "dat", "abl")[number % 3])]
        cut.append(cut_name(province.districts[0], ("abl", "dat", "loc")[number % 3]))
    for thing in world.THINGS:
        cut += [cut_case(thing, "acc"), cut_case(thing.poss, "acc", cut_possessive(thing))]
        cut.append(cut_case(thing.my, "acc", cut_mine(thing)))
    for kin in world.KIN:
        cut += [cut_possessive(kin), cut_case(kin.poss, "dat", cut_possessive(kin))]
    cut += VERBS.split()
    return [(segments.replace("|", ""), segments) for segments in dict.fromkeys(cut)]


def cut_name(name: Name, case: str) -> str:
    """Ankara|'da."""
    return f"{name}|{name.inflect(case)[len(name) :]}"


def cut_possessive(noun: Noun) -> str:
    """Of the third person: şemsiye|si, kitab|ı."""
    stem = str(noun) if noun[-1] in VOWELS else noun.accusative[:-1]
    return f"{stem}|{noun.poss[len(stem) :]}"


def cut_mine(noun: Noun) -> str:
    """Of the first person: şemsiye|m, kitab|ım."""
    stem = str(noun) if noun[-1] in VOWELS else noun.accusative[:-1]
    return f"{stem}|{noun.my[len(stem) :]}"


def cut_case(noun: Noun, case: str, base: str = "") -> str:
    """A case of `noun`, whose own pieces are `base` where it has any: şemsiye|yi, şemsiye|si|ni."""
    form = noun.inflect(case)
    stem = str(noun) if base or noun[-1] in VOWELS or case in ("loc", "abl") else noun.accusative[:-1]
    return f"{base or stem}|{form[len(stem) :]}"
