"""Turkish inflection: words that grow suffix by suffix and know their morphemes.

    noun("kitap").pl.p1sg.loc      kitaplarımda, of ("kitap", "lar", "ım", "da")
    name("Zonguldak").gen          Zonguldak'ın
    verb("git").neg.prog.past.sg1  gitmiyordum

The tags and their order are morphotactics.GRAMMAR; what a word must tell about itself is in lexicon.py.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pipeline.text.casing import capitalize, lower
from pipeline.turkish import lexicon
from pipeline.turkish.morphotactics import DERIVATIONS, GRAMMAR, PARTICLES, POSSESSORS
from pipeline.turkish.numbers import reading
from pipeline.turkish.phonology import HIGH_AFTER, VOWELS, fronted, last_vowel, realise, syllables, voiced

# What the forms with these suffixes tell the next one: their k becomes ğ before a vowel; their aorist is -Ir.
FLAGS_AFTER = dict.fromkeys(("lik", "dik", "acak", "fut"), frozenset({"soft"})) | dict.fromkeys(
    ("passive", "caus", "abil", "iver"), frozenset({"ir"})
)
ABBREVIATED = frozenset({"name", "abbreviated"})  # acronyms and numerals
UNVOICED = {"b": "p", "c": "ç", "d": "t", "ğ": "k"}
NO_APOSTROPHE = {"pl", "pl3", "equ", *DERIVATIONS}  # after a proper name; but 1990'lar, AKP'li
NARROWS = {"de": "(y)A", "ye": "(y)"}  # verbs whose e becomes i before the suffixes that begin so
CODAS = frozenset({"lk", "lp", "lt", "nk", "ns", "nt", "rk", "rp", "rs", "rt", "sk", "st"})  # of syllables


class Form(str):
    """A form of a Turkish word: a string with its morphemes, whose attributes are the forms it grows into.

    `segments` are the surface morphemes and join to the form: an apostrophe and a buffer letter belong to
    the suffix, an altered stem stands as it is written (kitab|ı|nı, di|yor). `tags` name the suffixes.
    """

    lemma: str
    tags: tuple[str, ...]
    segments: tuple[str, ...]
    state: str  # of GRAMMAR
    flags: frozenset[str]  # what the next suffix must know: the lexicon's flags, or "name"
    sound: str  # in lower case as suffixes hear it: an acronym or a numeral as it is read aloud
    bare: "Form | None"  # of a compound: without its own possessive (buzdolap of buzdolabı)

    def __getattr__(self, tag: str) -> Any:
        if tag.startswith("__"):  # what copy and pickle ask for
            raise AttributeError(tag)
        try:
            form = self.add(tag)
        except ValueError as error:
            raise AttributeError(str(error)) from None
        self.__dict__[tag] = form  # found there the next time, without coming here
        return form

    def add(self, tag: str) -> "Form":
        """The form with one more suffix. Raises ValueError where GRAMMAR lets none of that tag follow."""
        if tag not in GRAMMAR[self.state]:
            raise ValueError(f"{self} ({' '.join((self.state, *self.tags))}) takes no {tag!r}")
        if self.bare is not None and (tag in POSSESSORS or tag in DERIVATIONS or tag == "pl"):
            return self._of_compound(tag)
        pattern, state = GRAMMAR[self.state][tag]
        if not self.tags and (listed := self._listed(tag)):
            *parts, suffix = listed
            return self._grow(tag, tuple(parts), suffix, state, lower("".join(parts)))
        stem, pattern = _altered(self, tag, pattern)
        sound = self.sound if stem == self.segments else lower("".join(stem))
        suffix = realise(pattern, sound)
        if suffix and suffix[0] in VOWELS:
            stem = (*stem[:-1], _before_vowel(stem[-1], self.flags))
        return self._grow(tag, stem, suffix, state, sound)

    def _listed(self, tag: str) -> list[str]:
        """The morphemes of a form that is listed whole, by the lemma's last word; none of any other."""
        *before, word = self.lemma.split(" ")
        listed = lexicon.LISTED.get((lower(word), tag))
        if listed is None:
            return []
        first, *others = listed.split("|")
        return [" ".join((*before, capitalize(first) if word != lower(word) else first)), *others]

    def _grow(self, tag: str, stem: tuple[str, ...], suffix: str, state: str, sound: str) -> "Form":
        joined = tag in PARTICLES or (tag in NO_APOSTROPHE and "abbreviated" not in self.flags)
        apart = "'" if "name" in self.flags and suffix and not joined else ""
        flags = self.flags if not suffix else FLAGS_AFTER.get(tag, frozenset())
        return _form(
            self.lemma,
            (*self.tags, tag),
            (*stem, apart + suffix) if suffix else stem,
            state,
            flags,
            sound + suffix,
        )

    def _of_compound(self, tag: str) -> "Form":
        """Plural, possessor or derivation of a compound, which take the place of its own possessive."""
        assert self.bare is not None
        grown = self.bare.add(tag)
        bare = None
        if tag == "pl":
            grown, bare = grown.add("p3sg"), grown
        state = "compound" if bare is not None else grown.state
        return _form(self.lemma, (*self.tags, tag), grown.segments, state, grown.flags, grown.sound, bare)


