"""Retrieval metrics: recall, mean reciprocal rank, discounted gain and margin.

Q queries    C candidates
"""

import numpy as np


def positive_ranks(scores_QxC: np.ndarray, positive_Q: np.ndarray) -> np.ndarray:
    """Return the rank of every query's positive, from 1. In a tie it takes the last rank."""
    positive_scores_Qx1 = scores_QxC[np.arange(len(positive_Q)), positive_Q][:, None]
    return (scores_QxC >= positive_scores_Qx1).sum(axis=1)


def margins(cosines_QxC: np.ndarray, positive_Q: np.ndarray) -> np.ndarray:
    """Return every query's cosine with its positive minus its cosine with the best negative."""
    rows = np.arange(len(positive_Q))
    negatives_QxC = cosines_QxC.copy()
    negatives_QxC[rows, positive_Q] = -np.inf
    return cosines_QxC[rows, positive_Q] - negatives_QxC.max(axis=1)


def ranking_metrics(scores_QxC: np.ndarray, positive_Q: np.ndarray) -> dict[str, float]:
    """Return recall at 1 and at 10, the mean of 1 / rank (MRR), and nDCG at 10 of the queries' positives.

    With one positive a query's nDCG is 1 / log2(1 + rank), and 0 behind the tenth place (Järvelin &
    Kekäläinen 2002).

    `positive_Q` is the column of each query's positive, the candidate that belongs to it. Higher scores are
    better.
    """
    rank_Q = positive_ranks(scores_QxC, positive_Q)
    return {
        "recall_at_1": float((rank_Q <= 1).mean()),
        "recall_at_10": float((rank_Q <= 10).mean()),
        "mrr": float((1 / rank_Q).mean()),
        "ndcg_at_10": float(np.where(rank_Q <= 10, 1 / np.log2(1 + rank_Q), 0.0).mean()),
    }
