"""Similarity of texts: do the encoder's cosines put pairs in the order in which people put them?"""

from collections.abc import Sequence

import numpy as np

from pipeline.encoder.embed import TextEncoder
from pipeline.eval_sets.readers import ScoredPair
from pipeline.evaluation.items import PEOPLE, Items, Measured, hash_items
from pipeline.statistics.intervals import correlate_ranks, estimate_mean
from pipeline.text.casing import lower


def measure_similarity(pairs: Sequence[ScoredPair], encoder: TextEncoder) -> Measured:
    """Measure Spearman's correlation with people's scores: of the encoder's cosines and of common words.

    `low` and `high` are the interval of the encoder's. The items have people's scores as those of `people`.
    """
    first_NxD = encoder.embed([pair.first for pair in pairs])
    second_NxD = encoder.embed([pair.second for pair in pairs])
    keys = hash_items((pair.first, pair.second) for pair in pairs)
    scores = {
        "encoder": (first_NxD * second_NxD).sum(axis=1),
        "common_words": np.array([share_of_common_words(pair.first, pair.second) for pair in pairs]),
        PEOPLE: np.array([pair.score for pair in pairs]),
    }
    estimate = estimate_mean(correlate_ranks(scores["encoder"], scores[PEOPLE]), keys)
    low, high = estimate.interval()
    figures = {
        "encoder": estimate.value,
        "low": max(-1.0, low),
        "high": min(1.0, high),
        "common_words": float(correlate_ranks(scores["common_words"], scores[PEOPLE]).mean()),
        "n": len(pairs),
    }
    return Measured(figures, Items(keys, clusters=keys, scores=scores))


def share_of_common_words(first: str, second: str) -> float:
    """Return the words that two texts share, divided by the words that either has (Jaccard 1901)."""
    one, other = (set(lower(text).split()) for text in (first, second))
    return len(one & other) / len(one | other)
