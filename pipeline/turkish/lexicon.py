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

The rule: p, ç and k voice in words of several syllables, and so does the g of diyalog; t does not, and
words of one syllable do not. The aorist is -Ar after one syllable, -Ir after more.
"""

from functools import cache
from pathlib import Path

from pipeline.text.casing import lower
from pipeline.turkish.phonology import count_syllables

DATA_FILES = ("nouns.txt", "verbs.txt")

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


NOUNS_BY_FLAG, VERBS_BY_FLAG = map(read_sections, DATA_FILES)
CAUSATIVES = {
    stem: pattern
    for section, pattern in {"caus_ir": "Ir", "caus_ar": "Ar", "caus_it": "It"}.items()
    for stem in VERBS_BY_FLAG[section]
}
IRREGULAR_FORMS |= {
    (stem, "caus"): form for stem, form in (entry.split("=") for entry in VERBS_BY_FLAG["causative"])
}
# Heads of names of natural and public places, which end in their possessive: Van Gölü, Ege Denizi.
PLACE_HEADS = """
ada bakanlık banka boğaz bölge burun cadde cami çay dağ deniz dere delta geçit göl hisar ırmak iskele kale
kanyon koy kervansaray köprü körfez köy lise mağara mahalle meydan müze nehir ocak okul orman ova park plaj
saray şelale şehir tepe üniversite vadi yarımada yayla yol kule gar savaş bayram cumhuriyet imparatorluk
kilise türbe hastane stadyum
"""
FLAGS = frozenset({*NOUNS_BY_FLAG, "ir", "ar", "contract", "plain"})


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
