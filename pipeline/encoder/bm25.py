"""What an encoder must be better than: counting common words."""

import re
from collections.abc import Sequence

import bm25s
import numpy as np

from pipeline.text.casing import lower


def words(text: str) -> list[str]:
    """What BM25 counts: runs of letters and digits, in Turkish lower case."""
    return re.findall(r"\w+", lower(text))


def bm25_scores(queries: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
    """BM25 scores [Q, C] over words (Robertson & Zaragoza 2009; k1 1.5, b 0.75, Lucene's variant)."""
    index = bm25s.BM25()
    # The empty word keeps an index of candidates without any word valid; no query contains it.
    index.index([[*words(text), ""] for text in candidates], show_progress=False)
    nothing = np.zeros(len(candidates), np.float32)
    scores = [index.get_scores(query) if query else nothing for query in map(words, queries)]
    return np.stack(scores)
