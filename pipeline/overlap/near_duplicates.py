"""Near-duplicates among all documents, found by their MinHash signatures (the rule `near_copies`).

Candidate pairs are found by banding, as in FineWeb (Penedo et al. 2024, arXiv 2406.17557): two documents that
agree in one of 14 bands of 8 hashes are near-duplicates. That finds pairs that share some 70 % of
their n-grams of five words. A copy in which every tenth word was replaced shares only 40 %. So documents that
agree in one of 56 bands of 2 hashes are candidates, and near-duplicates if their whole signatures agree
enough (thresholds measured: benchmarks/near_copies.py). Of many documents that agree in a band only
neighbors in the order of their numbers are compared, so that the pairs stay few.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from pipeline.overlap.minhash import NGRAM_HASHES, NO_SIGNATURE

BANDS = 14
FINE_BANDS = 56
MIN_NGRAM_AGREEMENT, MIN_WORD_AGREEMENT = 0.10, 0.55  # share of a signature's hashes
PAIRS_AT_ONCE = 500_000

SignatureReader = Callable[[], np.ndarray]  # reads the signatures of one part, uint32 [hashes, documents]


def group_near_duplicates(
    parts: Sequence[SignatureReader], kept: np.ndarray, is_strict: bool = False
) -> np.ndarray:
    """Return the group id of every document [documents]: the lowest number of its near-duplicates.

    Near-duplicates of near-duplicates belong to one group. Documents that are not `kept` (a mask) are alone
    in their groups. The parts' documents are numbered one part after another. `is_strict`: only those that
    agree in a whole band are near-duplicates.
    """
    certain = [pairs for band in _bands(parts, BANDS) for pairs in _agreeing_pairs(band, kept)]
    candidates = [] if is_strict else [p for b in _bands(parts, FINE_BANDS) for p in _agreeing_pairs(b, kept)]
    similar = _similar_pairs(parts, _unique_pairs(candidates)) if candidates else []
    pairs = np.concatenate([np.empty((0, 2), int), *certain, *similar])
    return connected_components(pairs, len(kept))


def connected_components(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the lowest node of each node's component; the edges are `pairs` [N, 2] of nodes below `count`.

    Each round every node takes the lowest node that it or its neighbors point to, then the node that this one
    points to, which halves the way to it.
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


def find_near_duplicates(group: np.ndarray, size: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return a mask of the kept documents to remove: all but one of each group.

    The longest by `size` [documents] stays, as it has the most text; of equally long ones the first.
    """
    order = np.lexsort((-size, ~kept, group))  # by group; within it the one that stays comes first
    is_duplicate = np.zeros(len(order), bool)
    is_duplicate[order[1:]] = group[order[1:]] == group[order[:-1]]
    return is_duplicate & kept


def _bands(parts: Sequence[SignatureReader], count: int) -> Iterator[np.ndarray]:
    """Yield the hashes of each band for all documents, uint32 [rows, documents]."""
    rows = NGRAM_HASHES // count
    for band in range(count):
        yield np.concatenate([read()[band * rows : (band + 1) * rows] for read in parts], axis=1)


def _agreeing_pairs(band: np.ndarray, kept: np.ndarray) -> Iterator[np.ndarray]:
    """Yield pairs [N, 2] of consecutive documents among those that agree in the band."""
    documents = np.flatnonzero(kept & (band[0] != NO_SIGNATURE))
    values = band[:, documents]
    order = np.lexsort(values)
    same = (values[:, order[1:]] == values[:, order[:-1]]).all(axis=0)
    if same.any():
        yield np.sort(documents[np.stack([order[:-1][same], order[1:][same]], axis=1)], axis=1)


def _unique_pairs(pairs: list[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(pairs), axis=0)


def _similar_pairs(parts: Sequence[SignatureReader], pairs: np.ndarray) -> Iterator[np.ndarray]:
    """Yield those of the pairs whose whole signatures agree enough."""
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        chunk = pairs[start : start + PAIRS_AT_ONCE]
        left, right = (_signature_bytes(parts, side) for side in chunk.T)
        agree = left == right
        ngrams, words = agree[:NGRAM_HASHES].mean(axis=0), agree[NGRAM_HASHES:].mean(axis=0)
        yield chunk[(ngrams >= MIN_NGRAM_AGREEMENT) & (words >= MIN_WORD_AGREEMENT)]


def _signature_bytes(parts: Sequence[SignatureReader], documents: np.ndarray) -> np.ndarray:
    """Return the lowest byte of each hash of the documents, uint8 [hashes, N].

    One in 256 bytes agrees by chance (b-bit MinHash, Li & König 2010).
    """
    gathered: np.ndarray | None = None
    start = 0
    for read in parts:
        signatures = read()
        if gathered is None:
            gathered = np.empty((len(signatures), len(documents)), np.uint8)
        positions = np.flatnonzero((documents >= start) & (documents < start + signatures.shape[1]))
        gathered[:, positions] = signatures[:, documents[positions] - start].astype(np.uint8)
        start += signatures.shape[1]
    assert gathered is not None
    return gathered
