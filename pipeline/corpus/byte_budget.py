"""Which documents a source keeps where corpus.max_bytes leaves it only a share of its text."""

import numpy as np


def within(drawn: np.ndarray, sizes: np.ndarray, here: np.ndarray, share: int) -> np.ndarray:
    """Which of the documents `here` make up a share of bytes: those that have drawn the lowest numbers, which
    must not be those that choose the split.
    """
    order = np.flatnonzero(here)
    order = order[np.argsort(drawn[order], kind="stable")]
    fits = np.cumsum(sizes[order]) <= share
    taken = np.zeros(len(here), bool)
    taken[order[fits]] = True
    left = share - int(sizes[order[fits]].sum())
    for document in order[~fits].tolist():  # what is left takes no long document
        if left < share / 1000:
            break
        if sizes[document] <= left:
            taken[document] = True
            left -= int(sizes[document])
    return taken
