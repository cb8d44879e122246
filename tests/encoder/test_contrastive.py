import math

import numpy as np
import pytest
import torch

from pipeline.encoder.contrastive import false_negatives, info_nce, nested_info_nce

NO_DUPLICATES = torch.zeros(2, 2, dtype=torch.bool)


def test_info_nce_of_two_pairs_worked_by_hand():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    passages = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # Cosines [[1, 0.6], [0, 0.8]]; at temperature 0.5 the logits are [[2, 1.2], [0, 1.6]].
    by_query = (math.log(1 + math.exp(-0.8)) + math.log(1 + math.exp(-1.6))) / 2
    by_passage = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-0.4))) / 2
    loss = info_nce(queries, passages, 0.5, NO_DUPLICATES)
    assert loss.item() == pytest.approx((by_query + by_passage) / 2, abs=1e-6)


def test_nested_info_nce_is_the_mean_over_widths():
    queries, passages = torch.nn.functional.normalize(torch.randn(2, 2, 8), dim=-1)
    cut = [torch.nn.functional.normalize(side[:, :3], dim=-1) for side in (queries, passages)]
    whole = info_nce(queries, passages, 0.1, NO_DUPLICATES)
    short = info_nce(cut[0], cut[1], 0.1, NO_DUPLICATES)
    nested = nested_info_nce(queries, passages, 0.1, NO_DUPLICATES, [3])
    assert nested.item() == pytest.approx((whole + short).item() / 2, abs=1e-6)


def test_false_negatives_are_equal_texts_and_passages_that_overlap():
    ranges = np.array([[0, 6], [5, 11], [20, 26], [11, 17]])
    assert false_negatives(ranges, [["a", "b", "c", "a"]]).tolist() == [
        [False, True, False, True],
        [True, False, False, False],
        [False, False, False, False],
        [True, False, False, False],
    ]


def test_info_nce_ignores_what_is_masked():
    vectors = torch.nn.functional.normalize(torch.randn(2, 4), dim=1)
    alone = info_nce(vectors, vectors[[0, 0]], 0.1, ~torch.eye(2, dtype=torch.bool))
    assert alone.item() == pytest.approx(0, abs=1e-6)


def test_info_nce_is_exact_under_autocast():
    queries, passages = torch.nn.functional.normalize(torch.randn(2, 8, 16), dim=-1)
    no_duplicates = torch.zeros(8, 8, dtype=torch.bool)
    exact = info_nce(queries, passages, 0.05, no_duplicates)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert info_nce(queries, passages, 0.05, no_duplicates).item() == exact.item()
