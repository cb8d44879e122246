"""Dialogues of questions and answers: a lesson, a quiz on the radio, a child who asks its grandmother."""

import random
from collections import defaultdict
from dataclasses import dataclass

from pipeline.miniworld import facts
from pipeline.miniworld.entries import KINDS
from pipeline.miniworld.facts import FACTS, FAMILIES, OPEN_PAIRS, PAIR_ASKS, Fact, Pair
from pipeline.miniworld.plots import Told
from pipeline.miniworld.templates import Slots, favoured, fill

FEWEST_QUESTIONS, MOST_QUESTIONS = 4, 6
ONE_SUBJECT_SHARE = 0.35  # of the quizzes ask about one subject alone
PAIR_SHARE = 0.2  # of the questions ask for two facts
WRONG_SHARE = 0.04  # of the answers are wrong at first
VOCATIVE_SHARE = 0.35  # of the questions name who is asked
SENTENCE_SHARE = 0.5  # of the answers are sentences
REPLY_SHARE = 0.6  # of the answers are replied to
PASSING_SHARE = 0.3


@dataclass(frozen=True)
class Setting:
    """Where it is and who asks whom."""

    answerer: str  # the slot of who is asked
    knowing: bool  # whoever asks knows the answers
    openings: tuple[str, ...]


SETTINGS = (
    Setting("name", True, (
        "{fullname} o sabah {place.loc.ki} okulunda sınavdaydı. Öğretmen sordu, {name} cevap verdi.",
        "Öğretmen, {fullname.acc} tahtaya kaldırdı ve ona birkaç soru sordu.",
        "Derste sıra {fullname.dat} geldi. Öğretmen soruyor, {name} cevap veriyordu.",
        "O gün sınıfta herkes {fullname.acc} dinliyordu, çünkü öğretmen soruları ona soruyordu.",
    )),
    Setting("name", True, (
        "{fullname} radyodaki bilgi yarışmasına katıldı. Soruları {friend} soruyordu.",
        "{fullname} ile {friend} otobüste bilgi oyunu oynuyordu. Önce {friend} sordu.",
        "{place.abl} dönerken {friend}, {fullname.dat} sorular sordu.",
        "{fullname} {friend.ins} parkta oturdu ve onun sorularını yanıtladı.",
        "{friend} yarınki sınav için {fullname.acc} çalıştırıyordu.",
        "{fullname} ile {friend}, {place.loc} otobüs beklerken bilgi oyunu oynadı. {friend} sordu:",
        "{day} {fullname} {place.loc} bilgi yarışmasına katıldı. Soruları {friend} okudu.",
    )),
    Setting("name", True, (
        "{fullname.gen} {kin.p3sg} soru sormayı çok severdi. O akşam da sordu.",
        "{fullname} mutfakta {kin.p3sg.gen} sorularını yanıtladı.",
        "{fullname} sofrada {kin.p3sg.gen} sorularına cevap veriyordu.",
    )),
    Setting("friend", False, (
        "{fullname}, arkadaşı {friend.dat} bilmediği şeyleri sordu.",
        "{fullname} {place.loc} {friend.ins} karşılaştı ve ona hemen birkaç soru sordu.",
        "{fullname} ödevini yapıyordu. Bilmediklerini {friend.dat} soruyordu.",
        "{fullname} telefonda {friend.dat} birkaç soru sordu.",
    )),
    Setting("kin", False, (
        "{fullname} akşam {kin.p3sg.gen} yanına oturdu ve ona sorular sordu.",
        "{fullname} her şeyi {kin.p3sg.dat} sorardı. O gün de öyle oldu.",
        "{place} yolunda {fullname} durmadan {kin.p3sg.dat} sorular soruyordu.",
        "{fullname} bulmaca çözerken {kin.p3sg.abl} yardım istedi.",
    )),
)  # fmt: skip
SHORT_ANSWERS = (
    "{answer}.", "Bence {answer}.", "Biliyorum: {answer}.", "Kolay soru: {answer}.", "Cevap: {answer}.",
    "Tabii biliyorum, {answer}.", "Sanırım {answer}.", "{answer}, bunu herkes bilir.", "Buldum: {answer}.",
    "Söyleyeyim: {answer}.", "{answer}, eminim.", "Dur, hatırladım: {answer}.",
)  # fmt: skip
SENTENCES = (
    "{says}", "{says}", "{says}", "Biliyorum. {says}", "Kolay. {says}", "Bunu okumuştum. {says}",
    "Söyleyeyim. {says}", "Tabii biliyorum. {says}",
)  # fmt: skip
PRAISES = (
    "Doğru.", "Çok doğru.", "Aferin sana!", "Bravo!", "Evet, bildin.", "Doğru bildin.", "Güzel.",
    "Çok güzel.", "Harika!", "Tamam, doğru.", "Evet, öyle.",
)  # fmt: skip
THANKS = (
    "Teşekkür ederim.", "Bunu bilmiyordum.", "Şimdi öğrendim.", "Ne güzel!", "Sen her şeyi biliyorsun.",
    "Bunu yazıyorum.", "Anladım.", "Bunu unutmam.", "Çok iyi.",
)  # fmt: skip
PASSINGS = (
    "Bir sorum daha var.",
    "Başka bir soru:",
    "Bir de şunu soracağım:",
    "Şimdi bunu söyle:",
    "Sıradaki soru:",
)
DOUBTS = ("{y.ask}?", "Yoksa {y.ask}?", "Dur bakayım, {y.ask}?", "Emin değilim, {y.ask}?")
CORRECTIONS = ("Hayır, {answer}.", "Olmadı, doğrusu {answer}.", "Yanlış. Cevap: {answer}.")
ENDINGS = (
    "Sorular bitince {fullname} güldü.", "{fullname} o günü sorularla geçirdi.",
    "Sonra {fullname} {friend2.dat} gitti.", "Sorular bitti, ama {fullname} hiç yorulmadı.",
    "{fullname} o gün {place.loc} çok konuştu.", "{fullname} yarın da soru cevap oynayacak.",
    "{fullname} bunları {friend2.dat.da} soracak.", "{fullname.gen} {place.loc.ki} günü böyle geçti.",
    "{fullname} akşam bunları {friend2.dat} anlattı.", "{fullname} {place.loc} bunları hep anlattı.",
)  # fmt: skip

