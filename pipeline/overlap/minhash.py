"""MinHash signatures of documents.

MinHash (Broder 1997, "On the resemblance and containment of documents"): a signature keeps the lowest value
of each of many hash functions over the set of a document's n-grams. The share of hashes that agree between
two documents estimates the overlap of their sets (Jaccard similarity). A signature covers two sets: n-grams
of five words (112 hashes, as in FineWeb) and single words (64 hashes).
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.overlap.text_batch import (
    BMP,
    DIGIT,
    END,
    LETTER,
    WORD_BASE,
    TextBatch,
    character_table,
    character_tables,
    make_span_hasher,
    mix_bits,
)
from pipeline.text.comparison_keys import APOSTROPHES

NGRAM_WORDS = 5
NGRAM_HASHES, WORD_HASHES = 112, 64
SIGNATURE_HASHES = NGRAM_HASHES + WORD_HASHES
NO_SIGNATURE = np.uint32(0xFFFFFFFF)  # every hash of a document with fewer than five words


class Words(NamedTuple):
    """The words (or word n-grams) of a batch; those of document d are offsets[d] : offsets[d + 1]."""

    hashes: np.ndarray  # uint64 [words]
    offsets: np.ndarray  # [documents + 1]


@cache
def _folded_hashes() -> np.ndarray:
    """Return the hash of each character [code points] without case, dots and cedillas.

    So ISTANBUL, İstanbul and istanbul are one word, and a text that was typed without Turkish letters is a
    copy of the one with them.
    """
    hashes = character_tables().hash
    codes = np.arange(len(hashes))
    for code in range(BMP):
        base = unicodedata.normalize("NFD", chr(code).lower())[:1]
        codes[code] = ord("i" if base == "ı" else base)
    return hashes[codes]


@cache
def _permutations() -> list[tuple[np.uint32, np.uint32]]:
    """Return the multiplier and the offset of each hash of a signature."""
    rng = np.random.default_rng(1)
    multipliers, offsets = rng.integers(1 << 32, size=(2, SIGNATURE_HASHES), dtype=np.uint32)
    multipliers |= np.uint32(1)  # odd, so that each is a permutation
    return list(zip(multipliers, offsets, strict=True))


def folded_words(batch: TextBatch) -> Words:
    """Return every word without case and punctuation; an apostrophe joins, other punctuation splits."""
    kept = ~character_table(APOSTROPHES)[batch.codes]
    codes = batch.codes[kept]
    stops = batch.stops - np.cumsum(~kept)[batch.stops]
    kinds = character_tables().kind[codes]
    kinds[stops] = END
    inside = np.zeros(len(codes) + 2, bool)
    inside[1:-1] = (kinds == LETTER) | (kinds == DIGIT)
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    hashes = make_span_hasher(_folded_hashes()[codes])(starts, ends)
    return Words(hashes, np.concatenate([[0], np.searchsorted(starts, stops)]))


def word_ngrams(words: Words, length: int) -> Words:
    """Return a hash of each n-gram of `length` words that lies within one document."""
    count = max(0, len(words.hashes) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for i in range(length):
        hashes += np.uint64(pow(WORD_BASE, i, 1 << 64)) * words.hashes[i : i + count]
    counts = np.maximum(np.diff(words.offsets) - length + 1, 0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    positions = np.arange(offsets[-1]) + np.repeat(words.offsets[:-1] - offsets[:-1], counts)
    return Words(mix_bits(hashes[positions]), offsets)


def minhash_signatures(words: Words) -> np.ndarray:
    """Return the signatures, uint32 [documents, SIGNATURE_HASHES]."""
    ngrams = word_ngrams(words, NGRAM_WORDS)
    has_ngrams = np.diff(ngrams.offsets) > 0
    documents = np.flatnonzero(has_ngrams)
    signatures = np.full((len(words.offsets) - 1, SIGNATURE_HASHES), NO_SIGNATURE)
    if len(documents):
        word_counts = np.diff(words.offsets)
        kept = np.repeat(has_ngrams, word_counts)
        sets = (
            (_upper_half(ngrams.hashes), ngrams.offsets[documents]),
            (_upper_half(words.hashes[kept]), _start_offsets(word_counts[documents])),
        )
        for i, (multiplier, offset) in enumerate(_permutations()):
            values, starts = sets[i >= NGRAM_HASHES]
            signatures[documents, i] = np.minimum.reduceat(_permute(values, multiplier, offset), starts)
    return signatures


def _upper_half(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _start_offsets(counts: np.ndarray) -> np.ndarray:
    return np.cumsum(counts) - counts


def _permute(values: np.ndarray, multiplier: np.uint32, offset: np.uint32) -> np.ndarray:
    """Return 32-bit values under one permutation of all 32-bit values."""
    permuted = values * multiplier + offset
    permuted ^= permuted >> np.uint32(15)
    return permuted * np.uint32(0x2C1B3C6D)
