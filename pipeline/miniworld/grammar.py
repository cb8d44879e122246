"""Minimal pairs with one grammatical error each, and words segmented into their morphemes."""

import random
import re
from collections.abc import Callable

from pipeline.miniworld import people, texts, world
from pipeline.miniworld.chats import NEVER_ADVERBS, POSSESSIVE_TAGS, SUBJECTS, TIMES, draw_action, draw_time
from pipeline.text.casing import capitalize
from pipeline.turkish.inflect import Form, inflect, noun, verb
from pipeline.turkish.phonology import VOWELS

SentencePair = tuple[str, str]  # a good sentence and a bad one

MAX_BYTES_APART = 2
WORD = re.compile(r"[\w'’]+")
OTHER_HARMONY = str.maketrans("aeıiuü", "eaiıüu")

# Sentences with a {hole} for a noun in a case.
CASE_FRAMES = {
    "acc": ("{who} dün {hole} gördü.", "{who} bize {hole} anlattı.", "{friend} {hole} çok seviyor."),
    "dat": ("{who} uzun uzun {hole} baktı.", "{friend} dönüp {hole} baktı."),
    "loc": ("{who} {hole} bir şey gördü.", "{friend} {hole} güzel bir şey buldu."),
    "abl": ("{who} akşam {hole} söz etti.", "{friend} bize {hole} bahsetti."),
    "gen": ("{who} {hole} yerini bilir.", "{friend} bize {hole} resmini gösterdi."),
}
SOFTENING_NOUNS = (
    "kitap ağaç ekmek dolap çorap kulak köpek sokak bardak çiçek gözlük mutfak balık yemek bıçak tabak"
)


def compose_minimal_pairs(seed: int, count_per_type: int) -> list[dict[str, str]]:
    """Return `count_per_type` pairs of each phenomenon: good, bad, type.

    The two differ in one word and by at most two bytes. No good sentence comes twice.
    """
    pairs: dict[str, tuple[str, str]] = {}  # by the good sentence: the bad one and the type
    for number, (name, phenomenon) in enumerate(PHENOMENA.items(), start=1):
        rng = random.Random(f"{seed}:{name}")
        while len(pairs) < number * count_per_type:
            good, bad = map(capitalize, phenomenon(rng, draw_slots(rng)))
            if abs(len(good.encode()) - len(bad.encode())) <= MAX_BYTES_APART and good != bad:
                pairs.setdefault(good, (bad, name))
    return [{"good": good, "bad": bad, "type": kind} for good, (bad, kind) in pairs.items()]


def draw_slots(rng: random.Random) -> dict[str, Form]:
    """Draw two people, a place and a thing."""
    who, friend = rng.sample(people.FIRST_NAMES, 2)
    province = rng.choice(world.list_provinces())
    place = rng.choice((province.name, *province.districts))
    return {"who": who, "friend": friend, "place": place, "thing": rng.choice(people.THINGS)}


def fill_case_frame(
    rng: random.Random, case: str, slots: dict[str, Form], words: SentencePair
) -> SentencePair:
    """Return one sentence whose hole takes `case`, with either word of the pair in it."""
    frame = rng.choice(CASE_FRAMES[case])
    return frame.format_map(slots | {"hole": words[0]}), frame.format_map(slots | {"hole": words[1]})


def replace_ending(form: Form, ending: str) -> str:
    """Return `form` with another last morpheme."""
    return "".join(form.segments[:-1]) + ending


