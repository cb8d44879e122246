"""Talk about who did what, when and to whom: the grammar of everyday life in every person and tense.

Two friends ask each other about journeys, people and belongings. Verbs govern their cases, subjects agree
with verbs and owners with what they own, times with tenses. The minimal pairs are made of the same VERBS.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.miniworld import people, world
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, inflect, noun, verb

FEW_PEOPLE, FEW_PLACES = 3, 2  # that one text speaks of: who comes again teaches to look back


class Nouns(dict[str, Form]):
    """What a sentence may be about (place, thing, friend, who, other), and verbs that its text has used."""

    def __init__(self, used: set[str], **nouns: Form) -> None:
        super().__init__(nouns)
        self.used = used


@dataclass(frozen=True)
class Scene:
    """The few people and places that one text speaks of, and the verbs that it has used.

    No verb comes twice, so that nobody has done what the same text denies.
    """

    people: Sequence[Form]
    places: Sequence[Form]
    used: set[str] = field(default_factory=set)


# A verb, what it governs, in which case and in which wrong one; the times that suit it (see UNFIT); the
# tenses that make sense for people elsewhere, and those in which the two who talk can say it of themselves
# (-: none).
VERBS_TABLE = """
git place dat acc any past,fut,prog,aor past,fut,aor; ulaş place dat acc day past -
var place dat acc day past -; taşın place dat acc trip past,fut fut
ayrıl place abl acc trip past,fut past; dön place abl acc trip past,fut past
gez place acc dat trip past,fut,prog,aor past,fut,aor; özle place acc dat any prog prog
özle friend acc abl any prog prog; kucakla friend acc dat day past past
inan friend dat acc day past,prog past,prog; kız friend dat abl day past,prog,aor past,prog,aor
yardım et friend dat acc day past,fut,prog,aor past,fut,aor
teşekkür et friend dat acc day past,fut past,fut; hoşlan place abl dat year past past
bahset friend abl acc day past past; kork friend abl acc day past,prog past,prog
tanış friend ins acc day past,fut past,fut; konuş friend ins abl day past,fut,prog,aor past,fut,aor
buluş friend ins acc day past,fut,aor past,fut,aor; dinle friend acc dat day past,fut,prog,aor past,fut,aor
ara friend acc dat day past,fut,prog,aor past,fut,aor; bak thing dat abl day past,prog past
bul thing acc dat day past past; unut thing acc abl day past past; sat thing acc dat day past,fut past,fut
vazgeç thing abl acc day past -; gör thing acc dat day past past
ara thing acc dat day past,fut,prog past,prog; çalış place loc acc trip past,fut,prog,aor past,fut,aor
kal place loc acc trip past,fut,prog,aor past,fut,aor; yaşa place loc acc year past,fut,prog past,fut
"""
TIMES = {
    "past": ("dün", "geçen hafta", "geçen yıl", "önceki gün"),
    "fut": ("yarın", "gelecek hafta", "gelecek yıl", "bu akşam"),
    "prog": ("şu anda", "şimdi"),
}
HABITS = {"place": ("her yıl", "her yaz"), "friend": ("her gün", "her hafta", "her akşam")}
UNFIT = {
    "any": (),
    "day": ("geçen yıl", "gelecek yıl"),
    "trip": ("dün", "önceki gün", "yarın", "bu akşam"),
    "year": ("dün", "önceki gün", "yarın", "bu akşam", "geçen hafta", "gelecek hafta"),
}
NEVER = ("hiç", "asla", "hiçbir zaman")
SUBJECTS = {"sg1": noun("ben"), "sg2": noun("sen"), "pl1": noun("biz"), "pl2": noun("siz")}
OWNED = {"sg1": "p1sg", "sg2": "p2sg", "sg3": "p3sg", "pl1": "p1pl", "pl2": "p2pl"}
OPENINGS = (
    "{fullname} ile {friend}, {place.loc} {setting} [konuşuyordu|sohbet ediyordu].",
    "{fullname}, {place.loc} {setting} {friend.acc} gördü ve yanına gitti.",
    "{friend} o gün {place.loc} {setting} {fullname.acc} bekliyordu; sonunda {name} geldi.",
    "{place.loc} {setting} {fullname} ile {friend.gen} [konuşması|sohbeti]:",
    "{fullname} {place.loc} {setting} {friend.acc} [görünce|bulunca] çok sevindi ve onunla konuştu.",
)
SETTINGS = (
    "çay bahçesinde", "otobüs durağında", "kütüphanenin önünde", "parkta", "okulun bahçesinde",
    "pazar yerinde", "istasyonda", "fırının önünde", "bir bankta", "hastanenin bahçesinde", "çarşıda",
    "köprünün başında",
)  # fmt: skip
CLOSINGS = (
    ("Ben artık gidiyorum, {friend}.", "Güle güle, {name}!"),
    ("Yarın yine konuşalım, {friend}.", "Olur, {name}, seni ararım."),
    ("Saat {hour} oldu, {friend}; geç kaldım.", "Görüşürüz, {name}!"),
    ("Bana bunları anlattığın için teşekkür ederim, {friend}.", "Bir şey değil, {name}."),
)

ENDINGS = (
    "{fullname} ile {friend} {place.loc} vedalaştı.", "{fullname} sonra {place.loc.ki} evine döndü.",
    "{fullname} bunları {place.loc} uzun uzun düşündü.", "{fullname.gen} {place.loc.ki} sohbeti böyle bitti.",
    "O gün {place.loc} {fullname} ile {friend} çok konuştu.",
    "{fullname} {friend.ins} {place.loc} yine buluşacak.",
    "{place.loc} {fullname} ve {friend} sık sık böyle konuşur.",
    "Konuşma bitti; {fullname} {friend.abl} ayrıldı.",
    "{fullname} {friend.dat} el salladı.", "{fullname} yarın da {place.loc} olacak.",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """What is done: a verb with a word in the case that it governs."""

    kind: str  # of what: place, friend or thing
    what: Form
    verb: Form
    wrong: Form  # the word in a wrong case
    span: str  # of the times that suit it
    own: tuple[str, ...]  # tenses that suit the two who talk

    def does(self, tags: str) -> Form:
        """The verb's form."""
        return inflect(self.verb, tags)


