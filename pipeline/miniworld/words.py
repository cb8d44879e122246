"""Turkish endings on the miniworld's names and nouns, so that templates can say {place.loc} or {thing.acc}.

Vowel harmony (A: a e; I: ı i u ü), assimilation (D: t after f s t k ç ş h p, else d) and the buffers y, n
and s. A proper name takes its ending after an apostrophe and is never softened (Zonguldak'ın). A common
noun brings its accusative, written by hand, from which its softening (kitabı) and its harmony (saati) are
read. Numbers take the ending of the word they are read as.
"""

from functools import lru_cache
from typing import Any

from pipeline.turkish.casing import lower

VOWELS = "aâıoôuûeêiîöü"
I_AFTER = dict(zip(VOWELS, "ıııuuuuiiiiüü", strict=True))
HARD = "fstkçşhp"

# Letters in brackets stand only after a vowel.
ENDINGS = {
    "gen": "(n)In", "dat": "(y)A", "acc": "(y)I", "loc": "DA", "abl": "DAn", "ins": "(y)lA",
    "ki": "DAki", "cop": "DIr", "li": "lI", "plu": "lAr", "was": "(y)DI", "too": " dA", "ask": " mI",
}  # fmt: skip
COMPOUND_ENDINGS = ENDINGS | {
    "gen": "nIn", "dat": "nA", "acc": "nI", "loc": "ndA", "abl": "ndAn", "ki": "ndAki",
}  # fmt: skip
JOINED = {"li", "plu"}  # endings that make new words or plurals: no apostrophe after a name
UNITS = ["", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz"]
TENS = ["", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan"]


@lru_cache(maxsize=65536)
def ending(stem: str, pattern: str, like: str = "") -> str:
    """The ending that `pattern` becomes on `stem`; harmony is taken from `like` where the two differ."""
    stem = lower(stem)
    if pattern.startswith("("):
        buffer, pattern = pattern[1], pattern[3:]
        pattern = buffer + pattern if stem[-1] in VOWELS else pattern
    vowel = next(char for char in reversed(lower(like) or stem) if char in VOWELS)
    i = I_AFTER[vowel]
    d = "t" if stem[-1] in HARD else "d"
    return pattern.replace("A", "a" if i in "ıu" else "e").replace("I", i).replace("D", d)


class Word(str):
    """A word whose inflected forms are its attributes: `Name("Kars").loc` is "Kars'ta"."""

    def __getattr__(self, case: str) -> Any:
        if case not in ENDINGS:
            raise AttributeError(case)
        return self.inflect(case)

    def inflect(self, case: str) -> str:
        """The form in one of the cases of ENDINGS."""
        raise NotImplementedError


class Name(Word):
    """A proper name without a possessive ending of its own: Ankara, Elif Kaya, 14 Mart."""

    endings = ENDINGS

    def reading(self) -> str:
        """What is said aloud, which the ending follows."""
        return self

    def inflect(self, case: str) -> str:
        """The form in one of the cases of ENDINGS."""
        suffix = ending(self.reading(), self.endings[case])
        return f"{self}{suffix}" if case in JOINED or suffix[0] == " " else f"{self}'{suffix}"


class CompoundName(Name):
    """A proper name that ends in a possessive: Van Gölü, Marmara Bölgesi, Kırklareli."""

    endings = COMPOUND_ENDINGS


class Number(Name):
    """A number in digits below 100: "36" is read otuz altı, so it gives 36'dır."""

    def reading(self) -> str:
        """The last word of the number as it is read."""
        return UNITS[int(self) % 10] or TENS[int(self) // 10]


class Noun(Word):
    """A common noun or compound with its accusative: `Noun("kitap", "kitabı")`."""

    accusative: str

    def __new__(cls, nominative: str, accusative: str) -> "Noun":
        """A noun from the two forms that cannot be derived."""
        noun = super().__new__(cls, nominative)
        noun.accusative = accusative
        return noun

    @property
    def is_compound(self) -> bool:
        """Whether the nominative already carries a possessive."""
        return self.accusative[:-1] == self + "n"

    def inflect(self, case: str) -> str:
        """The form in one of the cases of ENDINGS."""
        if case == "acc":
            return self.accusative
        if self.is_compound:
            return self + ending(self, COMPOUND_ENDINGS[case])
        if self[-1] not in VOWELS and case in ("gen", "dat"):  # the softened stem
            return self.accusative[:-1] + ending("ç", ENDINGS[case], self.accusative)
        return self + ending(self, ENDINGS[case], self.accusative)

    @property
    def poss(self) -> "Noun":
        """Of the third person: kitabı, şemsiyesi, gül suyu."""
        if self.is_compound:
            return self
        owned = self + ending(self, "sI", self.accusative) if self[-1] in VOWELS else self.accusative
        return Noun(owned, owned + ending(owned, "nI"))

    @property
    def my(self) -> "Noun":
        """Of the first person: kitabım, şemsiyem. Not of compounds."""
        assert not self.is_compound, self
        owned = (self if self[-1] in VOWELS else self.accusative) + "m"
        return Noun(owned, owned + ending(owned, "I"))