def break_vowel_harmony(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as Kars'ta, *Kars'te; defteri, *defterı."""
    case = rng.choice(list(CASE_FRAMES))
    form = rng.choice((slots["place"], slots["thing"])).add(case)
    return fill_case_frame(
        rng, case, slots, (form, replace_ending(form, form.segments[-1].translate(OTHER_HARMONY)))
    )


def break_consonant_assimilation(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as Kars'ta, *Kars'da; Van'da, *Van'ta; bardaktan, *bardakdan."""
    case = rng.choice(("loc", "abl"))
    form = rng.choice((slots["place"], slots["thing"])).add(case)
    ending = form.segments[-1].translate(str.maketrans("td", "dt"))
    return fill_case_frame(rng, case, slots, (form, replace_ending(form, ending)))


def break_consonant_softening(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as kitabı, *kitapı; ekmeğe, *ekmeke."""
    case = rng.choice(("acc", "dat", "gen"))
    word = noun(rng.choice(SOFTENING_NOUNS.split()))
    return fill_case_frame(rng, case, slots, (word.add(case), word + word.add(case).segments[-1]))


def drop_buffer_letter(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as şapkayı, *şapkaı; şapkanın, *şapkaın."""
    case = rng.choice(("acc", "dat", "gen"))
    word = rng.choice([thing for thing in people.THINGS if thing[-1] in VOWELS])
    form = word.add(case)
    return fill_case_frame(rng, case, slots, (form, replace_ending(form, form.segments[-1][1:])))


def break_pronominal_n(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as Van Gölü'nde, *Van Gölü'de; çantasına, *çantasıya."""
    case = rng.choice(("acc", "dat", "loc", "abl"))
    sights = [p.sight for p in world.list_provinces() if p.sight.state == "compound"]
    form = rng.choice((rng.choice(sights), slots["thing"].p3sg)).add(case)
    letter = "" if case in ("loc", "abl") else "y"
    return fill_case_frame(
        rng, case, slots, (form, replace_ending(form, form.segments[-1].replace("n", letter, 1)))
    )


def break_case_government(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as Kars'a gitti, *Kars'ı gitti."""
    tense = rng.choice(("past", "fut", "prog"))
    act = draw_action(rng, tense)
    good, bad = (
        f"{slots['who']} {word} {act.inflect(tense)}." for word in (act.argument, act.wrong_argument)
    )
    return good, bad


def break_subject_verb_agreement(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as ben gittim, *ben gittin; Elif gitti, *Elif gittim."""
    right, subject = rng.choice([*SUBJECTS.items(), ("sg3", slots["who"])])
    wrong = rng.choice([other for other in ("sg1", "sg2", "pl1") if other != right])
    tense = rng.choice(("past", "fut", "prog"))
    act = draw_action(rng, tense)
    good, bad = (f"{subject} {act.argument} {act.inflect(f'{tense} {person}')}." for person in (right, wrong))
    return good, bad


def break_possessive_agreement(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as benim kitabım, *benim kitabın; Elif'in kitabı, *Elif'in kitabım."""
    right, owner = rng.choice([*SUBJECTS.items(), ("sg3", slots["who"])])
    wrong = rng.choice([other for other in ("sg1", "sg2", "sg3", "pl1") if other != right])
    rest = f"{slots['place'].loc} {rng.choice(('kayboldu', 'kırıldı', 'bulundu', 'kaldı'))}"
    good, bad = (
        f"{owner.gen} {slots['thing'].add(POSSESSIVE_TAGS[person])} {rest}." for person in (right, wrong)
    )
    return good, bad


def break_question_particle(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as gitti mi? *Gitti mı?"""
    tense = rng.choice(("past", "fut", "prog"))
    act = draw_action(rng, tense)
    right = act.inflect(tense).ask
    wrong = rng.choice([other for other in (" mi", " mı", " mü", " mu") if other != right.segments[-1]])
    return (
        f"{slots['who']} {act.argument} {right}?",
        f"{slots['who']} {act.argument} {replace_ending(right, wrong)}?",
    )


def break_time_and_tense(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as yarın gidecek, *yarın gitti."""
    right, wrong = rng.sample(list(TIMES), 2)
    act = draw_action(rng, right, wrong)
    start = f"{slots['who']} {draw_time(rng, act, right)} {act.argument}"
    return f"{start} {act.inflect(right)}.", f"{start} {act.inflect(wrong)}."


def break_negative_polarity(rng: random.Random, slots: dict[str, Form]) -> SentencePair:
    """Return a pair such as asla gitmedi, *asla gitti."""
    act = draw_action(rng, "past")
    start = f"{slots['who']} {act.argument} {rng.choice(NEVER_ADVERBS)}"
    return f"{start} {act.inflect('neg past')}.", f"{start} {act.inflect('past')}."


# The names seed the generators and stand in the corpus: a function may be renamed, its name here may not.
PHENOMENA: dict[str, Callable[[random.Random, dict[str, Form]], SentencePair]] = {
    "vowel_harmony": break_vowel_harmony,
    "consonant_assimilation": break_consonant_assimilation,
    "consonant_softening": break_consonant_softening,
    "buffer_letter": drop_buffer_letter,
    "pronominal_n": break_pronominal_n,
    "case_government": break_case_government,
    "subject_verb_agreement": break_subject_verb_agreement,
    "possessive_agreement": break_possessive_agreement,
    "question_particle": break_question_particle,
    "time_and_tense": break_time_and_tense,
    "negative_polarity": break_negative_polarity,
}

NOUN_TAGS = (
    "pl|p1sg|p3sg|acc|dat|loc|abl|gen|ins|li|pl acc|pl dat"
    "|p1sg acc|p3sg acc|p3sg dat|p3sg loc|p3sg abl|p3sg gen"
)
VERB_TAGS = (
    "past|prog|fut|aor|evid|neg past|neg prog|neg aor|past sg1|prog sg1|fut sg1"
    "|evid past|prog past|inca|ip|an"
)
SAMPLED_DOCUMENTS = 3_000  # a form must occur in these


def segment_words(seed: int) -> list[tuple[str, str]]:
    """Return (form, surface morphemes joined by "|") of words of the texts that have one segmentation only.

    The apostrophe and a buffer letter belong to the ending (Ankara|'ya, dede|si|ne). An altered stem is cut
    as it is written (kitab|ı|nı, başlı|yor).
    """
    words = {
        word for text in texts.compose_documents(seed, SAMPLED_DOCUMENTS) for word in WORD.findall(text.text)
    }
    nouns = [*people.THINGS, *people.KIN, *people.JOBS, *map(noun, SOFTENING_NOUNS.split())]
    names = [*people.FIRST_NAMES, *(name for p in world.list_provinces() for name in (p.name, *p.districts))]
    segmentations: dict[str, set[str]] = {}
    for stems, tag_lists in (([*nouns, *names], NOUN_TAGS), (map(verb, texts.list_verb_stems()), VERB_TAGS)):
        for stem in stems:
            for tags in tag_lists.split("|"):
                form = inflect(stem, tags)
                segmentations.setdefault(form, set()).add("|".join(form.segments))
    return [(form, cuts.pop()) for form, cuts in segmentations.items() if form in words and len(cuts) == 1]
