"""How well queries find their own candidates.

Q queries    C candidates
"""

import numpy as np


def ranks(scores_QxC: np.ndarray, own_Q: np.ndarray) -> np.ndarray:
    """Place of every query's own candidate, from 1. A tie counts against us: it takes the last place."""
    own_scores_Qx1 = scores_QxC[np.arange(len(own_Q)), own_Q][:, None]
    return (scores_QxC >= own_scores_Qx1).sum(axis=1)


def margins(cosines_QxC: np.ndarray, own_Q: np.ndarray) -> np.ndarray:
    """Every query's cosine with its own candidate less that with the best other one."""
    rows = np.arange(len(own_Q))
    others_QxC = cosines_QxC.copy()
    others_QxC[rows, own_Q] = -np.inf
    return cosines_QxC[rows, own_Q] - others_QxC.max(axis=1)


def ranking_metrics(scores_QxC: np.ndarray, own_Q: np.ndarray) -> dict[str, float]:
    """Share of queries whose own candidate comes first, among the first 10, and mean of 1 / rank.

    `own_Q` is the column of each query's own candidate; higher scores are better.
    """
    rank_Q = ranks(scores_QxC, own_Q)
    return {
        "recall_at_1": float((rank_Q <= 1).mean()),
        "recall_at_10": float((rank_Q <= 10).mean()),
        "mrr": float((1 / rank_Q).mean()),
    }


def embedding_metrics(
    queries_QxD: np.ndarray, candidates_CxD: np.ndarray, own_Q: np.ndarray
) -> dict[str, float]:
    """The ranking metrics of vectors of length 1, and the mean margin of their cosines."""
    cosines_QxC = queries_QxD @ candidates_CxD.T
    return ranking_metrics(cosines_QxC, own_Q) | {"margin": float(margins(cosines_QxC, own_Q).mean())}
