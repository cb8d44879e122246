"""Word search, the baseline that an encoder must add something to: BM25 over words and over parts of words.

Turkish endings hide a word from its other forms. Its first five letters, or its runs of four, find them.

Q queries    C candidates
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

import bm25s
import numpy as np

from pipeline.text.casing import lower

PREFIX = 5  # letters of a word that count
GRAM = 4  # letters of a run
K1, B = 1.5, 0.75  # of BM25

PREFIXES = "prefixes"
BEST = "prefixes_grams"  # the best word search: of prefixes and of runs of letters together


def split_words(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, in Turkish lower case, composed (NFC)."""
    lowered = lower(unicodedata.normalize("NFC", text)).replace("i\u0307", "i")  # a dot left over
    return re.findall(r"\w+", lowered)


def split_prefixes(text: str) -> list[str]:
    """Return the first five letters of every word."""
    return [word[:PREFIX] for word in split_words(text)]


def split_grams(text: str) -> list[str]:
    """Return all runs of four letters of every word, whose ends count as letters."""
    return [
        word[start : start + GRAM]
        for word in (f"_{word}_" for word in split_words(text))
        for start in range(max(1, len(word) - GRAM + 1))
    ]


TERMS: dict[str, Callable[[str], list[str]]] = {
    "words": split_words,
    PREFIXES: split_prefixes,
    "grams": split_grams,
}


def bm25_scores(
    queries: Sequence[str], candidates: Sequence[str], split: Callable[[str], list[str]] = split_words
) -> np.ndarray:
    """Return BM25 scores [Q, C] over the terms of `split` (Robertson & Zaragoza 2009; Lucene's variant)."""
    index = bm25s.BM25(k1=K1, b=B)
    # The empty term keeps an index of candidates without any term valid; no query contains it.
    index.index([[*split(text), ""] for text in candidates], show_progress=False)
    zeros = np.zeros(len(candidates), np.float32)
    return np.stack([index.get_scores(query) if query else zeros for query in map(split, queries)])


def lexical_scores(queries: Sequence[str], candidates: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the scores [Q, C] of every word search, by its name."""
    scores = {name: bm25_scores(queries, candidates, split) for name, split in TERMS.items()}
    return scores | {BEST: scores[PREFIXES] + scores["grams"]}
