import numpy as np
import pytest

from pipeline.encoder.metrics import embedding_metrics, ranking_metrics, ranks


def test_three_queries_worked_by_hand():
    # Unit vectors in the plane, written as (cosine, sine).
    queries = np.array([[1, 0], [0, 1], [0.6, 0.8]])
    candidates = np.array([[1, 0], [0.8, 0.6], [0, 1]])
    # Cosines:  1    0.8   0       own 1,    place 1, margin  1 - 0.8      =  0.2
    #           0    0.6   1       own 0.6,  place 2, margin  0.6 - 1      = -0.4
    #           0.6  0.96  0.8     own 0.8,  place 2, margin  0.8 - 0.96   = -0.16
    own = np.arange(3)
    assert ranks(queries @ candidates.T, own).tolist() == [1, 2, 2]
    assert embedding_metrics(queries, candidates, own) == pytest.approx(
        {"recall_at_1": 1 / 3, "recall_at_10": 1, "mrr": (1 + 1 / 2 + 1 / 2) / 3, "margin": -0.36 / 3}
    )


def test_a_tie_counts_as_lost():
    assert ranks(np.array([[1.0, 1.0, 0.5]]), np.array([0])).tolist() == [2]
    everything_equal = np.zeros((20, 20))
    figures = ranking_metrics(everything_equal, np.arange(20))
    assert figures == {"recall_at_1": 0, "recall_at_10": 0, "mrr": pytest.approx(1 / 20)}


def test_several_queries_may_have_one_candidate():
    figures = ranking_metrics(np.array([[3.0, 1.0], [2.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 0]))
    assert figures["recall_at_1"] == pytest.approx(2 / 3)