FACTS_OF_KIND: dict[str, list[Fact]] = defaultdict(list)
FACTS_OF_FAMILY: dict[str, list[Fact]] = defaultdict(list)
PAIRS_OF: dict[Fact, list[Pair]] = defaultdict(list)
for _fact in FACTS:
    FACTS_OF_KIND[FAMILIES[_fact.family].kind].append(_fact)
    FACTS_OF_FAMILY[_fact.family].append(_fact)
for _pair in OPEN_PAIRS:
    PAIRS_OF[_pair.first].append(_pair)
    PAIRS_OF[_pair.second].append(_pair.turned())


@dataclass(frozen=True)
class Exchange:
    """A question with its answer, and with the words of someone who does not know."""

    question: str
    answer: str  # a whole turn
    short: str
    doubt: str = ""  # a wrong guess; empty: nobody guesses


def compose(rng: random.Random, slots: Slots) -> Told:
    """A quiz: who asks whom, and questions and answers in turn; slots of people.cast."""
    setting = rng.choice(SETTINGS)
    paragraphs = [fill(rng, rng.choice(setting.openings), slots)]
    replies = PRAISES if setting.knowing else THANKS
    unsaid = rng.sample(replies, len(replies))
    reply = ""  # to the answer before
    for fact in drawn(rng, rng.randint(FEWEST_QUESTIONS, MOST_QUESTIONS)):
        exchange = (
            pair_exchange(rng, fact) if rng.random() < PAIR_SHARE and PAIRS_OF[fact] else single(rng, fact)
        )
        question = exchange.question
        bare = "," not in question and "söyle" not in question
        passing = bare and len(paragraphs) > 1 and rng.random() < PASSING_SHARE
        if bare and rng.random() < VOCATIVE_SHARE:
            question = question.replace("?", f", {slots[setting.answerer]}?")
        turn = ("—", reply, rng.choice(PASSINGS) if passing else "", question)
        paragraphs.append(" ".join(filter(None, turn)))
        reply = unsaid.pop() if rng.random() < REPLY_SHARE else ""
        answer = exchange.answer
        if exchange.doubt and setting.knowing and rng.random() < WRONG_SHARE:
            answer = exchange.doubt
            reply = rng.choice(CORRECTIONS).format(answer=exchange.short)
        paragraphs.append(f"— {answer}")
    if reply:
        paragraphs.append(f"— {reply}")
    return Told((*paragraphs, fill(rng, rng.choice(ENDINGS), slots)))


def drawn(rng: random.Random, count: int) -> list[Fact]:
    """Different facts, about one subject or about anything."""
    kinds, weights = list(KINDS), list(KINDS.values())
    if rng.random() < ONE_SUBJECT_SHARE:
        about = facts.of(rng.choice(FACTS_OF_KIND[rng.choices(kinds, weights)[0]]).subject)
        if len(about) >= FEWEST_QUESTIONS:
            return rng.sample(about, min(count, len(about)))
    chosen = dict.fromkeys(rng.choice(FACTS_OF_KIND[kind]) for kind in rng.choices(kinds, weights, k=count))
    return list(chosen)


def single(rng: random.Random, fact: Fact) -> Exchange:
    """One fact asked for."""
    family = FAMILIES[fact.family]
    slots = {**fact.slots, "answer": fact.answers[0]}
    slots["says"] = facts.said(rng, fact)
    others = [other for other in FACTS_OF_FAMILY[fact.family] if other.slots["y"] not in fact.answers]
    if fact.family == "coast":
        answer, doubt = "{answer}, {says}", ""
    else:
        answer = rng.choice(SENTENCES if rng.random() < SENTENCE_SHARE else SHORT_ANSWERS)
        doubt = fill(rng, rng.choice(DOUBTS), rng.choice(others).slots)
    return Exchange(
        fill(rng, favoured(rng, family.asks), slots), fill(rng, answer, slots), fact.answers[0], doubt
    )


def pair_exchange(rng: random.Random, fact: Fact) -> Exchange:
    """The fact asked for together with another one of its subject."""
    pair = rng.choice(PAIRS_OF[fact])
    answer = fill(rng, rng.choice(SHORT_ANSWERS), {"answer": pair.answers[0]})
    return Exchange(fill(rng, rng.choice(PAIR_ASKS), pair.slots), answer, pair.answers[0])
