"""Similarity of texts: do the encoder's cosines put pairs in the order in which people put them?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.encoder.embed import embed_texts
from pipeline.encoder.model import Encoder
from pipeline.eval_sets.readers import ScoredPair
from pipeline.text.casing import lower
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_similarity(pairs: Sequence[ScoredPair], encoder: Encoder, tokenizer: Tokenizer) -> dict[str, Any]:
    """Measure Spearman's correlation with people's scores: of the encoder's cosines and of common words."""
    scores = [pair.score for pair in pairs]
    first_NxD = embed_texts(encoder, tokenizer, [pair.first for pair in pairs])
    second_NxD = embed_texts(encoder, tokenizer, [pair.second for pair in pairs])
    words = [share_of_common_words(pair.first, pair.second) for pair in pairs]
    return {
        "encoder": spearman((first_NxD * second_NxD).sum(axis=1), scores),
        "common_words": spearman(words, scores),
        "n": len(pairs),
    }


def share_of_common_words(first: str, second: str) -> float:
    """Return the words that two texts share, divided by the words that either has (Jaccard 1901)."""
    one, other = (set(lower(text).split()) for text in (first, second))
    return len(one & other) / len(one | other)


def spearman(values: Sequence[float] | np.ndarray, scores: Sequence[float]) -> float:
    """Return the correlation of two lists' ranks (Spearman 1904); 0 where all of a list are equal."""
    ranks = [average_ranks(np.asarray(side, dtype=np.float64)) for side in (values, scores)]
    if any(np.ptp(side) == 0 for side in ranks):
        return 0.0
    return float(np.corrcoef(np.stack(ranks))[0, 1])


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value, from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
