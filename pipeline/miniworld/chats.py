"""Chats between two friends about who did what, when and to whom, in every person and tense.

The friends ask each other about journeys, people and belongings. Verbs govern their cases. Subjects agree
with verbs, owners with what they own, times with tenses. The minimal pairs use the same VERBS.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pipeline.miniworld import people, world
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import Form, inflect, noun, verb

PEOPLE_PER_SCENE, PLACES_PER_SCENE = 3, 2  # of one text: a name that comes again teaches to look back


class SentenceNouns(dict[str, Form]):
    """Nouns for one sentence (place, thing, friend, who, other), and the verbs that its text has used."""

    def __init__(self, used_verbs: set[str], **nouns: Form) -> None:
        super().__init__(nouns)
        self.used_verbs = used_verbs


@dataclass(frozen=True)
class Scene:
    """The few people and places that one text speaks of, and the verbs that it has used.

    No verb comes twice, so that nobody has done what the same text denies.
    """

    people: Sequence[Form]
    places: Sequence[Form]
    used_verbs: set[str] = field(default_factory=set)


# A verb; the kind of its argument; the argument's case and a wrong case; its time span (see
# UNSUITABLE_TIMES); the tenses that make sense for people elsewhere; the tenses in which the two speakers can
# say it of themselves (-: none).
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
HABITUAL_TIMES = {"place": ("her yıl", "her yaz"), "friend": ("her gün", "her hafta", "her akşam")}
UNSUITABLE_TIMES = {
    "any": (),
    "day": ("geçen yıl", "gelecek yıl"),
    "trip": ("dün", "önceki gün", "yarın", "bu akşam"),
    "year": ("dün", "önceki gün", "yarın", "bu akşam", "geçen hafta", "gelecek hafta"),
}
NEVER_ADVERBS = ("hiç", "asla", "hiçbir zaman")
SUBJECTS = {"sg1": noun("ben"), "sg2": noun("sen"), "pl1": noun("biz"), "pl2": noun("siz")}
POSSESSIVE_TAGS = {"sg1": "p1sg", "sg2": "p2sg", "sg3": "p3sg", "pl1": "p1pl", "pl2": "p2pl"}
OPENINGS = (
    "{fullname} ile {friend}, {place.loc} {setting} [konuşuyordu|sohbet ediyordu].",
    "{fullname}, {place.loc} {setting} {friend.acc} gördü ve yanına gitti.",
    "{friend} o gün {place.loc} {setting} {fullname.acc} bekliyordu; sonunda {name} geldi.",
    "{place.loc} {setting} {fullname} ile {friend.gen} [konuşması|sohbeti]:",
    "{fullname} {place.loc} {setting} {friend.acc} [görünce|bulunca] çok sevindi ve onunla konuştu.",
)
FIRST_MEETING_OPENINGS = (
    "{fullname}, {place.loc} {setting} biriyle tanıştı.",
    "{fullname} {place.loc} {setting} oturuyordu. Yanına biri geldi.",
    "{place.loc} {setting} bir tanışma: {fullname}",
    "{fullname} o gün {place.loc} {setting} yeni biriyle konuştu.",
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


# How two begin who do not know each other, and what one of them asks at the end.
INTRODUCTIONS = (
    ("Merhaba, benim adım {name}.", "Merhaba {name}, memnun oldum. Benim adım {friend}."),
    ("Ben {name}, senin adın ne?", "Adım {friend}. Memnun oldum, {name}."),
    ("Merhaba, ben {name}.", "Merhaba {name}, ben de {friend}."),
    ("Adın ne?", "Adım {friend}. Senin adın ne?", "Benim adım {name}.", "Memnun oldum, {name}."),
)
NAME_QUESTIONS = (
    ("Adın neydi?", "Adım {friend}."),
    ("Bu arada benim adım neydi, hatırlıyor musun?", "Adın {name}."),
    ("Adımı unutmadın, değil mi?", "Unutmadım, adın {name}."),
    ("Bana adını bir daha söyler misin?", "Adım {friend}."),
)
FIRST_MEETING_SHARE = 0.5
FIRST_MEETING_ENDINGS = (
    "{fullname} ile {friend} {place.loc} böyle tanıştı.", "{fullname} {friend.acc} hiç unutmadı.",
    "{friend} ile {fullname} sonra {place.loc} vedalaştı.", "{fullname} akşam herkese {friend.acc} anlattı.",
    "{fullname.gen} {place.loc} yeni bir arkadaşı oldu: {friend}.",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """A verb with an argument in the case that it governs."""

    kind: str  # of the argument: place, friend or thing
    argument: Form
    verb: Form
    wrong_argument: Form  # the argument in a wrong case
    time_span: str  # key of UNSUITABLE_TIMES
    dialogue_tenses: tuple[str, ...]  # tenses in which the two speakers can say it of themselves

    def inflect(self, tags: str) -> Form:
        """Return the verb with the suffixes of `tags`."""
        return inflect(self.verb, tags)


def draw_action(
    rng: random.Random, *tenses: str, by_speakers: bool = False, nouns: SentenceNouns | None = None
) -> Action:
    """Draw an action that makes sense in all of `tenses`.

    `by_speakers`: done by the two who talk, not by someone elsewhere. `nouns`: the argument's choices, drawn
    if None.
    """
    sensible = [row for row in VERBS if set(tenses) <= set(row[6] if by_speakers else row[5])]
    nouns = nouns or draw_nouns(rng, draw_scene(rng))
    stem, kind, right, wrong, span, _, own_tenses = rng.choice(
        [row for row in sensible if row[0] not in nouns.used_verbs] or sensible
    )
    nouns.used_verbs.add(stem)
    word = nouns[kind]
    return Action(kind, word.add(right), verb(stem), word.add(wrong), span, own_tenses)


def draw_scene(rng: random.Random, speakers: Collection[str] = (), excluded_province: str = "") -> Scene:
    """Draw a few people other than `speakers`, and a few provinces other than `excluded_province`."""
    elsewhere = [province.name for province in world.list_provinces() if province.name != excluded_province]
    absent = [person for person in people.FIRST_NAMES if person not in speakers]
    return Scene(rng.sample(absent, PEOPLE_PER_SCENE), rng.sample(elsewhere, PLACES_PER_SCENE))


def draw_nouns(rng: random.Random, scene: Scene) -> SentenceNouns:
    """Draw three people and a place of a scene, and a thing."""
    friend, who, other = rng.sample(scene.people, 3)
    return SentenceNouns(
        scene.used_verbs,
        place=rng.choice(scene.places),
        thing=rng.choice(people.THINGS),
        friend=friend,
        who=who,
        other=other,
    )


def draw_time(rng: random.Random, act: Action, tense: str) -> str:
    """Draw a time that suits both the tense and the action."""
    if tense == "aor":
        return rng.choice(HABITUAL_TIMES[act.kind])
    return rng.choice([time for time in TIMES[tense] if time not in UNSUITABLE_TIMES[act.time_span]])


def question_tags(tense: str, person: str) -> str:
    """Return the tags of a question in a person: geldin mi, but gelecek misin."""
    return f"{tense} {person} ask" if tense == "past" else f"{tense} ask {person}"


def deny(rng: random.Random, act: Action, tense: str, time: str, person: str = "") -> str:
    """Return a denial: Dün Kars'a gitmedi; Kars'a hiç gitmedi, hiçbir zaman gitmez."""
    adverbs = {"past": NEVER_ADVERBS[:1], "fut": NEVER_ADVERBS[1:2], "prog": (), "aor": NEVER_ADVERBS}[tense]
    start = rng.choice((f"{time} {act.argument}", *(f"{act.argument} {adverb}" for adverb in adverbs)))
    return f"{start} {act.inflect(f'neg {tense} {person}')}"


def ask_did_you(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Dün Kars'a gittin mi, Elif? — Hayır, gitmedim, ama yarın gideceğim."""
    tense = rng.choice(("past", "fut", "prog", "aor"))
    act = draw_action(rng, tense, by_speakers=True, nouns=nouns)
    your, my = rng.choice((("sg2", "sg1"), ("pl2", "pl1")))
    subject = rng.choice(("", f"{SUBJECTS[your]} "))
    me, time = SUBJECTS[my], draw_time(rng, act, tense)
    question = f"{subject}{time} {act.argument} {act.inflect(question_tags(tense, your))}, {you}?"
    answers = [f"Evet, {me} {time} {act.argument} {act.inflect(f'{tense} {my}')}."]
    if tense == "past" and "fut" in act.dialogue_tenses:
        later = draw_time(rng, act, "fut")
        answers.append(
            f"Hayır, {me} {act.inflect(f'neg past {my}')}, ama {later} {act.inflect(f'fut {my}')}."
        )
    if act.verb not in ("ayrıl", "dön"):  # whoever has not left the place would be there, not here
        answers.append(f"Hayır, {me} {deny(rng, act, tense, time, my)}.")
    return question, rng.choice(answers)


