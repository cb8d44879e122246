"""What stays of all documents that were looked at, by rules that compare them with one another."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.corpus.parts import Parts
from pipeline.corpus.rules.contamination import Grams

SHARED_BY = 5  # documents; a paragraph that more of them have stays in the first one only
BUCKETS = 16  # hashes of paragraphs are compared a sixteenth at a time


class Documents(NamedTuple):
    """Numbers of every document of the parts, one after another."""

    source: np.ndarray  # which, by its place in corpus.sources
    size: np.ndarray  # UTF-8 bytes
    length: np.ndarray  # characters
    key: np.ndarray

    @classmethod
    def of(cls, parts: Parts, sources: Sequence[str]) -> "Documents":
        """Read them."""
        place = {name: number for number, name in enumerate(sources)}
        named = [place[name] for column in parts.column("source") for name in column.to_pylist()]
        read = [_numbers(parts, name) for name in ("size", "length", "key")]
        return cls(np.array(named, np.int16), *read)


def _numbers(parts: Parts, name: str) -> np.ndarray:
    return np.concatenate([column.to_numpy() for column in parts.column(name)])


def duplicates(documents: Documents) -> np.ndarray:
    """Which documents have the key of one before them."""
    order = np.argsort(documents.key, kind="stable")
    again = np.zeros(len(order), bool)
    again[order[1:]] = documents.key[order[1:]] == documents.key[order[:-1]]
    return again


def contaminated(parts: Parts, grams: Grams, alive: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Which of the living documents give a text of the evaluation sets away; `group`: see `groups`."""
    found = list(_lists(parts, "grams"))
    document = np.concatenate([document for document, _ in found])
    gram = np.concatenate([gram for _, gram in found])
    there = alive[document]
    return grams.given_away(document[there], gram[there], group)


def near_copies(group: np.ndarray, size: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Which of the living documents have a longer one, or an equally long one before them, in their group."""
    order = np.lexsort((-size, ~alive, group))
    again = np.zeros(len(order), bool)
    again[order[1:]] = group[order[1:]] == group[order[:-1]]
    return again & alive


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
        for document, value in _lists(parts, "paragraphs"):
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
    for document, value in _lists(parts, "paragraphs"):
        there, place = repeated.found(value)
        there &= alive[document]
        np.minimum.at(first, place[there], document[there])
    return first


def _lists(parts: Parts, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The values of a column of lists, with the number of each one's document."""
    start = 0
    for column in parts.column(name):
        lists = column.combine_chunks()
        counts = np.diff(lists.offsets.to_numpy())
        yield np.repeat(np.arange(start, start + len(counts)), counts), lists.flatten().to_numpy()
        start += len(counts)


def shared(
    parts: Parts, repeated: Repeated, keepers: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The documents of each part that lose paragraphs; the bytes and the characters that go with each."""
    columns = (_lists(parts, name) for name in ("paragraphs", "bytes", "characters"))
    for (document, value), (_, bytes), (_, characters) in zip(*columns, strict=True):
        gone, place = repeated.found(value)
        gone[gone] = keepers[place[gone]] != document[gone]
        yield document[gone], bytes[gone], characters[gone]


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
