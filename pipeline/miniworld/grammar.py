"""Turkish grammar in pairs and pieces: minimal pairs with one fault, and words cut into their morphemes."""

import random
import re
from collections.abc import Callable

from pipeline.miniworld import people, texts, world
from pipeline.miniworld.chats import NEVER, OWNED, SUBJECTS, TIMES, action, when
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import Form, inflect, noun, verb
from pipeline.turkish.phonology import VOWELS

Pair = tuple[str, str]  # a sentence right and wrong

MOST_BYTES_APART = 2
WORD = re.compile(r"[\w'’]+")
OTHER_HARMONY = str.maketrans("aeıiuü", "eaiıüu")

# Sentences with a hole for a noun in a case.
HOLES = {
    "acc": ("{who} dün {hole} gördü.", "{who} bize {hole} anlattı.", "{friend} {hole} çok seviyor."),
    "dat": ("{who} uzun uzun {hole} baktı.", "{friend} dönüp {hole} baktı."),
    "loc": ("{who} {hole} bir şey gördü.", "{friend} {hole} güzel bir şey buldu."),
    "abl": ("{who} akşam {hole} söz etti.", "{friend} bize {hole} bahsetti."),
    "gen": ("{who} {hole} yerini bilir.", "{friend} bize {hole} resmini gösterdi."),
}
SOFTENING = (
    "kitap ağaç ekmek dolap çorap kulak köpek sokak bardak çiçek gözlük mutfak balık yemek bıçak tabak"
)


def minimal_pairs(seed: int, count_per_type: int) -> list[dict[str, str]]:
    """`count_per_type` pairs of each phenomenon: good, bad, type.

    The two differ in one word and by at most two bytes; no good sentence comes twice.
    """
    pairs: dict[str, tuple[str, str]] = {}  # by the good sentence: the bad one and the type
    for number, (name, phenomenon) in enumerate(PHENOMENA.items(), start=1):
        rng = random.Random(f"{seed}:{name}")
        while len(pairs) < number * count_per_type:
            good, bad = map(capitalize, phenomenon(rng, draw(rng)))
            if abs(len(good.encode()) - len(bad.encode())) <= MOST_BYTES_APART and good != bad:
                pairs.setdefault(good, (bad, name))
    return [{"good": good, "bad": bad, "type": kind} for good, (bad, kind) in pairs.items()]


def draw(rng: random.Random) -> dict[str, Form]:
    """Two people, a place and a thing."""
    who, friend = rng.sample(people.FIRST_NAMES, 2)
    province = rng.choice(world.PROVINCES)
    place = rng.choice((province.name, *province.districts))
    return {"who": who, "friend": friend, "place": place, "thing": rng.choice(people.THINGS)}


def in_hole(rng: random.Random, case: str, slots: dict[str, Form], words: Pair) -> Pair:
    """Both words of a pair in one sentence that asks for `case`."""
    frame = rng.choice(HOLES[case])
    return frame.format_map(slots | {"hole": words[0]}), frame.format_map(slots | {"hole": words[1]})


def with_ending(form: Form, ending: str) -> str:
    """`form` with another last morpheme."""
    return "".join(form.segments[:-1]) + ending


