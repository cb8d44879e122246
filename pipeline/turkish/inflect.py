"""Turkish inflection: word forms that take suffix after suffix and keep their morphemes.

    noun("kitap").pl.p1sg.loc      kitaplarımda, of ("kitap", "lar", "ım", "da")
    name("Zonguldak").gen          Zonguldak'ın
    verb("git").neg.prog.past.sg1  gitmiyordum

The tags and their order are in morphotactics.GRAMMAR, the properties of words in lexicon.py.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from pipeline.text.casing import capitalize, lower, upper
from pipeline.turkish import lexicon
from pipeline.turkish.morphotactics import DERIVATIONS, GRAMMAR, PARTICLES, POSSESSORS
from pipeline.turkish.numbers import read_numeral
from pipeline.turkish.phonology import (
    HIGH_VOWEL_AFTER,
    VOWELS,
    count_syllables,
    front_last_vowel,
    last_vowel,
    realize_suffix,
    voice_last_consonant,
)

# Flags of forms with these suffixes: their k becomes ğ before a vowel, or their aorist is -Ir.
FLAGS_AFTER = dict.fromkeys(("lik", "dik", "acak", "fut"), frozenset({"soft"})) | dict.fromkeys(
    ("passive", "caus", "abil", "iver"), frozenset({"ir"})
)
ABBREVIATED = frozenset({"name", "abbreviated"})  # acronyms and numerals
UNVOICED = {"b": "p", "c": "ç", "d": "t", "ğ": "k"}
NO_APOSTROPHE = {"pl", "pl3", "equ", *DERIVATIONS}  # after a proper name; but 1990'lar, AKP'li
NARROWING_VERBS = {
    "de": "(y)A",
    "ye": "(y)",
}  # verbs whose e becomes i before suffixes that begin with this pattern
LETTER_NAMES = {"q": "kü", "w": "ve", "x": "iks"}  # in acronyms; of other consonants: be, ce, çe
NUMBER_AT_END = re.compile(r"\d+(?:[.,:]\d+)*\.?$|^[IVX]{2,}$", re.ASCII)  # of a word: A4, XIX; but CD
CODAS = frozenset({"lk", "lp", "lt", "nk", "ns", "nt", "rk", "rp", "rs", "rt", "sk", "st"})  # of syllables


class Form(str):
    """A form of a Turkish word: a string with its morphemes. Its attributes are forms with one more suffix.

    `segments` are the surface morphemes and join to the form. An apostrophe and a buffer letter belong to
    the suffix. An altered stem stands as it is written (kitab|ı|nı, di|yor). `tags` name the suffixes.
    """

    lemma: str
    tags: tuple[str, ...]
    segments: tuple[str, ...]
    state: str  # of GRAMMAR
    flags: frozenset[str]  # properties that the next suffix depends on: the lexicon's flags, or "name"
    sound: str  # in lower case as suffixes hear it: an acronym or a numeral as it is read aloud
    bare: "Form | None"  # of a compound: without its own possessive (buzdolap of buzdolabı)

    def __getattr__(self, tag: str) -> Any:
        if tag.startswith("__"):  # copy and pickle look these up
            raise AttributeError(tag)
        try:
            form = self.add(tag)
        except ValueError as error:
            raise AttributeError(str(error)) from None
        self.__dict__[tag] = form  # the next access does not reach this method
        return form

    def add(self, tag: str) -> "Form":
        """Return the form with one more suffix. Raises ValueError if GRAMMAR lets none of that tag follow."""
        if tag not in GRAMMAR[self.state]:
            raise ValueError(f"{self} ({' '.join((self.state, *self.tags))}) takes no {tag!r}")
        if self.bare is not None and (tag in POSSESSORS or tag in DERIVATIONS or tag == "pl"):
            return self._inflect_compound(tag)
        pattern, state = GRAMMAR[self.state][tag]
        if not self.tags and "name" not in self.flags and (irregular := self._irregular_segments(tag)):
            *parts, suffix = irregular
            return self._grow(tag, tuple(parts), suffix, state, lower("".join(parts)))
        stem, pattern = _alter_for_suffix(self, tag, pattern)
        sound = self.sound if stem == self.segments else lower("".join(stem))
        suffix = realize_suffix(pattern, sound)
        if suffix and suffix[0] in VOWELS:
            stem = (*stem[:-1], _alter_before_vowel(stem[-1], self.flags))
        return self._grow(tag, stem, suffix, state, sound)

    def _irregular_segments(self, tag: str) -> list[str]:
        """Return the morphemes of an irregular form, listed by the lemma's last word. Of any other: none."""
        *before, word = self.lemma.split(" ")
        segments = lexicon.IRREGULAR_FORMS.get((lower(word), tag))
        if segments is None:
            return []
        first, *others = segments.split("|")
        return [" ".join((*before, capitalize(first) if word != lower(word) else first)), *others]

    def _grow(self, tag: str, stem: tuple[str, ...], suffix: str, state: str, sound: str) -> "Form":
        joined = tag in PARTICLES or (tag in NO_APOSTROPHE and "abbreviated" not in self.flags)
        apostrophe = "'" if "name" in self.flags and suffix and not joined else ""
        flags = self.flags if not suffix else FLAGS_AFTER.get(tag, frozenset())
        return _make_form(
            self.lemma,
            (*self.tags, tag),
            (*stem, apostrophe + suffix) if suffix else stem,
            state,
            flags,
            sound + suffix,
        )

    def _inflect_compound(self, tag: str) -> "Form":
        """Return a compound's plural, possessor or derivation, which replaces its own possessive."""
        assert self.bare is not None
        grown = self.bare.add(tag)
        bare = None
        if tag == "pl":
            grown, bare = grown.add("p3sg"), grown
        state = "compound" if bare is not None else grown.state
        return _make_form(
            self.lemma, (*self.tags, tag), grown.segments, state, grown.flags, grown.sound, bare
        )


