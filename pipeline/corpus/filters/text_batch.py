"""Documents laid end to end as numbers, so that rules look at all of a batch at once.

A text is an array of code points. A span of it (a word, a line) has a hash that follows from sums which are
made once for the whole batch, so that words, lines and n-grams are compared without cutting a single string.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SPACE, LETTER, DIGIT, MARK, END = range(5)  # classes of characters; END stands after every document
BMP, ALL = 0x10000, 0x110000
RATIO = 0x9E3779B97F4A7C15  # any odd number: of the powers that tell places of characters apart
ORDER = 0xD1342543DE82EF95  # the same for places of words
_UPPER, _LOWER = 1, 2


@dataclass(frozen=True)
class Spans:
    """Pieces of the text, in order. `of[d] : of[d + 1]` are those of document d."""

    starts: np.ndarray
    stops: np.ndarray
    of: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Characters of each."""
        return self.stops - self.starts

    @property
    def counts(self) -> np.ndarray:
        """How many each document has."""
        return np.diff(self.of)

    @property
    def document(self) -> np.ndarray:
        """Which document each belongs to."""
        return np.repeat(np.arange(len(self.of) - 1), self.counts)

    def summed(self, values: np.ndarray) -> np.ndarray:
        """The sum of a value of every span, by document."""
        return np.diff(sums(values)[self.of])


def sums(values: np.ndarray) -> np.ndarray:
    """The sum before each place, and at last of all."""
    found = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=found[1:])
    return found


def mixed(hashes: np.ndarray) -> np.ndarray:
    """The same numbers with every bit depending on all (the finaliser of splitmix64, Steele et al. 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


class Tables:
    """What is known of every character."""

    def __init__(self) -> None:
        self.kind = np.full(ALL, LETTER, np.uint8)
        self.case = np.zeros(ALL, np.uint8)
        self.alphabetic = np.ones(ALL, bool)
        self.hash = mixed(np.arange(1, ALL + 1, dtype=np.uint64))
        for code, character in enumerate(map(chr, range(BMP))):
            category = unicodedata.category(character)
            if character.isspace():
                self.kind[code] = SPACE
            elif category == "Nd":
                self.kind[code] = DIGIT
            elif category[0] in "PSC":
                self.kind[code] = MARK
            self.case[code] = _UPPER * (category == "Lu") + _LOWER * (category == "Ll")
            self.alphabetic[code] = character.isalpha()
        self.kind[0x1F000:0x1FB00] = MARK  # pictures
        self.alphabetic[0x1F000:0x1FB00] = False


def powers(ratio: int, count: int) -> np.ndarray:
    """ratio^0, ratio^1, … modulo 2^64."""
    found = np.full(count, ratio, np.uint64)
    found[:1] = 1
    return np.multiply.accumulate(found)


TABLES = Tables()
_BACK = pow(RATIO, -1, 1 << 64)
_powers = {RATIO: powers(RATIO, 1), _BACK: powers(_BACK, 1)}


def _power(ratio: int, count: int) -> np.ndarray:
    if len(_powers[ratio]) < count:
        _powers[ratio] = powers(ratio, 2 * count)
    return _powers[ratio][:count]


def prefix_hashes(codes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function that gives each span from a start to a stop a number; equal spans of `codes` (uint64, well
    mixed) have equal ones, others as good as never.

    It is the difference of two sums of codes times powers, moved to the same place for all (Karp & Rabin
    1987, modulo 2^64).
    """
    summed = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _power(RATIO, len(codes)), out=summed[1:])
    back = _power(_BACK, len(codes) + 1)
    return lambda starts, stops: mixed((summed[stops] - summed[starts]) * back[starts])


