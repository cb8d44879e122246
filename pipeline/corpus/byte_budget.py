"""The documents that a source keeps when corpus.max_bytes allows it only a part of its text."""

import numpy as np


def select_within_budget(
    key: np.ndarray, sizes: np.ndarray, candidates: np.ndarray, budget: int
) -> np.ndarray:
    """Return a mask of the candidates (a mask) to keep, of at most `budget` bytes in all.

    Documents are taken by their `key`, a random number, in ascending order. It must be independent of the
    hash that chooses the split.
    """
    order = np.flatnonzero(candidates)
    order = order[np.argsort(key[order], kind="stable")]
    fits = np.cumsum(sizes[order]) <= budget
    selected = np.zeros(len(candidates), bool)
    selected[order[fits]] = True
    remaining = budget - int(sizes[order[fits]].sum())
    for document in order[~fits].tolist():  # short documents fill the rest
        if remaining < budget / 1000:
            break
        if sizes[document] <= remaining:
            selected[document] = True
            remaining -= int(sizes[document])
    return selected
