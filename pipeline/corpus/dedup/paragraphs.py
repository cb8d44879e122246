"""Paragraphs that many documents repeat stay in the first of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.corpus.staging import Parts, list_values

SHARED_BY = 5  # documents; a paragraph that more of them have stays in the first one only
BUCKETS = 16  # hashes of paragraphs are compared a sixteenth at a time


class Repeated(NamedTuple):
    """Paragraphs that too many documents have."""

    hashes: np.ndarray  # sorted
    documents: np.ndarray  # how many have it

    def found(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of some hashes are among these, and the places where they are."""
        place = np.searchsorted(self.hashes, values)
        there = place < len(self.hashes)
        there[there] = self.hashes[place[there]] == values[there]
        return there, place


def repeated_paragraphs(parts: Parts, alive: np.ndarray) -> Repeated:
    """The paragraphs that more than SHARED_BY of the living documents have."""
    found = [np.empty((2, 0), np.uint64)]
    for bucket in range(BUCKETS):
        some = [np.empty(0, np.uint64)]
        for document, value in list_values(parts, "paragraphs"):
            some.append(value[alive[document] & (value % BUCKETS == bucket)])
        value, counts = np.unique(np.concatenate(some), return_counts=True)
        often = counts > SHARED_BY
        found.append(np.stack([value[often], counts[often].astype(np.uint64)]))
    hashes, documents = np.concatenate(found, axis=1)
    order = np.argsort(hashes)
    return Repeated(hashes[order], documents[order].astype(np.int64))


def keepers(parts: Parts, repeated: Repeated, alive: np.ndarray) -> np.ndarray:
    """The first living document that has each repeated paragraph, in which it stays."""
    first = np.full(len(repeated.hashes), len(alive))
    for document, value in list_values(parts, "paragraphs"):
        there, place = repeated.found(value)
        there &= alive[document]
        np.minimum.at(first, place[there], document[there])
    return first


def shared(
    parts: Parts, repeated: Repeated, keepers: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The documents of each part that lose paragraphs; the bytes and the characters that go with each."""
    columns = (list_values(parts, name) for name in ("paragraphs", "bytes", "characters"))
    for (document, value), (_, bytes), (_, characters) in zip(*columns, strict=True):
        gone, place = repeated.found(value)
        gone[gone] = keepers[place[gone]] != document[gone]
        yield document[gone], bytes[gone], characters[gone]