def _make_form(
    lemma: str,
    tags: tuple[str, ...],
    segments: tuple[str, ...],
    state: str,
    flags: frozenset[str],
    sound: str,
    bare: Form | None = None,
) -> Form:
    form = Form("".join(segments))
    form.lemma, form.tags, form.segments, form.state = lemma, tags, segments, state
    form.flags, form.sound, form.bare = flags, sound, bare
    return form


def _alter_before_vowel(stem: str, flags: frozenset[str]) -> str:
    """Return the stem as it stands before a vowel: ağz, kitab, hakk, tıbb, nakd."""
    if "drop" in flags:
        i = max(lower(stem).rfind(vowel) for vowel in VOWELS)
        stem = stem[:i] + stem[i + 1 :]
    if "soft" in flags:
        stem = voice_last_consonant(stem)
    return stem + stem[-1] if "double" in flags else stem


def _alter_for_suffix(form: Form, tag: str, pattern: str) -> tuple[tuple[str, ...], str]:
    """Return stem segments and pattern of a suffix: GRAMMAR's, unless word or suffix departs from it."""
    *head, last = form.segments
    ends_in_vowel = form.sound[-1:] in VOWELS
    if "y" in form.flags and pattern.startswith(("(I)", "(s)", "(n)")):  # su-yu, su-yun, su-yum; ne-yin
        return form.segments, "y" + pattern.removeprefix("(s)").removeprefix("(n)").replace("(I)", "I")
    match tag:
        case "prog" if form.sound.endswith(("a", "e")):  # başlı-yor, söylü-yor, gelmi-yor, di-yor
            return (*head, last[:-1] + HIGH_VOWEL_AFTER[last_vowel(form.sound[:-1])]), pattern
        case "aor" if form.state != "negative":
            return form.segments, "r" if ends_in_vowel else "Ir" if "ir" in form.flags else "Ar"
        case "passive":
            pattern = "n" if ends_in_vowel else "In" if form.sound.endswith("l") else "Il"
            stem = _alter_before_vowel(last, frozenset({"drop"})) if "contract" in form.flags else last
            return (*head, stem), pattern
        case "caus":
            word = form.sound.split()[-1]
            by_rule = "t" if count_syllables(word) > 1 and word[-1] in VOWELS + "rl" else "DIr"
            return form.segments, lexicon.CAUSATIVES.get(word, by_rule)
        case "neg" if form.state == "ability":  # gel-e-me, of gel-ebil
            return (*head, realize_suffix("(y)A", lower("".join(head)))), pattern
        case "sg1" | "pl1" if form.state == "negative aorist":  # gelme-m, gelme-yiz, of gelme-z
            return tuple(head), pattern
    if form.state in ("verb", "imperative") and len(form.segments) == 1:  # diyecek, yiyen, yiyip; but deyip
        *before, word = last.split(" ")
        if pattern.startswith(NARROWING_VERBS.get(lower(word), "none")):
            return (" ".join((*before, word[:-1] + "i")),), pattern
    return form.segments, pattern


