"""Dialogues of questions and answers: in a lesson, a radio quiz, between a child and a relative, by phone."""

import random
from dataclasses import dataclass
from functools import cache

from pipeline.miniworld import facts
from pipeline.miniworld.entries import FAMILIES_NAMING_OTHERS, KIND_WEIGHTS
from pipeline.miniworld.facts import PAIR_QUESTIONS, Fact, Pair, list_facts, list_open_pairs, load_families
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, choose_zipf, fill
from pipeline.text.careless import type_carelessly

MIN_QUESTIONS, MAX_QUESTIONS = 4, 6
ONE_SUBJECT_SHARE = 0.35  # of the quizzes ask about one subject alone
PAIR_SHARE = 0.2  # of the questions ask for two facts
WRONG_SHARE = 0.04  # of the answers are wrong at first
VOCATIVE_SHARE = 0.35  # of the questions name who is asked
SENTENCE_SHARE = 0.5  # of the answers are sentences
REPLY_SHARE = 0.6  # of the answers are replied to
TRANSITION_SHARE = 0.3
TYPED_SHARE = 0.4  # of the quizzes are messages, whose questions are typed carelessly
FOLLOW_UP_SHARE = 0.5  # of the questions about the same subject as the last one leave its name out


@dataclass(frozen=True)
class Setting:
    """The place of a quiz, and who asks whom."""

    answerer: str  # the slot of who is asked
    is_asker_knowing: bool  # the asker knows the answers
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
TYPED_SETTING = Setting("friend", False, (
    "{fullname} {friend.ins} mesajlaşıyordu ve ona birkaç soru yazdı.",
    "{fullname} {place.abl} {friend.dat} telefondan sorular yazdı.",
    "{fullname} otobüste {friend.dat} mesaj attı.",
    "{fullname} ile {friend} akşam mesajlaştı. {name} sordu, {friend} cevap yazdı.",
    "{fullname} evden {friend.dat} yazdı; aklına takılanları soruyordu.",
    "{day} {fullname} {place.loc} telefonunu eline aldı ve {friend.dat} yazdı.",
))  # fmt: skip
SHORT_ANSWERS = (
    "{answer}.", "Bence {answer}.", "Biliyorum: {answer}.", "Kolay soru: {answer}.", "Cevap: {answer}.",
    "Tabii biliyorum, {answer}.", "Sanırım {answer}.", "{answer}, bunu herkes bilir.", "Buldum: {answer}.",
    "Söyleyeyim: {answer}.", "{answer}, eminim.", "Dur, hatırladım: {answer}.",
)  # fmt: skip
SENTENCE_ANSWERS = (
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
TRANSITIONS = (
    "Bir sorum daha var.",
    "Başka bir soru:",
    "Bir de şunu soracağım:",
    "Şimdi bunu söyle:",
    "Sıradaki soru:",
)
WRONG_GUESSES = ("{y.ask}?", "Yoksa {y.ask}?", "Dur bakayım, {y.ask}?", "Emin değilim, {y.ask}?")
CORRECTIONS = ("Hayır, {answer}.", "Olmadı, doğrusu {answer}.", "Yanlış. Cevap: {answer}.")
ENDINGS = (
    "Sorular bitince {fullname} güldü.", "{fullname} o günü sorularla geçirdi.",
    "Sonra {fullname} {friend2.dat} gitti.", "Sorular bitti, ama {fullname} hiç yorulmadı.",
    "{fullname} o gün {place.loc} çok şey öğrendi.", "{fullname} yarın da soru cevap oynayacak.",
    "{fullname} bunları {friend2.dat.da} soracak.", "{fullname.gen} {place.loc.ki} günü böyle geçti.",
    "{fullname} akşam bunları {friend2.dat} anlattı.", "{fullname} {place.loc} bunları herkese anlattı.",
)  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """A question with its answer, and with a wrong guess."""

    question: str
    answer: str  # a whole turn
    short_answer: str
    wrong_guess: str = ""  # empty: nobody guesses


def compose(rng: random.Random, slots: Slots) -> ComposedText:
    """Compose a quiz: who asks whom, then questions and answers. Slots are those of people.draw_cast."""
    is_typed = rng.random() < TYPED_SHARE
    setting = TYPED_SETTING if is_typed else rng.choice(SETTINGS)
    hand = rng.random()  # one person types in one way
    paragraphs = [fill(rng, rng.choice(setting.openings), slots)]
    replies = PRAISES if setting.is_asker_knowing else THANKS
    unused_replies = rng.sample(replies, len(replies))
    reply = ""  # to the answer before
    previous: Fact | None = None
    for fact in draw_facts(rng, rng.randint(MIN_QUESTIONS, MAX_QUESTIONS)):
        follows = previous is not None and can_follow(previous, fact) and rng.random() < FOLLOW_UP_SHARE
        asks_pair = not follows and rng.random() < PAIR_SHARE and open_pairs_by_fact()[fact]
        exchange = ask_pair(rng, fact) if asks_pair else ask_fact(rng, fact, follows=follows)
        previous = fact
        question = exchange.question
        is_plain_question = "," not in question and "söyle" not in question and not follows
        has_transition = is_plain_question and len(paragraphs) > 1 and rng.random() < TRANSITION_SHARE
        if is_plain_question and rng.random() < VOCATIVE_SHARE:
            question = question.replace("?", f", {slots[setting.answerer]}?")
        turn = (reply, rng.choice(TRANSITIONS) if has_transition else "", question)
        asked = " ".join(filter(None, turn))
        paragraphs.append(f"— {type_carelessly(asked, random.Random(hand))}" if is_typed else f"— {asked}")
        reply = unused_replies.pop() if rng.random() < REPLY_SHARE else ""
        answer = exchange.answer
        if exchange.wrong_guess and setting.is_asker_knowing and rng.random() < WRONG_SHARE:
            answer = exchange.wrong_guess
            reply = rng.choice(CORRECTIONS).format(answer=exchange.short_answer)
        paragraphs.append(f"— {answer}")
    if reply:
        paragraphs.append(f"— {type_carelessly(reply, random.Random(hand)) if is_typed else reply}")
    return ComposedText((*paragraphs, fill(rng, rng.choice(ENDINGS), slots)))


@cache
def facts_by_kind() -> dict[str, list[Fact]]:
    """Return the facts by the kind of their subjects."""
    return facts.group_facts(lambda fact: load_families()[fact.family].kind)


@cache
def open_pairs_by_fact() -> dict[Fact, list[Pair]]:
    """Return for each fact the open pairs in which it comes first, empty without any."""
    by_fact: dict[Fact, list[Pair]] = {fact: [] for fact in list_facts()}
    for pair in list_open_pairs():
        by_fact[pair.first].append(pair)
        by_fact[pair.second].append(pair.swap())
    return by_fact


def draw_facts(rng: random.Random, count: int) -> list[Fact]:
    """Draw different facts, about one subject or about any."""
    kinds, weights = list(KIND_WEIGHTS), list(KIND_WEIGHTS.values())
    if rng.random() < ONE_SUBJECT_SHARE:
        subject_facts = facts.find_facts(rng.choice(facts_by_kind()[rng.choices(kinds, weights)[0]]).subject)
        if len(subject_facts) >= MIN_QUESTIONS:
            return rng.sample(subject_facts, min(count, len(subject_facts)))
    chosen = dict.fromkeys(rng.choice(facts_by_kind()[kind]) for kind in rng.choices(kinds, weights, k=count))
    return list(chosen)


def can_follow(previous: Fact, fact: Fact) -> bool:
    """Return whether a question for `fact` may leave out its subject after one for `previous`."""
    families = load_families()
    return (
        previous.subject == fact.subject
        and bool(families[previous.family].follow_ups and families[fact.family].follow_ups)
        and previous.family not in (*FAMILIES_NAMING_OTHERS, "young", "pet", "pet_name")
    )


def ask_fact(rng: random.Random, fact: Fact, *, follows: bool = False) -> Exchange:
    """Return an exchange that asks for one fact. `follows`: its subject has just been named."""
    family = load_families()[fact.family]
    slots = {**fact.slots, "answer": fact.answers[0]}
    slots["says"] = facts.state_fact(rng, fact)
    others = [other for other in facts.facts_by_family()[fact.family] if other.slots["y"] not in fact.answers]
    if fact.family == "coast":
        answer, wrong_guess = "{answer}, {says}", ""
    else:
        answer = rng.choice(SENTENCE_ANSWERS if rng.random() < SENTENCE_SHARE else SHORT_ANSWERS)
        wrong_guess = fill(rng, rng.choice(WRONG_GUESSES), rng.choice(others).slots)
    return Exchange(
        fill(rng, choose_zipf(rng, family.follow_ups if follows else family.questions), slots),
        fill(rng, answer, slots),
        fact.answers[0],
        wrong_guess,
    )


def ask_pair(rng: random.Random, fact: Fact) -> Exchange:
    """Return an exchange that asks for the fact together with another of its subject."""
    pair = rng.choice(open_pairs_by_fact()[fact])
    answer = fill(rng, rng.choice(SHORT_ANSWERS), {"answer": pair.answers[0]})
    return Exchange(fill(rng, rng.choice(PAIR_QUESTIONS), pair.slots), answer, pair.answers[0])