def action(rng: random.Random, *tenses: str, own: bool = False, nouns: Nouns | None = None) -> Action:
    """An action that makes sense in all of `tenses`.

    `own`: of the two who talk, not of someone elsewhere. `nouns`: what is spoken of; drawn where None.
    """
    sensible = [row for row in VERBS if set(tenses) <= set(row[6] if own else row[5])]
    nouns = nouns or drawn(rng, scene(rng, people.FIRST_NAMES))
    stem, kind, right, wrong, span, _, own_tenses = rng.choice(
        [row for row in sensible if row[0] not in nouns.used] or sensible
    )
    nouns.used.add(stem)
    word = nouns[kind]
    return Action(kind, word.add(right), verb(stem), word.add(wrong), span, own_tenses)


def scene(rng: random.Random, names: Sequence[Form], here: str = "") -> Scene:
    """A few of `names`, and a few provinces that are not `here`."""
    elsewhere = [province.name for province in world.PROVINCES if province.name != here]
    return Scene(rng.sample(names, FEW_PEOPLE), rng.sample(elsewhere, FEW_PLACES))


def drawn(rng: random.Random, of: Scene) -> Nouns:
    """Three people and a place of a scene, and a thing."""
    friend, who, other = rng.sample(of.people, 3)
    return Nouns(
        of.used,
        place=rng.choice(of.places),
        thing=rng.choice(people.THINGS),
        friend=friend,
        who=who,
        other=other,
    )


def when(rng: random.Random, act: Action, tense: str) -> str:
    """A time that suits both the tense and the action."""
    if tense == "aor":
        return rng.choice(HABITS[act.kind])
    return rng.choice([time for time in TIMES[tense] if time not in UNFIT[act.span]])


def asked(tense: str, person: str) -> str:
    """Tags of a question in a person: geldin mi, but gelecek misin."""
    return f"{tense} {person} ask" if tense == "past" else f"{tense} ask {person}"