def noun(lemma: str, *flags: str, compound: bool | None = None) -> Form:
    """Return a common noun, adjective or pronoun in the nominative singular.

    Of several words the last is inflected. One in digits, an acronym and a foreign name are told by their
    letters and take an apostrophe: 2007'ye, A'ya, iPhone'un. `flags`: the lexicon's if none are given.
    `compound`: whether it ends in its own possessive (cep telefonunda); None: if the lexicon knows the word
    without it. The flag "compound" says True too.
    """
    _check_word(lemma, flags)
    known_flags = frozenset(flags) or lexicon.noun_flags(lemma)
    if not flags and (written := _read_signs(lemma)) and not (len(lemma) == 1 and "n" in known_flags):
        return _make_form(lemma, (), (lemma,), "noun", *written)
    if compound is None:
        compound = "compound" in known_flags or (not flags and _is_compound(lemma))
    return _make_compound(lemma, frozenset()) if compound else _make_noun(lemma, known_flags)


def _make_noun(lemma: str, known_flags: frozenset[str]) -> Form:
    state = "reflexive" if "reflexive" in known_flags else "pronominal" if "n" in known_flags else "noun"
    sound = lower(lemma)
    return _make_form(
        lemma, (), (lemma,), state, known_flags, front_last_vowel(sound) if "front" in known_flags else sound
    )


def name(text: str, *flags: str, compound: bool | None = None, sound: str = "") -> Form:
    """Return a proper name, whose endings come after an apostrophe and leave its letters alone: Zonguldak'ın.

    Names of languages and beliefs take none: Türkçeyi. `flags`: "front" if front vowels follow a back one
    (Kemal'i) and the lexicon does not know. `compound`: whether it ends in its own possessive, as in `noun`
    (Van Gölü'nde); İsmail Hakkı'da, a person, does not. The flag "compound" says True too.
    `sound`: its reading, if it is not read as Turkish is written and the lexicon does not know.
    """
    _check_word(text, flags)
    if not (flags or sound) and (written := _read_signs(text)):
        return _make_form(text, (), (text,), "noun", *written)
    known_flags = lexicon.noun_flags(text)
    last = lower(text.split()[-1])
    if compound is None:
        is_listed = "compound" in flags or ("compound" in known_flags and text != lower(text))
        is_person = capitalize(last) in lexicon.names()["person"]
        compound = is_listed or last.endswith("oğlu") or (not (sound or is_person) and _is_compound(text))
    is_derived = last in lexicon.names()["derived"]
    if compound:
        is_derived = last[:-2] in lexicon.names()["derived"]  # Türkiye Türkçesi
        return _make_compound(text, frozenset() if is_derived else frozenset({"name"}))
    if is_derived:
        return _make_noun(text, known_flags)
    sound = sound or lexicon.name_sound(text)
    if "front" in {*flags, *known_flags}:
        sound = front_last_vowel(sound)
    return _make_form(text, (), (text,), "noun", frozenset({"name"}), sound)


def institution(text: str, *flags: str) -> Form:
    """Return the name of an institution, which takes no apostrophe: Türk Dil Kurumunun.

    It is taken to end in a possessive of its own. `flags`: "plain" if it does not (Yargıtay).
    """
    _check_word(text, flags)
    if "plain" in flags:
        return _make_form(text, (), (text,), "noun", frozenset(), lower(text))
    return _make_compound(text, frozenset())


def acronym(text: str, *, sound: str = "") -> Form:
    """Return an acronym, whose endings follow the name of its last letter (ABD'ye) or it as a word (NATO'ya).

    It is read as a word if it has three letters or more, a vowel, ends as a Turkish syllable can and does not
    begin with two vowels (IAG'ye).
    `sound`: its reading, if it is another (acronym("HIV", sound="hiv")).
    """
    _check_word(text)
    sound = sound or lexicon.foreign_sound(text) or _acronym_sound(text)
    return _make_form(text, (), (text,), "noun", ABBREVIATED, sound)


def _acronym_sound(text: str) -> str:
    sound = lower(text)
    coda = sound[max((sound.rfind(vowel) for vowel in VOWELS), default=-1) + 1 :]
    is_word = len(sound) > 2 and len(coda) < len(sound) and (len(coda) < 2 or coda in CODAS)
    if sound[-1] in VOWELS or (is_word and not set(sound[:2]) <= set(VOWELS)):
        return sound
    return sound[:-1] + LETTER_NAMES.get(sound[-1], sound[-1] + "e")


def _read_signs(text: str) -> tuple[frozenset[str], str] | None:
    """Return flags and sound of a text that ends in a number, an acronym or a foreign name, else None."""
    last = text.split()[-1]
    if sound := lexicon.foreign_sound(text):
        return (ABBREVIATED if last == upper(last) else frozenset({"name"})), sound
    if number := NUMBER_AT_END.search(last):
        for written in (last, number[0]):
            with suppress(ValueError):
                return ABBREVIATED, read_numeral(written)
    is_heading = " " in text and text == upper(text)
    if last.isalpha() and lower(last) != last == upper(last) and not is_heading:
        return ABBREVIATED, _acronym_sound(last)
    return None


