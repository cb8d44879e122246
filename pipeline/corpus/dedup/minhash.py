"""Signatures: few numbers by which two documents are seen to share much of their text.

MinHash (Broder 1997, "On the resemblance and containment of documents"): of each of many orders of all that a
text may hold a signature keeps the first one that the document does hold, and two documents agree in as many
of these as their sets overlap. Two sets are looked at: runs of five words (112 orders, as FineWeb has them)
and single words (64 orders).
"""

import unicodedata
from typing import NamedTuple

import numpy as np

from pipeline.corpus.filters.text_batch import (
    BMP,
    DIGIT,
    END,
    LETTER,
    ORDER,
    TABLES,
    LaidOut,
    mixed,
    prefix_hashes,
)
from pipeline.text.normalize import APOSTROPHES

RUN = 5  # words
RUN_ORDERS, WORD_ORDERS = 112, 64
ORDERS = RUN_ORDERS + WORD_ORDERS
NONE = np.uint32(0xFFFFFFFF)  # in every place of a document with less than five words


class Words(NamedTuple):
    """The words of a batch: of[d] : of[d + 1] are those of document d."""

    hashes: np.ndarray
    of: np.ndarray


def _folded() -> np.ndarray:
    """The hash of each character without case, dots and cedillas, so that ISTANBUL, İstanbul and istanbul are
    one word, and a text that was typed without Turkish letters is a copy of the one with them.
    """
    codes = np.arange(len(TABLES.hash))
    for code in range(BMP):
        base = unicodedata.normalize("NFD", chr(code).lower())[:1]
        codes[code] = ord("i" if base == "ı" else base)
    return TABLES.hash[codes]


_FOLDED = _folded()
_CLOSED_UP = np.zeros(len(_FOLDED), bool)
_CLOSED_UP[[ord(mark) for mark in APOSTROPHES]] = True
_rng = np.random.default_rng(1)
_TIMES, _PLUS = _rng.integers(1 << 32, size=(2, ORDERS), dtype=np.uint32)
_TIMES |= np.uint32(1)


def folded_words(batch: LaidOut) -> Words:
    """Every word without case and marks; an apostrophe closes up, other marks part."""
    kept = ~_CLOSED_UP[batch.codes]
    codes = batch.codes[kept]
    stops = batch.stops - np.cumsum(~kept)[batch.stops]
    kinds = TABLES.kind[codes]
    kinds[stops] = END
    inside = np.zeros(len(codes) + 2, bool)
    inside[1:-1] = (kinds == LETTER) | (kinds == DIGIT)
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    hashes = prefix_hashes(_FOLDED[codes])(starts, ends)
    return Words(hashes, np.concatenate([[0], np.searchsorted(starts, stops)]))


def runs(words: Words, length: int) -> Words:
    """A hash of each run of `length` words that lies within a document."""
    count = max(0, len(words.hashes) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for place in range(length):
        hashes += np.uint64(pow(ORDER, place, 1 << 64)) * words.hashes[place : place + count]
    counts = np.maximum(np.diff(words.of) - length + 1, 0)
    of = np.concatenate([[0], np.cumsum(counts)])
    places = np.arange(of[-1]) + np.repeat(words.of[:-1] - of[:-1], counts)
    return Words(mixed(hashes[places]), of)


def signatures(words: Words) -> np.ndarray:
    """uint32 [documents, ORDERS]."""
    of_runs = runs(words, RUN)
    has = np.flatnonzero(np.diff(of_runs.of))
    found = np.full((len(words.of) - 1, ORDERS), NONE)
    if len(has):
        kept = np.repeat(np.diff(of_runs.of) > 0, np.diff(words.of))
        both = (
            (_upper_half(of_runs.hashes), of_runs.of[has]),
            (_upper_half(words.hashes[kept]), _firsts(np.diff(words.of)[has])),
        )
        for order, (times, plus) in enumerate(zip(_TIMES, _PLUS, strict=True)):
            numbers, firsts = both[order >= RUN_ORDERS]
            found[has, order] = np.minimum.reduceat(_ordered(numbers, times, plus), firsts)
    return found


def _upper_half(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _firsts(counts: np.ndarray) -> np.ndarray:
    return np.cumsum(counts) - counts


def _ordered(numbers: np.ndarray, times: np.uint32, plus: np.uint32) -> np.ndarray:
    """The places of 32-bit numbers in another order of all of them."""
    places = numbers * times + plus
    places ^= places >> np.uint32(15)
    return places * np.uint32(0x2C1B3C6D)