def ask_did_someone(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Ali her yıl Kars'a gider mi? — Hayır, Ali Kars'a hiçbir zaman gitmez."""
    tense = rng.choice(("past", "fut", "prog", "aor"))
    act, who = draw_action(rng, tense, nouns=nouns), nouns["who"]
    time = draw_time(rng, act, tense)
    question = f"{who} {time} {act.argument} {act.inflect(tense).ask}?"
    answers = (
        f"Evet, {who} {time} {act.argument} {act.inflect(tense)}.",
        f"Hayır, {who} {deny(rng, act, tense, time)}.",
    )
    return question, rng.choice(answers)


def ask_ever(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Sen hiç Kars'a gittin mi? — Hayır, ben Kars'a hiçbir zaman gitmedim."""
    act = draw_action(rng, "past", "aor", by_speakers=True, nouns=nouns)
    question = f"Sen hiç {act.argument} {act.inflect('past sg2 ask')}, {you}?"
    answers = (
        f"Evet, ben {draw_time(rng, act, 'past')} {act.argument} {act.inflect('past sg1')}.",
        f"Hayır, ben {act.argument} {rng.choice(('hiç', 'hiçbir zaman'))} {act.inflect('neg past sg1')}.",
        f"Ben {act.inflect('neg past sg1')}, ama {nouns['who']} {act.inflect('past')}.",
    )
    return question, rng.choice(answers)


def ask_who(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Dün Kars'a kim gitti? — Ben gittim, Ali gitmedi."""
    tense = rng.choice(("past", "fut"))
    act, first, second = draw_action(rng, tense, by_speakers=True, nouns=nouns), nouns["who"], nouns["other"]
    question = f"{draw_time(rng, act, tense)} {act.argument} kim {act.inflect(tense)}, {you}?"
    my = rng.choice(("sg1", "pl1"))
    answers = [
        f"{SUBJECTS[my]} {act.inflect(f'{tense} {my}')}, {first} {act.inflect(f'neg {tense}')}.",
        f"{first} {act.inflect(tense)}, {second} ise {act.inflect(f'neg {tense}')}.",
    ]
    if act.kind != "place":
        answers.append(f"{act.argument} kimse {act.inflect(f'neg {tense}')}.")
    return question, rng.choice(answers)


def ask_you_too(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Biz yarın Kars'a gideceğiz, siz de gidecek misiniz? — Hayır, biz dün gittik."""
    act = draw_action(rng, "fut", by_speakers=True, nouns=nouns)
    time = draw_time(rng, act, "fut")
    question = (
        f"Biz {time} {act.argument} {act.inflect('fut pl1')}; siz de {act.inflect('fut ask pl2')}, {you}?"
    )
    answers = (
        f"Evet, biz de {time} {act.argument} {act.inflect('fut pl1')}.",
        f"Hayır, biz {act.argument} {draw_time(rng, act, 'past')} {act.inflect('past pl1')}.",
        f"Ben {act.inflect('fut sg1')}, ama {nouns['who']} {act.inflect('neg fut')}.",
    )
    return question, rng.choice(answers)


def ask_whose(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Bu kitap senin mi? — Hayır, benim kitabım evde; bu, Ali'nin kitabı."""
    thing, who = nouns["thing"], nouns["who"]
    question = f"Bu {thing} senin mi, {you}?"
    answers = (
        f"Hayır, benim {thing.p1sg} evde; bu, {who.gen} {thing.p3sg}.",
        f"Evet, bu benim {thing.p1sg}; {who.gen} {thing.p3sg} evde.",
        f"Hayır, bu senin {thing.p2sg} değil mi?",
    )
    return question, rng.choice(answers)


def ask_where(rng: random.Random, you: str, nouns: SentenceNouns) -> tuple[str, str]:
    """Compose: — Sizin şapkanız nerede? — Bizim şapkamız Van'da kaldı."""
    thing, place, who = nouns["thing"], nouns["place"], nouns["who"]
    owners = {
        "sg2": (SUBJECTS["sg2"], "sg1", SUBJECTS["sg1"]),
        "pl2": (SUBJECTS["pl2"], "pl1", SUBJECTS["pl1"]),
        "sg3": (who, "sg3", who),
    }
    your = rng.choice(list(owners))
    owner, my, answering = owners[your]
    owned = thing.add(POSSESSIVE_TAGS[my])
    mine = f"{answering.gen} {owned}"
    answers = (
        f"{mine} {place.loc} kaldı.",
        f"{mine} {place.loc} kayboldu.",
        f"{mine} evde.",
        f"{answering.gen} {owned.acc} {nouns['other']} aldı.",
    )
    return f"{owner.gen} {thing.add(POSSESSIVE_TAGS[your])} nerede, {you}?", rng.choice(answers)


def _parse_verb_row(entry: str) -> tuple[str, str, str, str, str, tuple[str, ...], tuple[str, ...]]:
    stem, kind, right, wrong, span, tenses, own = entry.rsplit(maxsplit=6)
    return stem, kind, right, wrong, span, tuple(tenses.split(",")), tuple(own.split(","))


VERBS = tuple(
    _parse_verb_row(entry) for line in VERBS_TABLE.strip().split("\n") for entry in line.split("; ")
)
EXCHANGES = (
    ask_did_you,
    ask_did_you,
    ask_did_someone,
    ask_did_someone,
    ask_ever,
    ask_who,
    ask_you_too,
    ask_whose,
    ask_where,
    ask_where,
)
ASK_BACK_SHARE = 0.6  # of the answers are followed by a question in the same turn


def name_speakers(slots: Slots, speakers: Sequence[str]) -> Slots:
    """Return slots in which {name} speaks next, to {friend}."""
    return {**slots, "name": speakers[0], "friend": speakers[1]}


def compose(rng: random.Random, slots: Slots) -> ComposedText:
    """Compose a chat of four to six exchanges between {name} and {friend}, each turn a paragraph."""
    slots = {**slots, "setting": noun(rng.choice(SETTINGS))}
    is_first_meeting = rng.random() < FIRST_MEETING_SHARE
    if is_first_meeting:
        slots["friend"] = people.draw_new_name(rng)
    speakers = [slots["name"], slots["friend"]]
    scene = draw_scene(rng, speakers, slots["place"])
    turns: list[str] = []
    if is_first_meeting:
        rng.shuffle(speakers)
        turns = [fill(rng, turn, name_speakers(slots, speakers)) for turn in rng.choice(INTRODUCTIONS)]
    for exchange in rng.sample(EXCHANGES, k=rng.randint(4, 6)):
        asking_back = bool(turns) and rng.random() < ASK_BACK_SHARE
        if asking_back or (not turns and rng.random() < 0.5):
            speakers.reverse()
        nouns = draw_nouns(rng, scene)
        question, answer = (fill(rng, turn, {}) for turn in exchange(rng, speakers[1], nouns))
        turns[-1:] = [f"{turns[-1]} {question}"] if asking_back else [*turns[-1:], question]
        turns.append(answer)
    if is_first_meeting or rng.random() < 0.4:
        closings = NAME_QUESTIONS if is_first_meeting else CLOSINGS
        turns += [fill(rng, turn, name_speakers(slots, speakers)) for turn in rng.choice(closings)]
    openings = FIRST_MEETING_OPENINGS if is_first_meeting else OPENINGS
    paragraphs = (fill(rng, rng.choice(openings), slots), *(f"— {turn}" for turn in turns))
    endings = FIRST_MEETING_ENDINGS if is_first_meeting else ENDINGS
    paragraphs = (*paragraphs, fill(rng, rng.choice(endings), slots))
    question_about_text = fill(rng, "{fullname} {place.loc} {setting} kiminle konuştu?", slots)
    return ComposedText(paragraphs, ((question_about_text, fill(rng, "{friend.ins}", slots)),))
