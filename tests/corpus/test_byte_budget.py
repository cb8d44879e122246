"""Which documents fill a byte budget; tests/corpus/test_select.py tests budgets together with paragraphs."""

import numpy as np
import pytest

from pipeline.corpus.byte_budget import select_within_budget

KEY = np.array([30, 10, 50, 20, 40], np.uint64)
SIZES = np.array([300, 100, 60, 200, 500])


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (0, []),
        (50, []),
        (100, [1]),
        (300, [1, 3]),
        (370, [1, 2, 3]),  # 0 does not fit, nor 4; 2 is short enough for the rest
        (10_000, [0, 1, 2, 3, 4]),
    ],
)
def test_select_within_budget_takes_documents_by_key(budget: int, expected: list[int]) -> None:
    selected = select_within_budget(KEY, SIZES, np.ones(5, bool), budget)
    assert np.flatnonzero(selected).tolist() == expected


def test_select_within_budget_takes_candidates_only() -> None:
    candidates = np.array([True, False, True, False, False])
    assert select_within_budget(KEY, SIZES, candidates, 10_000).tolist() == candidates.tolist()
