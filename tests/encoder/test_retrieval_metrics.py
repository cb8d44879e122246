import math

import numpy as np
import pytest

from pipeline.encoder.retrieval_metrics import margins, positive_ranks, ranking_metrics


def test_metrics_of_three_queries_worked_by_hand():
    # Unit vectors in the plane, written as (cosine, sine).
    queries = np.array([[1, 0], [0, 1], [0.6, 0.8]])
    candidates = np.array([[1, 0], [0.8, 0.6], [0, 1]])
    # Cosines:  1    0.8   0       positive 1,    rank 1, margin  1 - 0.8      =  0.2
    #           0    0.6   1       positive 0.6,  rank 2, margin  0.6 - 1      = -0.4
    #           0.6  0.96  0.8     positive 0.8,  rank 2, margin  0.8 - 0.96   = -0.16
    positive, cosines = np.arange(3), queries @ candidates.T
    assert positive_ranks(cosines, positive).tolist() == [1, 2, 2]
    assert margins(cosines, positive) == pytest.approx([0.2, -0.4, -0.16])
    assert ranking_metrics(cosines, positive) == pytest.approx(
        {
            "recall_at_1": 1 / 3,
            "recall_at_10": 1,
            "mrr": (1 + 1 / 2 + 1 / 2) / 3,
            "ndcg_at_10": (1 + 2 / math.log2(3)) / 3,
        }
    )


def test_positive_ranks_tie_takes_the_last_rank():
    assert positive_ranks(np.array([[1.0, 1.0, 0.5]]), np.array([0])).tolist() == [2]
    everything_equal = np.zeros((20, 20))
    metrics = ranking_metrics(everything_equal, np.arange(20))
    assert metrics == {"recall_at_1": 0, "recall_at_10": 0, "mrr": pytest.approx(1 / 20), "ndcg_at_10": 0}


def test_ranking_metrics_with_a_shared_positive():
    metrics = ranking_metrics(np.array([[3.0, 1.0], [2.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 0]))
    assert metrics["recall_at_1"] == pytest.approx(2 / 3)
