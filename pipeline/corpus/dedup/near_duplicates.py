"""Near-copies among all documents: which ones share most of their text.

Pairs are looked for as FineWeb does (Penedo et al. 2024, arXiv 2406.17557): two documents that agree in
one of 14 bands of 8 orders are copies. That finds what shares some 70 % of its runs of five words; a copy in
which every tenth word is another shares 40 %. So documents that agree in one of 56 bands of 2 are candidates,
and copies where their whole signatures agree as those of copies do (measured: benchmarks/near_copies.py).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from pipeline.corpus.dedup.minhash import NONE, RUN_ORDERS

BANDS = 14
FINE_BANDS = 56
RUNS_ALIKE, WORDS_ALIKE = 0.10, 0.55  # of the orders, at least
PAIRS_AT_ONCE = 500_000

Signatures = Callable[[], np.ndarray]  # reads those of a part of the corpus, uint32 [orders, documents]


def groups(parts: Sequence[Signatures], alive: np.ndarray) -> np.ndarray:
    """For every document of the parts, one after another, a number that those `alive` share with their
    copies, and the copies of these: the lowest of theirs.
    """
    sure = [pairs for band in _bands(parts, BANDS) for pairs in _neighbours(band, alive)]
    likely = [pairs for band in _bands(parts, FINE_BANDS) for pairs in _neighbours(band, alive)]
    found = np.concatenate([*sure, *_alike(parts, _unique(likely))]) if likely else np.empty((0, 2), int)
    return connected(found, len(alive))


def connected(pairs: np.ndarray, count: int) -> np.ndarray:
    """The lowest number in each one's group, where `pairs` [N, 2] of numbers below `count` belong together.

    Each round every number takes the lowest that it or its partners point to, and then what that one points
    to, which halves the way to it.
    """
    group = np.arange(count)
    while True:
        lowest = group[pairs].min(axis=1)
        new = group.copy()
        for side in (0, 1):
            np.minimum.at(new, group[pairs[:, side]], lowest)
        while not np.array_equal(new, new[new]):
            new = new[new]
        if np.array_equal(new, group):
            return group
        group = new


def _bands(parts: Sequence[Signatures], count: int) -> Iterator[np.ndarray]:
    """The orders of each band of all documents, uint32 [rows, documents]."""
    rows = RUN_ORDERS // count
    for band in range(count):
        yield np.concatenate([read()[band * rows : (band + 1) * rows] for read in parts], axis=1)


def _neighbours(band: np.ndarray, alive: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs of documents that follow one another among those which agree in the band."""
    has = np.flatnonzero(alive & (band[0] != NONE))
    values = band[:, has]
    order = np.lexsort(values)
    same = (values[:, order[1:]] == values[:, order[:-1]]).all(axis=0)
    if same.any():
        yield np.sort(has[np.stack([order[:-1][same], order[1:][same]], axis=1)], axis=1)


def _unique(pairs: list[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(pairs), axis=0)


def _alike(parts: Sequence[Signatures], pairs: np.ndarray) -> Iterator[np.ndarray]:
    """Those of the pairs whose signatures agree as copies' do."""
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[start : start + PAIRS_AT_ONCE]
        one, other = (_gathered(parts, side) for side in some.T)
        agree = one == other
        runs, words = agree[:RUN_ORDERS].mean(axis=0), agree[RUN_ORDERS:].mean(axis=0)
        yield some[(runs >= RUNS_ALIKE) & (words >= WORDS_ALIKE)]


def _gathered(parts: Sequence[Signatures], documents: np.ndarray) -> np.ndarray:
    """A byte of every order of some documents [orders, N]: by chance one of 256 agrees (Li & König 2010)."""
    found: np.ndarray | None = None
    start = 0
    for read in parts:
        signatures = read()
        if found is None:
            found = np.empty((len(signatures), len(documents)), np.uint8)
        here = np.flatnonzero((documents >= start) & (documents < start + signatures.shape[1]))
        found[:, here] = signatures[:, documents[here] - start].astype(np.uint8)
        start += signatures.shape[1]
    assert found is not None
    return found


def near_copies(group: np.ndarray, size: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Which of the living documents have a longer one, or an equally long one before them, in their group."""
    order = np.lexsort((-size, ~alive, group))
    again = np.zeros(len(order), bool)
    again[order[1:]] = group[order[1:]] == group[order[:-1]]
    return again & alive