class LaidOut:
    """A batch of documents as arrays; what rules have in common is found once, when first asked for."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        laid = "\0".join([*texts, ""]).encode("utf-32-le", "surrogatepass")
        self.codes = np.frombuffer(laid, np.uint32)
        self.stops = np.cumsum(self.lengths + 1) - 1
        self.starts = self.stops - self.lengths

    @cached_property
    def kinds(self) -> np.ndarray:
        """The class of each character."""
        kinds = TABLES.kind[self.codes]
        kinds[self.stops] = END
        return kinds

    @cached_property
    def _hash(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return prefix_hashes(TABLES.hash[self.codes])

    def hashes(self, spans: Spans) -> np.ndarray:
        """A number for each span, equal for equal texts."""
        return self._hash(spans.starts, spans.stops)

    @cached_property
    def lines(self) -> Spans:
        """The lines, without their ends."""
        ends = self.codes == ord("\n")
        ends[self.stops] = True
        stops = np.flatnonzero(ends)
        starts = np.concatenate([[0], stops[:-1] + 1])
        return Spans(starts, stops, np.searchsorted(starts, [*self.starts, len(self.codes)]))

    @cached_property
    def words(self) -> Spans:
        """Words and marks, cut as spaCy's rules for Turkish cut them, but for its list of abbreviations.

        A mark within a word belongs to it (Ankara'ya, 3,5), but for hyphens between letters or between
        digits, commas and slashes between letters, and the full stop of a sentence that no space follows.
        """
        kinds, codes = self.kinds, self.codes
        inside = (kinds == LETTER) | (kinds == DIGIT)
        marks = np.flatnonzero(kinds == MARK)
        inside[marks[self._belong(marks, inside)]] = True
        dots = codes == ord(".")
        ellipsis = np.zeros(len(codes), bool)  # of dots, or of equal hyphens: all but the first
        ellipsis[1:] = dots[1:] & dots[:-1] & ~inside[1:] & ~inside[:-1]
        begins = kinds != SPACE
        begins[1:] &= ~(inside[1:] & inside[:-1]) & ~ellipsis[1:]
        begins[self.stops] = True
        starts = np.flatnonzero(begins)
        spaces = np.flatnonzero(kinds == SPACE)
        stops = np.append(starts[1:], len(codes))
        next_space = np.append(spaces, len(codes))[np.searchsorted(spaces, starts)]
        stops = np.minimum(stops, next_space)
        real = kinds[starts] != END
        starts, stops = starts[real], stops[real]
        return Spans(starts, stops, np.searchsorted(starts, [*self.starts, len(codes)]))

    def _belong(self, marks: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Which of the marks at these places are part of a word."""
        before, after = np.maximum(marks - 1, 0), np.minimum(marks + 1, len(self.codes) - 1)
        code, kinds = self.codes[marks], self.kinds
        digit_before, digit_after = kinds[before] == DIGIT, kinds[after] == DIGIT
        letter_before, letter_after = kinds[before] == LETTER, kinds[after] == LETTER
        within = inside[before] & inside[after]
        between_letters, between_digits = letter_before & letter_after, digit_before & digit_after
        case = TABLES.case[self.codes]
        parts = (code == ord("-")) & (between_letters | between_digits)
        parts |= (code == ord(",")) & between_letters
        parts |= is_one_of(code, ":<>=/") & letter_after & ~((code == ord("/")) & digit_before)
        parts |= (code == ord(".")) & (case[before] == _LOWER) & (case[after] == _UPPER)
        parts |= is_one_of(code, "+*^") & between_digits
        parts |= is_one_of(code, "–—…")
        open_before = ~inside[before] & (kinds[before] != MARK)
        open_after = ~inside[after]
        edge = (code == ord("-")) & ((open_before & inside[after]) | (inside[before] & open_after))
        initial = (case[before] == _UPPER) & ~(inside[marks - 2] & (marks > 1))
        ordinal = (
            (code == ord(".")) & (digit_before | initial) & ((kinds[after] == SPACE) | (kinds[after] == END))
        )
        return (within & ~parts) | edge | ordinal

    @cached_property
    def word_hashes(self) -> np.ndarray:
        """The hash of every word."""
        return self.hashes(self.words)

    def among(self, flags: np.ndarray, spans: Spans) -> np.ndarray:
        """How many characters of each span a table (`flags[code]`) marks."""
        counted = sums(flags[self.codes])
        return counted[spans.stops] - counted[spans.starts]

    def bytes(self, spans: Spans) -> np.ndarray:
        """How many bytes of UTF-8 each span has."""
        counted = sums(
            1 + (self.codes > 0x7F) + (self.codes > 0x7FF).astype(np.int64) + (self.codes > 0xFFFF)
        )
        return counted[spans.stops] - counted[spans.starts]

    def repeated(self, spans: Spans) -> np.ndarray:
        """Whether an equal span stands before it in the same document."""
        hashes, document = self.hashes(spans), spans.document
        order = np.lexsort((hashes, document))  # stable: earlier ones first
        found = np.zeros(len(order), bool)
        equal = (hashes[order[1:]] == hashes[order[:-1]]) & (document[order[1:]] == document[order[:-1]])
        found[order[1:]] = equal
        return found


def is_one_of(codes: np.ndarray, characters: str) -> np.ndarray:
    """Whether each code is one of some characters."""
    return np.isin(codes, [ord(character) for character in characters])


def table(characters: str) -> np.ndarray:
    """A table for `LaidOut.among`."""
    found = np.zeros(ALL, bool)
    found[[ord(character) for character in characters]] = True
    return found
