import math

import pytest
import torch

from pipeline.encoder.contrastive import duplicate_mask, info_nce

NO_DUPLICATES = torch.zeros(2, 2, dtype=torch.bool)


def test_info_nce_of_two_pairs_worked_by_hand():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    documents = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # Cosines [[1, 0.6], [0, 0.8]]; at temperature 0.5 the logits are [[2, 1.2], [0, 1.6]].
    by_query = (math.log(1 + math.exp(-0.8)) + math.log(1 + math.exp(-1.6))) / 2
    by_document = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-0.4))) / 2
    loss = info_nce(queries, documents, 0.5, NO_DUPLICATES)
    assert loss.item() == pytest.approx((by_query + by_document) / 2, abs=1e-6)


def test_duplicate_mask_excludes_shared_texts_from_negatives():
    shared = duplicate_mask(["a", "b", "c", "d"], ["x", "x", "y", "a"])
    assert shared.tolist() == [
        [False, True, False, True],
        [True, False, False, False],
        [False, False, False, False],
        [True, False, False, False],
    ]
    vectors = torch.nn.functional.normalize(torch.randn(2, 4), dim=1)
    alone = info_nce(vectors, vectors[[0, 0]], 0.1, ~torch.eye(2, dtype=torch.bool))
    assert alone.item() == pytest.approx(0, abs=1e-6)


def test_info_nce_is_exact_under_autocast():
    queries, documents = torch.nn.functional.normalize(torch.randn(2, 8, 16), dim=-1)
    no_duplicates = torch.zeros(8, 8, dtype=torch.bool)
    exact = info_nce(queries, documents, 0.05, no_duplicates)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert info_nce(queries, documents, 0.05, no_duplicates).item() == exact.item()