def _form(
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


def _before_vowel(stem: str, flags: frozenset[str]) -> str:
    """The stem as it stands before a vowel: ağz, kitab, hakk, tıbb, nakd."""
    if "drop" in flags:
        place = max(lower(stem).rfind(vowel) for vowel in VOWELS)
        stem = stem[:place] + stem[place + 1 :]
    if "soft" in flags:
        stem = voiced(stem)
    return stem + stem[-1] if "double" in flags else stem


def _altered(form: Form, tag: str, pattern: str) -> tuple[tuple[str, ...], str]:
    """Stem segments and pattern of a suffix: GRAMMAR's, unless the word or the suffix departs from them."""
    *head, last = form.segments
    ends_in_vowel = form.sound[-1:] in VOWELS
    if "y" in form.flags and pattern.startswith(("(I)", "(s)", "(n)")):  # su-yu, su-yun, su-yum; ne-yin
        return form.segments, "y" + pattern.removeprefix("(s)").removeprefix("(n)").replace("(I)", "I")
    match tag:
        case "prog" if form.sound.endswith(("a", "e")):  # başlı-yor, söylü-yor, gelmi-yor, di-yor
            return (*head, last[:-1] + HIGH_AFTER[last_vowel(form.sound[:-1])]), pattern
        case "aor" if form.state != "negative":
            return form.segments, "r" if ends_in_vowel else "Ir" if "ir" in form.flags else "Ar"
        case "passive":
            pattern = "n" if ends_in_vowel else "In" if form.sound.endswith("l") else "Il"
            stem = _before_vowel(last, frozenset({"drop"})) if "contract" in form.flags else last
            return (*head, stem), pattern
        case "caus":
            word = form.sound.split()[-1]
            by_rule = "t" if syllables(word) > 1 and word[-1] in VOWELS + "rl" else "DIr"
            return form.segments, lexicon.CAUSATIVES.get(word, by_rule)
        case "neg" if form.state == "ability":  # gel-e-me, of gel-ebil
            return (*head, realise("(y)A", lower("".join(head)))), pattern
        case "sg1" | "pl1" if form.state == "negative aorist":  # gelme-m, gelme-yiz, of gelme-z
            return tuple(head), pattern
    if form.state in ("verb", "imperative") and len(form.segments) == 1:  # diyecek, yiyen, yiyip; but deyip
        *before, word = last.split(" ")
        if pattern.startswith(NARROWS.get(lower(word), "none")):
            return (" ".join((*before, word[:-1] + "i")),), pattern
    return form.segments, pattern


def noun(lemma: str, *flags: str) -> Form:
    """A common noun, adjective or pronoun in the nominative singular; of several words the last is inflected.

    `flags`: the lexicon's where none are given; "compound" for one that ends in its own possessive.
    """
    _check(lemma, flags)
    found = frozenset(flags) or lexicon.noun_flags(lemma)
    if "compound" in found:
        return _compound(lemma, frozenset())
    state = "reflexive" if "reflexive" in found else "pronominal" if "n" in found else "noun"
    sound = lower(lemma)
    return _form(lemma, (), (lemma,), state, found, fronted(sound) if "front" in found else sound)


def name(text: str, *flags: str, sound: str = "") -> Form:
    """A proper name, whose endings come after an apostrophe and leave its letters alone: Zonguldak'ın.

    `flags`: "compound" where it ends in a possessive of its own (Kırklareli'nde; Van Gölü'nde is known by
    its head), "front" where front vowels follow a back one (Kemal'i) and the lexicon does not know.
    `sound`: how it is read where that is not as Turkish is written (name("Bordeaux", sound="bordo")).
    """
    _check(text, flags)
    known = lexicon.noun_flags(text)
    listed = "compound" in known and text != lower(text)
    if "compound" in flags or listed or (" " in text and text.split()[-1] in _place_heads()):
        return _compound(text, frozenset({"name"}))
    sound = sound or lower(text)
    if "front" in {*flags, *known}:
        sound = fronted(sound)
    return _form(text, (), (text,), "noun", frozenset({"name"}), sound)


def institution(text: str, *flags: str) -> Form:
    """The name of an institution, which takes no apostrophe: Türk Dil Kurumunun.

    It is taken to end in a possessive of its own; `flags`: "plain" where it does not (Yargıtay).
    """
    _check(text, flags)
    if "plain" in flags:
        return _form(text, (), (text,), "noun", frozenset(), lower(text))
    return _compound(text, frozenset())


def acronym(text: str, *, sound: str = "") -> Form:
    """An acronym: endings follow the name of its last letter (ABD'ye) or the word that it makes (NATO'ya).

    It makes a word if it has three letters or more, a vowel, and ends as a Turkish syllable can. `sound`: how
    it is read where that is otherwise (acronym("HIV", sound="hiv")).
    """
    _check(text)
    if sound:
        return _form(text, (), (text,), "noun", ABBREVIATED, sound)
    sound = lower(text)
    coda = sound[max((sound.rfind(vowel) for vowel in VOWELS), default=-1) + 1 :]
    is_word = len(sound) > 2 and len(coda) < len(sound) and (len(coda) < 2 or coda in CODAS)
    if not is_word and sound[-1] not in VOWELS:
        sound += "e"
    return _form(text, (), (text,), "noun", ABBREVIATED, sound)


def numeral(text: str) -> Form:
    """A number in digits, whose endings follow its reading (numbers.reading): 1923'te, 10.30'da."""
    return _form(text, (), (text,), "noun", ABBREVIATED, reading(text))


def verb(stem: str, *flags: str) -> Form:
    """A verb by its stem (git, teşekkür et). `flags`: the lexicon's where none are given."""
    _check(stem, flags)
    return _form(stem, (), (stem,), "verb", frozenset(flags) or lexicon.verb_flags(stem), lower(stem))


def particle(text: str) -> Form:
    """A word that takes no suffix: için, çünkü."""
    return _form(text, (), (text,), "end", frozenset(), lower(text))


def inflect(form: Form, tags: str) -> Form:
    """`form` with the suffixes of `tags`, which spaces separate. Raises ValueError as `Form.add` does."""
    for tag in tags.split():
        form = form.add(tag)
    return form


def _check(text: str, flags: Iterable[str] = ()) -> None:
    """Raise ValueError for an empty word or a flag that nothing knows."""
    if not text.strip():
        raise ValueError("an empty word has no forms")
    if unknown := set(flags) - lexicon.FLAGS:
        known = ", ".join(sorted(lexicon.FLAGS))
        raise ValueError(f"{text!r}: unknown flag {min(unknown)!r}; known are {known}")


@cache
def _place_heads() -> frozenset[str]:
    heads = [noun(head) for head in lexicon.PLACES.split()]
    return frozenset(capitalize(form) for head in heads for form in (head.p3sg, head.pl.p3sg))


def _compound(lemma: str, flags: frozenset[str]) -> Form:
    """A noun that ends in the possessive of its head (buzdolabı): without it it is `bare` (buzdolap)."""
    bare = next((head for head in _heads(lemma) if head.p3sg == lemma), None)
    if bare is None:
        raise ValueError(f"{lemma!r} ends in no possessive of its own: not a compound")
    return _form(lemma, (), bare.p3sg.segments, "compound", flags, lower(lemma), bare)


def _heads(lemma: str) -> Iterator[Form]:
    """Nouns that `lemma` may be the possessive of, the likelier first."""
    stem = lemma[:-1]
    if stem.endswith(("lar", "ler")):
        yield noun(stem[:-3]).pl
    if stem[-1] in "sy" and stem[-2] in VOWELS and not stem.endswith(tuple(lexicon.NOUNS["s"])):
        yield noun(stem[:-1])  # ezme-si, su-yu
    for word in lexicon.NOUNS["drop"]:  # ağız of ağzı, also in aslanağzı
        if stem.endswith((word[:-2] + word[-1], voiced(word[:-2] + word[-1]))):
            yield noun(stem[: 1 - len(word)] + word, *{"drop", *lexicon.noun_flags(word)})
    if stem[-1] == stem[-2]:
        yield noun(stem[:-1])  # hak of hakkı
    if stem.endswith("ng"):
        yield noun(stem[:-1] + "k")  # renk of rengi
    if stem[-1] in UNVOICED and not stem.endswith("yağ"):
        yield noun(stem[:-1] + UNVOICED[stem[-1]])  # dolap of dolabı
    yield noun(stem)
    yield noun(stem, "hard")  # yüzak of yüzakı
