"""BM25, the lexical baseline that an encoder must beat."""

import re
from collections.abc import Sequence

import bm25s
import numpy as np

from pipeline.text.casing import lower


def split_words(text: str) -> list[str]:
    """Return the words that BM25 counts: runs of letters and digits, in Turkish lower case."""
    return re.findall(r"\w+", lower(text))


def bm25_scores(queries: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
    """Return BM25 scores [Q, C] over words (Robertson & Zaragoza 2009; k1 1.5, b 0.75, Lucene's variant)."""
    index = bm25s.BM25()
    # The empty word keeps an index of candidates without any word valid; no query contains it.
    index.index([[*split_words(text), ""] for text in candidates], show_progress=False)
    zeros = np.zeros(len(candidates), np.float32)
    scores = [index.get_scores(query) if query else zeros for query in map(split_words, queries)]
    return np.stack(scores)