def numeral(text: str) -> Form:
    """Return a number in digits, whose endings follow numbers.read_numeral: 1923'te, 10.30'da."""
    return _make_form(text, (), (text,), "noun", ABBREVIATED, read_numeral(text))


def verb(stem: str, *flags: str) -> Form:
    """Return a verb of a stem (git, teşekkür et). `flags`: the lexicon's if none are given."""
    _check_word(stem, flags)
    return _make_form(stem, (), (stem,), "verb", frozenset(flags) or lexicon.verb_flags(stem), lower(stem))


def particle(text: str) -> Form:
    """Return a word that takes no suffix: için, çünkü."""
    return _make_form(text, (), (text,), "end", frozenset(), lower(text))


def inflect(form: Form, tags: str) -> Form:
    """Return `form` with the suffixes of `tags`, apart by spaces. Raises ValueError as `Form.add` does."""
    for tag in tags.split():
        form = form.add(tag)
    return form


def _check_word(text: str, flags: Iterable[str] = ()) -> None:
    """Raise ValueError for an empty word or an unknown flag."""
    if not text.strip():
        raise ValueError("an empty word has no forms")
    if unknown := set(flags) - lexicon.FLAGS:
        known = ", ".join(sorted(lexicon.FLAGS))
        raise ValueError(f"{text!r}: unknown flag {min(unknown)!r}; known are {known}")


def _is_compound(text: str) -> bool:
    """Return whether `text` is several words whose last is the possessive of a noun of the lexicon."""
    if " " not in text.strip() or text[-1] not in "ıiuü" or lexicon.is_no_compound(text):
        return False
    return any(_ends_in_known_noun(head) for head in _find_heads(text))


def _make_compound(lemma: str, flags: frozenset[str]) -> Form:
    """Return a noun that ends in its head's possessive (buzdolabı). Without that it is `bare` (buzdolap)."""
    heads = _find_heads(lemma)
    if not heads:
        raise ValueError(f"{lemma!r} ends in no possessive of its own: not a compound")
    bare = next(filter(_ends_in_known_noun, heads), heads[0])
    return _make_form(lemma, (), bare.p3sg.segments, "compound", flags, lower(lemma), bare)


def _find_heads(lemma: str) -> list[Form]:
    """Return the nouns that `lemma` is the possessive of as far as its letters tell, the likelier first."""
    heads = _candidate_heads(lemma)
    return [head for head in heads if "p3sg" in GRAMMAR[head.state] and head.p3sg == lemma]


def _ends_in_known_noun(form: Form) -> bool:
    return lexicon.is_head(lower(form.lemma.split()[-1]))


@cache
def _dropped_endings() -> dict[str, tuple[str, str]]:
    """Return the nouns that drop a vowel, each without it, its last consonant as it is and voiced."""
    dropped = {word: word[:-2] + word[-1] for word in lexicon.NOUNS_BY_FLAG["drop"]}
    return {word: (ending, voice_last_consonant(ending)) for word, ending in dropped.items()}


def _guess_noun(lemma: str) -> Form:
    return _make_noun(lemma, lexicon.noun_flags(lemma) - {"compound"})


def _candidate_heads(lemma: str) -> Iterator[Form]:
    """Yield nouns that `lemma` may be the possessive of, the likelier first."""
    stem = lemma[:-1]
    if stem.endswith(("lar", "ler")):
        yield _guess_noun(stem[:-3]).pl
    if stem[-1] in "sy" and stem[-2] in VOWELS:
        if lower(stem).endswith(tuple(lexicon.NOUNS_BY_FLAG["s"])):
            yield _guess_noun(stem)  # kuş ses-i; harita-sı if the lexicon knows harita
        yield _guess_noun(stem[:-1])  # ezme-si, su-yu
    for word, endings in _dropped_endings().items():  # ağız of ağzı, also in aslanağzı
        if stem.endswith(endings):
            yield _make_noun(stem[: 1 - len(word)] + word, frozenset({"drop", *lexicon.noun_flags(word)}))
    if stem[-1] == stem[-2]:
        yield _guess_noun(stem[:-1])  # hak of hakkı
    if stem.endswith("ng"):
        yield _guess_noun(stem[:-1] + "k")  # renk of rengi
    if stem[-1] in UNVOICED and not stem.endswith("yağ"):
        yield _guess_noun(stem[:-1] + UNVOICED[stem[-1]])  # dolap of dolabı
    yield _guess_noun(stem)
    yield _make_noun(stem, frozenset({"hard"}))  # yüzak of yüzakı
