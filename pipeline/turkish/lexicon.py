"""Properties of Turkish words that inflection depends on: the flags of nouns and verbs, irregular forms.

nouns.txt and verbs.txt list words under flags:

    soft    the last consonant voices before a vowel against the rule below: kap → kabı, kanat → kanadı
    hard    it does not voice, against the rule: hukuk → hukuku
    drop    the last vowel is dropped: ağız → ağzı
    double  the last consonant is doubled: hak → hakkı
    front   front vowels follow a back one: saat → saati
    compound  ends in a possessive of its own: buzdolabı → buzdolabını
    s       ends in an s of its own, which a compound keeps: ses → kuş sesi → kuş sesleri
    y       a y comes before endings that begin with a vowel: su → suyu
    n       a pronoun's n: bu → bunu
    reflexive  kendi, which takes possessors and a pronoun's n
    contract  a verb's last vowel is dropped in the passive: ayır → ayrıl
    ir, ar  the aorist against the rule: gel → gelir, vazgeç → vazgeçer

words.txt lists common words, names.txt what compounds and proper names need.

The rule: p, ç and k voice in words of several syllables, and so does the g of diyalog; t does not, and
words of one syllable do not. The aorist is -Ar after one syllable, -Ir after more.
"""

import re
from functools import cache
from pathlib import Path

from pipeline.text.casing import lower
from pipeline.turkish.phonology import count_syllables

DATA_FILES = ("nouns.txt", "verbs.txt", "words.txt", "names.txt")

# Whole forms that no rule gives: a word and the tag of its one suffix, and the form's morphemes.
IRREGULAR_FORMS = {
    ("ben", "gen"): "ben|im", ("ben", "dat"): "ban|a", ("ben", "ins"): "ben|im|le",
    ("sen", "dat"): "san|a", ("sen", "ins"): "sen|in|le",
    ("biz", "gen"): "biz|im", ("biz", "ins"): "biz|im|le", ("siz", "ins"): "siz|in|le",
    ("o", "pl"): "on|lar", ("o", "ins"): "o|nun|la",
    ("bu", "pl"): "bun|lar", ("bu", "ins"): "bu|nun|la",
    ("şu", "pl"): "şun|lar", ("şu", "ins"): "şu|nun|la",
    ("kim", "ins"): "kim|in|le",
    ("gün", "ki"): "gün|kü", ("bugün", "ki"): "bugün|kü", ("dün", "ki"): "dün|kü",
}  # fmt: skip


def read_sections(file: str) -> dict[str, frozenset[str]]:
    """Return a file's words by flag. Its lines: `[flag …]`, words (gül_suyu is two), `#` comments."""
    sections: dict[str, set[str]] = {}
    flagged: list[set[str]] = []
    for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            flagged = [sections.setdefault(flag, set()) for flag in line.strip("[]").split()]
        elif not line.startswith("#"):
            for words in flagged:
                words.update(word.replace("_", " ") for word in line.split())
    return {name: frozenset(words) for name, words in sections.items()}


NOUNS_BY_FLAG, VERBS_BY_FLAG = map(read_sections, DATA_FILES[:2])
CAUSATIVES = {
    stem: pattern
    for section, pattern in {"caus_ir": "Ir", "caus_ar": "Ar", "caus_it": "It"}.items()
    for stem in VERBS_BY_FLAG[section]
}
IRREGULAR_FORMS |= {
    (stem, "caus"): form for stem, form in (entry.split("=") for entry in VERBS_BY_FLAG["causative"])
}
FLAGS = frozenset({*NOUNS_BY_FLAG, "ir", "ar", "contract", "plain"})
NO_HEADS = frozenset({"compound", "n", "reflexive"})  # flags of nouns that end no compound in -(s)I
DERIVED_NOUN = re.compile("(?P<verb>.+)(?:m[ae]|[ıiuü]ş)|(?P<noun>.+)(?:l[ıiuü]k|[cç][ıiuü])")
# Letters of foreign names as they are read. A final y after a consonant is a vowel: Kennedy'nin.
FOREIGN_LETTERS = str.maketrans(
    dict.fromkeys("áàãåä", "a") | dict.fromkeys("éèë", "e") | dict.fromkeys("íìï", "i")
    | dict.fromkeys("óòõø", "o") | dict.fromkeys("úù", "u") | {"x": "ks", "q": "k"}
)  # fmt: skip
FINAL_Y = re.compile("(?<=[bcçdfgğhjklmnprsştvwxz])y$")


@cache
def noun_flags(lemma: str) -> frozenset[str]:
    """Return the flags of a noun, of several words the last one's, with "soft" by the rule."""
    lemma = lower(lemma)
    last = lemma.split()[-1]
    known = lemma if any(lemma in words for words in NOUNS_BY_FLAG.values()) else last
    flags = {flag for flag, words in NOUNS_BY_FLAG.items() if known in words}
    by_rule = last.endswith(("p", "ç", "k", "og")) and count_syllables(last) > 1
    if by_rule and "hard" not in flags:
        flags.add("soft")
    return frozenset(flags)


@cache
def verb_flags(stem: str) -> frozenset[str]:
    """Return the flags of a verb stem (teşekkür et: et's), with "ir" by the rule."""
    last = lower(stem).split()[-1]
    flags = {flag for flag, words in VERBS_BY_FLAG.items() if last in words}
    if count_syllables(last) > 1 and not flags & {"soft", "ar"}:
        flags.add("ir")
    return frozenset(flags)


@cache
def common_words() -> dict[str, frozenset[str]]:
    """Return the words of words.txt by section: nouns, verbs, whole."""
    return read_sections("words.txt")


@cache
def names() -> dict[str, frozenset[str]]:
    """Return the words of names.txt by section."""
    return read_sections("names.txt")


@cache
def is_head(word: str) -> bool:
    """Return whether `word`, in lower case, is a noun that the lexicon knows or can derive: okuma, yolcu."""
    listed = [words for flag, words in NOUNS_BY_FLAG.items() if flag not in NO_HEADS]
    listed += [common_words()["nouns"], names()["head"], names()["derived"]]
    if any(word in words for words in listed):
        return True
    derived = DERIVED_NOUN.fullmatch(word)
    if derived is None:
        return False
    return derived["verb"] in common_words()["verbs"] if derived["verb"] else is_head(derived["noun"])


def is_no_compound(text: str) -> bool:
    """Return whether `text`, which ends like a possessive, ends in another known word: sarı dizi."""
    text = lower(text)
    last = text.split()[-1]
    words = (common_words()["nouns"], common_words()["whole"], names()["head"], *NOUNS_BY_FLAG.values())
    return text in names()["plain"] or any(last in known for known in words)


@cache
def _foreign_sounds() -> dict[str, str]:
    return dict(entry.split("=") for entry in names()["sound"])


def foreign_sound(text: str) -> str:
    """Return the sound of a name that is not read as it is written, by its last word, "" for any other."""
    sounds = _foreign_sounds()
    last = text.split()[-1]
    return sounds.get(text) or sounds.get(last) or sounds.get(last.split("-")[-1], "")


def name_sound(text: str) -> str:
    """Return a proper name as suffixes hear it, in lower case."""
    return foreign_sound(text) or FINAL_Y.sub("i", lower(text)).translate(FOREIGN_LETTERS)
