"""A batch of documents as arrays of code points, so that filters work on the whole batch at once.

A text is an array of code points. A span of it (a word, a line) has a hash that follows from prefix sums,
which are made once for the whole batch. So words, lines and n-grams are compared without cutting a string.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

SPACE, LETTER, DIGIT, PUNCTUATION, END = range(5)  # classes of characters; END stands after every document
BMP, ALL = 0x10000, 0x110000  # code points of the basic multilingual plane, and of all planes
# Bases of the polynomial hashes, over the characters of a span and over the words of an n-gram: any odd
# numbers will do.
CHARACTER_BASE = 0x9E3779B97F4A7C15
_INVERSE_BASE = pow(CHARACTER_BASE, -1, 1 << 64)
WORD_BASE = 0xD1342543DE82EF95
_UPPER, _LOWER = 1, 2


@dataclass(frozen=True)
class Spans:
    """Stretches of the text, in order. Those of document d are `offsets[d] : offsets[d + 1]`."""

    starts: np.ndarray  # [spans]
    stops: np.ndarray  # [spans]
    offsets: np.ndarray  # [documents + 1]

    @property
    def lengths(self) -> np.ndarray:
        """Characters of each span."""
        return self.stops - self.starts

    @property
    def counts(self) -> np.ndarray:
        """Number of spans in each document."""
        return np.diff(self.offsets)

    @property
    def document(self) -> np.ndarray:
        """Index of the document that each span belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    def sum_by_document(self, values: np.ndarray) -> np.ndarray:
        """Sum one value per span over each document."""
        return np.diff(prefix_sums(values)[self.offsets])


