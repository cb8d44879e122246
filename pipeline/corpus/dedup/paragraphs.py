"""Paragraph deduplication: a paragraph that many documents repeat stays in the first of them only."""

from typing import NamedTuple

import numpy as np

from pipeline.corpus.staging import Documents, StagingArea, list_values

MAX_DOCUMENTS = 5  # a paragraph that more documents have stays in the first one only
BUCKETS = 16  # paragraph hashes are counted a sixteenth at a time, to bound memory


class RepeatedParagraphs(NamedTuple):
    """Paragraphs that more than MAX_DOCUMENTS documents have."""

    hashes: np.ndarray  # sorted
    documents: np.ndarray  # number of documents that have each

    @classmethod
    def none(cls) -> "RepeatedParagraphs":
        """Return no paragraphs."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.int64))

    def lookup(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a mask of the hashes that are among these, and the position of each one that is."""
        positions = np.searchsorted(self.hashes, values)
        is_repeated = positions < len(self.hashes)
        is_repeated[is_repeated] = self.hashes[positions[is_repeated]] == values[is_repeated]
        return is_repeated, positions


def find_repeated_paragraphs(staging: StagingArea, kept: np.ndarray) -> RepeatedParagraphs:
    """Return the paragraphs that more than MAX_DOCUMENTS of the kept documents have."""
    repeated = [np.empty((2, 0), np.uint64)]
    for bucket in range(BUCKETS):
        chunks = [np.empty(0, np.uint64)]
        for document, hashes in list_values(staging, "paragraphs"):
            chunks.append(hashes[kept[document] & (hashes % BUCKETS == bucket)])
        hashes, counts = np.unique(np.concatenate(chunks), return_counts=True)
        is_repeated = counts > MAX_DOCUMENTS
        repeated.append(np.stack([hashes[is_repeated], counts[is_repeated].astype(np.uint64)]))
    hashes, documents = np.concatenate(repeated, axis=1)
    order = np.argsort(hashes)
    return RepeatedParagraphs(hashes[order], documents[order].astype(np.int64))


def find_paragraph_owners(staging: StagingArea, repeated: RepeatedParagraphs, kept: np.ndarray) -> np.ndarray:
    """Return the first kept document of each repeated paragraph, in which it stays [paragraphs]."""
    owner = np.full(len(repeated.hashes), len(kept))
    for document, hashes in list_values(staging, "paragraphs"):
        is_repeated, positions = repeated.lookup(hashes)
        is_repeated &= kept[document]
        np.minimum.at(owner, positions[is_repeated], document[is_repeated])
    return owner


def remaining_text(
    staging: StagingArea, repeated: RepeatedParagraphs, owner: np.ndarray, documents: Documents
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes and the characters [documents] left of each without the paragraphs that others keep.

    `owner` [paragraphs] comes from `find_paragraph_owners`.
    """
    sizes, lengths = documents.size.copy(), documents.length.copy()
    columns = (list_values(staging, name) for name in ("paragraphs", "bytes", "characters"))
    for (document, hashes), (_, bytes), (_, characters) in zip(*columns, strict=True):
        is_removed, positions = repeated.lookup(hashes)
        is_removed[is_removed] = owner[positions[is_removed]] != document[is_removed]
        np.subtract.at(sizes, document[is_removed], bytes[is_removed])
        np.subtract.at(lengths, document[is_removed], characters[is_removed])
    return sizes, lengths
