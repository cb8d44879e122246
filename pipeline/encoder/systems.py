"""Ways to search, compared: by words, by the encoder's vectors, by both, and by random vectors.

The hybrid adds a weighted cosine to the score of the best word search.

Q queries    C candidates    V vocabulary
"""

from collections.abc import Sequence

import numpy as np

from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.lexical import BEST, lexical_scores
from pipeline.encoder.pairs import rarity
from pipeline.encoder.retrieval_metrics import margins, positive_ranks, ranking_metrics
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.vocabulary import encode_texts
from pipeline.statistics.intervals import estimate_mean

DENSE, HYBRID, RANDOM_IDF = "dense", "hybrid", "random_idf"


def system_scores(
    encoder: TextEncoder, queries: Sequence[str], candidates: Sequence[str], seed: int
) -> dict[str, np.ndarray]:
    """Return the scores [Q, C] of each way to search: words, vectors, both, and random vectors."""
    scores = lexical_scores(queries, candidates)
    scores[DENSE] = encoder.cosines(queries, candidates)
    scores[HYBRID] = hybrid_scores(scores[BEST], scores[DENSE], encoder.hybrid_weight)
    scores[RANDOM_IDF] = random_idf_scores(encoder, queries, candidates, seed)
    return scores


def hybrid_scores(lexical_QxC: np.ndarray, cosines_QxC: np.ndarray, weight: float) -> np.ndarray:
    """Return the scores [Q, C] of word search and vectors together."""
    return lexical_QxC + np.float32(weight) * cosines_QxC


def random_idf_scores(
    encoder: TextEncoder, queries: Sequence[str], candidates: Sequence[str], seed: int
) -> np.ndarray:
    """Return cosines [Q, C] of an untrained table as wide as the encoder, weighted by the candidates' idf."""
    rows = encode_texts(encoder.tokenizer, candidates)
    vocab_size, width = encoder.tokenizer.get_vocab_size(), encoder.width
    frequency_V = np.zeros(vocab_size)
    for row in rows:
        frequency_V[np.unique(row)] += 1
    table = VectorTable(TableConfig(vocab_size=vocab_size, width=width))
    initialize_table(table, rarity(frequency_V, len(rows)), seed)
    return TextEncoder(table, encoder.tokenizer).cosines(queries, candidates)


def system_metrics(
    scores: dict[str, np.ndarray], positive_Q: np.ndarray, clusters_Q: Sequence[str] | np.ndarray
) -> dict[str, dict[str, float]]:
    """Return by system recall, MRR and nDCG, the interval of recall at 1, and the margin of cosines.

    Queries of one cluster, as those about one document, are right or wrong together.
    """
    metrics = {}
    for name, scores_QxC in scores.items():
        right_Q = positive_ranks(scores_QxC, positive_Q) <= 1
        low, high = estimate_mean(right_Q, clusters_Q).share_interval()
        metrics[name] = ranking_metrics(scores_QxC, positive_Q) | {"low": low, "high": high}
        if name in (DENSE, RANDOM_IDF):
            metrics[name]["margin"] = float(margins(scores_QxC, positive_Q).mean())
    return metrics