def prefix_sums(values: np.ndarray) -> np.ndarray:
    """Return the sum of the values before each position, and last the sum of all: [len(values) + 1]."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def mix_bits(hashes: np.ndarray) -> np.ndarray:
    """Make every bit depend on all others (the finalizer of splitmix64, Steele et al. 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


class CharacterTables:
    """Properties of every character, indexed by code point."""

    def __init__(self) -> None:
        self.kind = np.full(ALL, LETTER, np.uint8)
        self.case = np.zeros(ALL, np.uint8)
        self.alphabetic = np.ones(ALL, bool)
        self.hash = mix_bits(np.arange(1, ALL + 1, dtype=np.uint64))
        for code, character in enumerate(map(chr, range(BMP))):
            category = unicodedata.category(character)
            if character.isspace():
                self.kind[code] = SPACE
            elif category == "Nd":
                self.kind[code] = DIGIT
            elif category[0] in "PSC":
                self.kind[code] = PUNCTUATION
            self.case[code] = _UPPER * (category == "Lu") + _LOWER * (category == "Ll")
            self.alphabetic[code] = character.isalpha()
        self.kind[0x1F000:0x1FB00] = PUNCTUATION  # emoji and other pictures
        self.alphabetic[0x1F000:0x1FB00] = False


@cache
def character_tables() -> CharacterTables:
    """Return the tables, which are made at the first call (0.1 s)."""
    return CharacterTables()


@cache
def character_table(characters: str) -> np.ndarray:
    """Return a table [code points] that is true for `characters`, for `TextBatch.count_characters`."""
    table = np.zeros(ALL, bool)
    table[[ord(character) for character in characters]] = True
    return table


@cache
def _powers_to(base: int, bits: int) -> np.ndarray:
    """Return base^0 to base^(2^bits - 1) modulo 2^64."""
    result = np.full(1 << bits, base, np.uint64)
    result[0] = 1
    return np.multiply.accumulate(result)


def _first_powers(base: int, count: int) -> np.ndarray:
    """Return base^0 to base^(count - 1) modulo 2^64."""
    return _powers_to(base, count.bit_length())[:count]


def make_span_hasher(codes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function from starts and stops to the hash of each span of `codes` (uint64, well mixed).

    Equal spans have equal hashes; for others collisions are negligible. A hash is the difference of two
    prefix sums of codes times powers, shifted to the same position for all spans (Karp & Rabin 1987, modulo
    2^64).
    """
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _first_powers(CHARACTER_BASE, len(codes)), out=sums[1:])
    shifts = _first_powers(_INVERSE_BASE, len(codes) + 1)
    return lambda starts, stops: mix_bits((sums[stops] - sums[starts]) * shifts[starts])


class TextBatch:
    """A batch of documents as arrays. What several filters need is computed once, at its first use."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        joined = "\0".join([*texts, ""]).encode("utf-32-le", "surrogatepass")
        self.codes = np.frombuffer(joined, np.uint32)
        self.stops = np.cumsum(self.lengths + 1) - 1
        self.starts = self.stops - self.lengths

    @cached_property
    def kinds(self) -> np.ndarray:
        """Class of each character."""
        kinds = character_tables().kind[self.codes]
        kinds[self.stops] = END
        return kinds

    @cached_property
    def _span_hasher(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return make_span_hasher(character_tables().hash[self.codes])

    def hash_spans(self, spans: Spans) -> np.ndarray:
        """Return a hash for each span, equal for equal texts."""
        return self._span_hasher(spans.starts, spans.stops)

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
        """Words and punctuation, split as spaCy's rules for Turkish do, except for its list of abbreviations.

        Punctuation within a word belongs to it (Ankara'ya, 3,5). The exceptions are hyphens between letters
        or between digits, commas and slashes between letters, and the full stop of a sentence that no space
        follows.
        """
        kinds, codes = self.kinds, self.codes
        inside = (kinds == LETTER) | (kinds == DIGIT)
        punctuation = np.flatnonzero(kinds == PUNCTUATION)
        inside[punctuation[self._is_part_of_word(punctuation, inside)]] = True
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
        is_word = kinds[starts] != END
        starts, stops = starts[is_word], stops[is_word]
        return Spans(starts, stops, np.searchsorted(starts, [*self.starts, len(codes)]))

    def _is_part_of_word(self, positions: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Tell for each punctuation character at `positions` if it is part of a word."""
        before, after = np.maximum(positions - 1, 0), np.minimum(positions + 1, len(self.codes) - 1)
        code, kinds = self.codes[positions], self.kinds
        digit_before, digit_after = kinds[before] == DIGIT, kinds[after] == DIGIT
        letter_before, letter_after = kinds[before] == LETTER, kinds[after] == LETTER
        within = inside[before] & inside[after]
        between_letters, between_digits = letter_before & letter_after, digit_before & digit_after
        case = character_tables().case[self.codes]
        splits = (code == ord("-")) & (between_letters | between_digits)
        splits |= (code == ord(",")) & between_letters
        splits |= is_one_of(code, ":<>=/") & letter_after & ~((code == ord("/")) & digit_before)
        splits |= (code == ord(".")) & (case[before] == _LOWER) & (case[after] == _UPPER)
        splits |= is_one_of(code, "+*^") & between_digits
        splits |= is_one_of(code, "–—…")
        open_before = ~inside[before] & (kinds[before] != PUNCTUATION)
        open_after = ~inside[after]
        edge = (code == ord("-")) & ((open_before & inside[after]) | (inside[before] & open_after))
        initial = (case[before] == _UPPER) & ~(inside[positions - 2] & (positions > 1))
        ordinal = (
            (code == ord(".")) & (digit_before | initial) & ((kinds[after] == SPACE) | (kinds[after] == END))
        )
        return (within & ~splits) | edge | ordinal

    @cached_property
    def word_hashes(self) -> np.ndarray:
        """Hash of every word."""
        return self.hash_spans(self.words)

    def count_characters(self, spans: Spans, table: np.ndarray) -> np.ndarray:
        """Count the characters of each span for which `table[code]` is true."""
        sums = prefix_sums(table[self.codes])
        return sums[spans.stops] - sums[spans.starts]

    def byte_lengths(self, spans: Spans) -> np.ndarray:
        """Return the number of UTF-8 bytes of each span."""
        sums = prefix_sums(
            1 + (self.codes > 0x7F) + (self.codes > 0x7FF).astype(np.int64) + (self.codes > 0xFFFF)
        )
        return sums[spans.stops] - sums[spans.starts]

    def is_repeat(self, spans: Spans) -> np.ndarray:
        """Tell for each span if an equal one stands before it in the same document."""
        hashes, document = self.hash_spans(spans), spans.document
        order = np.lexsort((hashes, document))  # stable: earlier ones first
        repeats = np.zeros(len(order), bool)
        equal = (hashes[order[1:]] == hashes[order[:-1]]) & (document[order[1:]] == document[order[:-1]])
        repeats[order[1:]] = equal
        return repeats


def is_one_of(codes: np.ndarray, characters: str) -> np.ndarray:
    """Tell for each code point if it is one of `characters`."""
    return np.isin(codes, [ord(character) for character in characters])