def vowel_harmony(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Kars'ta, *Kars'te; defteri, *defterı."""
    case = rng.choice(list(HOLES))
    form = rng.choice((slots["place"], slots["thing"])).add(case)
    return in_hole(rng, case, slots, (form, with_ending(form, form.segments[-1].translate(OTHER_HARMONY))))


def consonant_assimilation(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Kars'ta, *Kars'da; Van'da, *Van'ta; bardaktan, *bardakdan."""
    case = rng.choice(("loc", "abl"))
    form = rng.choice((slots["place"], slots["thing"])).add(case)
    ending = form.segments[-1].translate(str.maketrans("td", "dt"))
    return in_hole(rng, case, slots, (form, with_ending(form, ending)))


def consonant_softening(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Kitabı, *kitapı; ekmeğe, *ekmeke."""
    case = rng.choice(("acc", "dat", "gen"))
    word = noun(rng.choice(SOFTENING.split()))
    return in_hole(rng, case, slots, (word.add(case), word + word.add(case).segments[-1]))


def buffer_letter(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Şapkayı, *şapkaı; şapkanın, *şapkaın."""
    case = rng.choice(("acc", "dat", "gen"))
    word = rng.choice([thing for thing in people.THINGS if thing[-1] in VOWELS])
    form = word.add(case)
    return in_hole(rng, case, slots, (form, with_ending(form, form.segments[-1][1:])))


def pronominal_n(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Van Gölü'nde, *Van Gölü'de; çantasına, *çantasıya."""
    case = rng.choice(("acc", "dat", "loc", "abl"))
    sights = [p.sight for p in world.PROVINCES if p.sight.state == "compound"]
    form = rng.choice((rng.choice(sights), slots["thing"].p3sg)).add(case)
    letter = "" if case in ("loc", "abl") else "y"
    return in_hole(rng, case, slots, (form, with_ending(form, form.segments[-1].replace("n", letter, 1))))


def case_government(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Kars'a gitti, *Kars'ı gitti."""
    tense = rng.choice(("past", "fut", "prog"))
    act = action(rng, tense)
    good, bad = (f"{slots['who']} {word} {act.does(tense)}." for word in (act.what, act.wrong))
    return good, bad


def subject_verb_agreement(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Ben gittim, *ben gittin; Elif gitti, *Elif gittim."""
    right, subject = rng.choice([*SUBJECTS.items(), ("sg3", slots["who"])])
    wrong = rng.choice([other for other in ("sg1", "sg2", "pl1") if other != right])
    tense = rng.choice(("past", "fut", "prog"))
    act = action(rng, tense)
    good, bad = (f"{subject} {act.what} {act.does(f'{tense} {person}')}." for person in (right, wrong))
    return good, bad


def possessive_agreement(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Benim kitabım, *benim kitabın; Elif'in kitabı, *Elif'in kitabım."""
    right, owner = rng.choice([*SUBJECTS.items(), ("sg3", slots["who"])])
    wrong = rng.choice([other for other in ("sg1", "sg2", "sg3", "pl1") if other != right])
    rest = f"{slots['place'].loc} {rng.choice(('kayboldu', 'kırıldı', 'bulundu', 'kaldı'))}"
    good, bad = (f"{owner.gen} {slots['thing'].add(OWNED[person])} {rest}." for person in (right, wrong))
    return good, bad


def question_particle(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Gitti mi? *Gitti mı?"""
    tense = rng.choice(("past", "fut", "prog"))
    act = action(rng, tense)
    right = act.does(tense).ask
    wrong = rng.choice([other for other in (" mi", " mı", " mü", " mu") if other != right.segments[-1]])
    return f"{slots['who']} {act.what} {right}?", f"{slots['who']} {act.what} {with_ending(right, wrong)}?"


def time_and_tense(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Yarın gidecek, *yarın gitti."""
    right, wrong = rng.sample(list(TIMES), 2)
    act = action(rng, right, wrong)
    start = f"{slots['who']} {when(rng, act, right)} {act.what}"
    return f"{start} {act.does(right)}.", f"{start} {act.does(wrong)}."


def negative_polarity(rng: random.Random, slots: dict[str, Form]) -> Pair:
    """Asla gitmedi, *asla gitti."""
    act = action(rng, "past")
    start = f"{slots['who']} {act.what} {rng.choice(NEVER)}"
    return f"{start} {act.does('neg past')}.", f"{start} {act.does('past')}."


# The names seed the generators and stand in the corpus: a function may be renamed, its name here may not.
PHENOMENA: dict[str, Callable[[random.Random, dict[str, Form]], Pair]] = {
    "vowel_harmony": vowel_harmony,
    "consonant_assimilation": consonant_assimilation,
    "consonant_softening": consonant_softening,
    "buffer_letter": buffer_letter,
    "pronominal_n": pronominal_n,
    "case_government": case_government,
    "subject_verb_agreement": subject_verb_agreement,
    "possessive_agreement": possessive_agreement,
    "question_particle": question_particle,
    "time_and_tense": time_and_tense,
    "negative_polarity": negative_polarity,
}

NOUN_TAGS = (
    "pl|p1sg|p3sg|acc|dat|loc|abl|gen|ins|li|pl acc|pl dat"
    "|p1sg acc|p3sg acc|p3sg dat|p3sg loc|p3sg abl|p3sg gen"
)
VERB_TAGS = (
    "past|prog|fut|aor|evid|neg past|neg prog|neg aor|past sg1|prog sg1|fut sg1"
    "|evid past|prog past|inca|ip|an"
)
SAMPLE = 3_000  # documents in which a form must occur


def segmentations(seed: int) -> list[tuple[str, str]]:
    """(form, surface morphemes joined by "|") of words of the texts that can be cut in one way only.

    The apostrophe and a buffer letter belong to the ending (Ankara|'ya, dede|si|ne); an altered stem is cut
    as it is written (kitab|ı|nı, başlı|yor).
    """
    words = {word for text in texts.documents(seed, SAMPLE) for word in WORD.findall(text.text)}
    nouns = [*people.THINGS, *people.KIN, *people.JOBS, *map(noun, SOFTENING.split())]
    names = [*people.FIRST_NAMES, *(name for p in world.PROVINCES for name in (p.name, *p.districts))]
    cuts: dict[str, set[str]] = {}
    for stems, chains in (([*nouns, *names], NOUN_TAGS), (map(verb, texts.verb_stems()), VERB_TAGS)):
        for stem in stems:
            for chain in chains.split("|"):
                form = inflect(stem, chain)
                cuts.setdefault(form, set()).add("|".join(form.segments))
    return [(form, found.pop()) for form, found in cuts.items() if form in words and len(found) == 1]