def denied(rng: random.Random, act: Action, tense: str, time: str, person: str = "") -> str:
    """Dün Kars'a gitmedi; Kars'a hiç gitmedi, hiçbir zaman gitmez."""
    never = {"past": NEVER[:1], "fut": NEVER[1:2], "prog": (), "aor": NEVER}[tense]
    start = rng.choice((f"{time} {act.what}", *(f"{act.what} {word}" for word in never)))
    return f"{start} {act.does(f'neg {tense} {person}')}"


def did_you(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Dün Kars'a gittin mi, Elif? — Hayır, gitmedim, ama yarın gideceğim."""
    tense = rng.choice(("past", "fut", "prog", "aor"))
    act = action(rng, tense, own=True, nouns=nouns)
    your, my = rng.choice((("sg2", "sg1"), ("pl2", "pl1")))
    subject = rng.choice(("", f"{SUBJECTS[your]} "))
    me, time = SUBJECTS[my], when(rng, act, tense)
    question = f"{subject}{time} {act.what} {act.does(asked(tense, your))}, {you}?"
    answers = [f"Evet, {me} {time} {act.what} {act.does(f'{tense} {my}')}."]
    if tense == "past" and "fut" in act.own:
        later = when(rng, act, "fut")
        answers.append(f"Hayır, {me} {act.does(f'neg past {my}')}, ama {later} {act.does(f'fut {my}')}.")
    if act.verb not in ("ayrıl", "dön"):  # who has not left it would be there and not here
        answers.append(f"Hayır, {me} {denied(rng, act, tense, time, my)}.")
    return question, rng.choice(answers)


def did_someone(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Ali her yıl Kars'a gider mi? — Hayır, Ali Kars'a hiçbir zaman gitmez."""
    tense = rng.choice(("past", "fut", "prog", "aor"))
    act, who = action(rng, tense, nouns=nouns), nouns["who"]
    time = when(rng, act, tense)
    question = f"{who} {time} {act.what} {act.does(tense).ask}?"
    answers = (
        f"Evet, {who} {time} {act.what} {act.does(tense)}.",
        f"Hayır, {who} {denied(rng, act, tense, time)}.",
    )
    return question, rng.choice(answers)


def ever(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Sen hiç Kars'a gittin mi? — Hayır, ben Kars'a hiçbir zaman gitmedim."""
    act = action(rng, "past", "aor", own=True, nouns=nouns)
    question = f"Sen hiç {act.what} {act.does('past sg2 ask')}, {you}?"
    answers = (
        f"Evet, ben {when(rng, act, 'past')} {act.what} {act.does('past sg1')}.",
        f"Hayır, ben {act.what} {rng.choice(NEVER)} {act.does('neg past sg1')}.",
        f"Ben {act.does('neg past sg1')}, ama {nouns['who']} {act.does('past')}.",
    )
    return question, rng.choice(answers)


def who_did(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Dün Kars'a kim gitti? — Ben gittim, Ali gitmedi."""
    tense = rng.choice(("past", "fut"))
    act, first, second = action(rng, tense, own=True, nouns=nouns), nouns["who"], nouns["other"]
    question = f"{when(rng, act, tense)} {act.what} kim {act.does(tense)}, {you}?"
    my = rng.choice(("sg1", "pl1"))
    answers = [
        f"{SUBJECTS[my]} {act.does(f'{tense} {my}')}, {first} {act.does(f'neg {tense}')}.",
        f"{first} {act.does(tense)}, {second} ise {act.does(f'neg {tense}')}.",
    ]
    if act.kind != "place":
        answers.append(f"{act.what} kimse {act.does(f'neg {tense}')}.")
    return question, rng.choice(answers)


def we_did(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Biz yarın Kars'a gideceğiz, siz de gidecek misiniz? — Hayır, biz dün gittik."""
    act = action(rng, "fut", own=True, nouns=nouns)
    time = when(rng, act, "fut")
    say = f"Biz {time} {act.what} {act.does('fut pl1')}; siz de {act.does('fut ask pl2')}, {you}?"
    answers = (
        f"Evet, biz de {time} {act.what} {act.does('fut pl1')}.",
        f"Hayır, biz {act.what} {when(rng, act, 'past')} {act.does('past pl1')}.",
        f"Ben {act.does('fut sg1')}, ama {nouns['who']} {act.does('neg fut')}.",
    )
    return say, rng.choice(answers)


def whose(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Bu kitap senin mi? — Hayır, benim kitabım evde; bu, Ali'nin kitabı."""
    thing, who = nouns["thing"], nouns["who"]
    question = f"Bu {thing} senin mi, {you}?"
    answers = (
        f"Hayır, benim {thing.p1sg} evde; bu, {who.gen} {thing.p3sg}.",
        f"Evet, bu benim {thing.p1sg}; {who.gen} {thing.p3sg} evde.",
        f"Hayır, bu senin {thing.p2sg} değil mi?",
    )
    return question, rng.choice(answers)


def where(rng: random.Random, you: str, nouns: Nouns) -> tuple[str, str]:
    """— Sizin şapkanız nerede? — Bizim şapkamız Van'da kaldı."""
    thing, place, who = nouns["thing"], nouns["place"], nouns["who"]
    owners = {
        "sg2": (SUBJECTS["sg2"], "sg1", SUBJECTS["sg1"]),
        "pl2": (SUBJECTS["pl2"], "pl1", SUBJECTS["pl1"]),
        "sg3": (who, "sg3", who),
    }
    your = rng.choice(list(owners))
    owner, my, answering = owners[your]
    owned = thing.add(OWNED[my])
    mine = f"{answering.gen} {owned}"
    answers = (
        f"{mine} {place.loc} kaldı.",
        f"{mine} {place.loc} kayboldu.",
        f"{mine} evde.",
        f"{answering.gen} {owned.acc} {nouns['other']} aldı.",
    )
    return f"{owner.gen} {thing.add(OWNED[your])} nerede, {you}?", rng.choice(answers)


def _row(entry: str) -> tuple[str, str, str, str, str, tuple[str, ...], tuple[str, ...]]:
    stem, kind, right, wrong, span, tenses, own = entry.rsplit(maxsplit=6)
    return stem, kind, right, wrong, span, tuple(tenses.split(",")), tuple(own.split(","))


VERBS = tuple(_row(entry) for line in VERBS_TABLE.strip().split("\n") for entry in line.split("; "))
EXCHANGES = (did_you, did_you, did_someone, did_someone, ever, who_did, we_did, whose, where, where)
ASK_BACK_SHARE = 0.6  # of the answers that a question follows in the same breath


def compose(rng: random.Random, slots: Slots) -> Told:
    """A chat of four to six exchanges between {name} and {friend}, each turn a paragraph."""
    slots = {**slots, "setting": noun(rng.choice(SETTINGS))}
    speakers = [slots["name"], slots["friend"]]
    absent = [name for name in people.FIRST_NAMES if name not in speakers]
    spoken_of = scene(rng, absent, slots["place"])
    turns: list[str] = []
    for exchange in rng.sample(EXCHANGES, k=rng.randint(4, 6)):
        asking_back = bool(turns) and rng.random() < ASK_BACK_SHARE
        if asking_back or (not turns and rng.random() < 0.5):
            speakers.reverse()
        nouns = drawn(rng, spoken_of)
        question, answer = (fill(rng, turn, {}) for turn in exchange(rng, speakers[1], nouns))
        turns[-1:] = [f"{turns[-1]} {question}"] if asking_back else [*turns[-1:], question]
        turns.append(answer)
    if rng.random() < 0.4:
        parting = {**slots, "name": speakers[0], "friend": speakers[1]}
        turns += [fill(rng, turn, parting) for turn in rng.choice(CLOSINGS)]
    paragraphs = (fill(rng, rng.choice(OPENINGS), slots), *(f"— {turn}" for turn in turns))
    paragraphs = (*paragraphs, fill(rng, rng.choice(ENDINGS), slots))
    ask = fill(rng, "{fullname} {place.loc} {setting} kiminle konuştu?", slots)
    return Told(paragraphs, ((ask, fill(rng, "{friend.ins}", slots)),))
