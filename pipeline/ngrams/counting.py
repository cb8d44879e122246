"""Counting of n-grams in a stream of tokens, whose memory does not grow with the text.

A length is counted after the one below it. An n-gram is then a pair of numbers, the rank of its first
n - 1 tokens and its last token: one key of 64 bits. Sorted, equal keys lie side by side. Where all of them
do not fit the memory, one range of contexts is sorted at a time, and each range takes a pass over the text.
The commonest single context is the most that is sorted at once: a twentieth of a text or so.

T tokens of the text
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from pipeline.ngrams.model import NGramLevel, NGramModel
from pipeline.ngrams.storage import Storage
from pipeline.tokenizer.special import BOS

Discounts = tuple[float, float, float]
FALLBACK: Discounts = (0.5, 1.0, 1.5)  # as in KenLM, where counts of counts are too few for an estimate
MAX_SORTED = 9_000_000  # tokens at a time; sorting takes about 48 bytes for each
CHUNK = 1 << 21  # tokens or n-grams in one piece, where nothing is sorted


@dataclass(frozen=True)
class Counts:
    """All n-grams of one length, before smoothing (see `NGramLevel`)."""

    starts: np.ndarray
    tokens: np.ndarray
    counts: np.ndarray  # [n-grams], how often each stands in the text
    preceding: np.ndarray  # [n-grams], how many different tokens stand before each; 0: not counted

    def adjust(self, first: int, last: int) -> np.ndarray:
        """Return a(h w) of the n-grams `first` to `last` - 1."""
        preceding = self.preceding[first:last]
        return np.where(preceding > 0, preceding, self.counts[first:last])


class Text(Protocol):
    """Tokens [T] that are read in pieces: an array, or what lies in files."""

    def __len__(self) -> int: ...

    def __getitem__(self, piece: slice) -> np.ndarray:
        """Return the tokens of a piece."""


def train_ngram_model(
    stream: Text, vocab_size: int, order: int, discounts: Discounts | None = None
) -> NGramModel:
    """Train a model of n-grams up to `order` tokens on a stream [T] of documents `<s> … </s>`, in memory.

    `discounts` are D(1), D(2) and D(3 or more), equal at every length; None estimates them from the
    counts of each length. Three equal ones make plain Kneser–Ney. The time is that of sorting T numbers
    `order` - 1 times.
    """
    storage = Storage()
    counts = count_ngrams(stream, vocab_size, order, storage)
    levels = [smooth_level(of_length, n, discounts, storage) for n, of_length in enumerate(counts, 1)]
    return NGramModel(vocab_size, tuple(levels))


def count_ngrams(stream: Text, vocab_size: int, order: int, storage: Storage) -> list[Counts]:
    """Return the counts of the n-grams of each length up to `order`, in arrays that `storage` makes."""
    counter = Counter(stream, vocab_size, order, storage)
    counts = [counter.count_tokens()]
    for n in range(2, order + 1):
        counts.append(counter.extend(counts[-1], n))
    return counts


class Counter:
    """Counts the n-grams of a text, one length after another."""

    def __init__(self, stream: Text, vocab_size: int, order: int, storage: Storage) -> None:
        """Raises ValueError for a stream that does not begin with `<s>`."""
        self.stream, self.vocab_size, self.storage = stream, vocab_size, storage
        self.index_type = np.int32 if len(stream) < 2**31 else np.int64
        self.token_type = np.uint16 if vocab_size <= 2**16 else np.uint32
        self.documents = 0
        self.depth = self._measure_depth(order)  # [T], the position in the document, at most `order`
        self.rank = storage.zeros("rank.1", len(stream), self.index_type)  # [T], of the n-gram that ends here

    def _measure_depth(self, order: int) -> np.ndarray:
        if self.stream[:1].tolist() != [BOS]:
            raise ValueError("the stream does not begin with <s>")
        depth = self.storage.zeros("depth", len(self.stream), np.uint8)
        begin = 0
        for start, stop in split_range(0, len(self.stream)):
            index, is_begin = np.arange(start, stop), self.stream[start:stop] == BOS
            self.documents += int(is_begin.sum())
            begins = np.maximum.accumulate(np.where(is_begin, index, begin))
            depth[start:stop] = np.minimum(index - begins, order)
            begin = begins[-1]
        return depth

    def count_tokens(self) -> Counts:
        """Return the counts of single tokens, of which `<s>` has none."""
        counts = np.zeros(self.vocab_size, np.int64)
        for start, stop in split_range(0, len(self.stream)):
            tokens = self.rank[start:stop] = self.stream[start:stop]
            counts += np.bincount(tokens[self.depth[start:stop] > 0], minlength=self.vocab_size)
        starts, tokens = np.array([0, self.vocab_size]), np.arange(self.vocab_size)
        return Counts(starts, tokens, counts, np.zeros(self.vocab_size, np.int64))

    def extend(self, shorter: Counts, n: int) -> Counts:
        """Return the counts of n-grams of length `n`, and count in `shorter` what precedes each."""
        longer_rank = self.storage.zeros(f"rank.{n}", len(self.stream), self.index_type)
        starts = self.storage.column(f"starts.{n}", self.index_type)
        tokens = self.storage.column(f"tokens.{n}", self.token_type)
        counts = self.storage.column(f"counts.{n}", self.index_type)
        starts.append(np.zeros(1))
        # A token follows a context wherever it stands in the text. `<s>` does too, and is not counted.
        following = shorter.counts
        if n == 2:
            following = following.copy()
            following[BOS] = self.documents
        for first, last in split_by_sum(following, MAX_SORTED):
            keys, positions = self._select(n, first, last)
            keys, order = sort_with_order(keys)
            positions = positions[order]
            is_new = np.ones(len(keys), dtype=bool)
            is_new[1:] = keys[1:] != keys[:-1]
            longer_rank[positions] = np.cumsum(is_new, dtype=self.index_type) + (tokens.length - 1)
            # Every longer n-gram puts a different token before the n-gram that ends where it ends.
            add_occurrences(shorter.preceding, self.rank[positions[is_new]])
            context, token = np.divmod(keys[is_new], self.vocab_size)
            starts.append(tokens.length + np.cumsum(np.bincount(context, minlength=last - first)))
            tokens.append(token)
            counts.append(np.diff(np.flatnonzero(is_new), append=len(keys)))
        self.rank = longer_rank
        self.storage.remove(f"rank.{n - 1}")
        preceding = self.storage.zeros(f"preceding.{n}", tokens.length, self.index_type)
        return Counts(starts.finish(), tokens.finish(), counts.finish(), preceding)

    def _select(self, n: int, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return keys and positions of the n-grams whose context has a rank from `first` to `last` - 1.

        A key is (rank of the context - `first`) * vocab_size + last token.
        """
        keys, positions = [], []
        for start, stop in split_range(1, len(self.stream)):
            contexts = self.rank[start - 1 : stop - 1]
            is_selected = (self.depth[start:stop] >= n - 1) & (contexts >= first) & (contexts < last)
            selected = np.flatnonzero(is_selected)
            contexts = contexts[selected].astype(np.int64) - first
            keys.append(contexts * self.vocab_size + self.stream[start:stop][selected])
            positions.append((selected + start).astype(self.index_type))
        return np.concatenate([np.empty(0, np.int64), *keys]), np.concatenate(
            [np.empty(0, self.index_type), *positions]
        )


def split_range(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield consecutive pieces of a range, each of at most CHUNK numbers."""
    for first in range(start, stop, CHUNK):
        yield first, min(first + CHUNK, stop)


def split_by_sum(sizes: np.ndarray, limit: int) -> Iterator[tuple[int, int]]:
    """Yield consecutive ranges that cover `sizes`, each with a sum of at most `limit`, or of one member."""
    first, total = 0, 0  # of the range that is open, and its sum before this piece
    for start, stop in split_range(0, len(sizes)):
        sums = np.cumsum(sizes[start:stop], dtype=np.int64)
        before = 0  # sum of the piece before the open range
        while (end := start + int(np.searchsorted(sums, limit - total + before, side="right"))) < stop:
            end = max(end, first + 1)
            yield first, end
            first, total, before = end, 0, int(sums[end - start - 1]) if end > start else 0
        total += int(sums[-1]) - before
    yield first, len(sizes)


def sort_with_order(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted keys [N] and where each was; of equal ones the first comes first.

    A key and its place are sorted as one number, which is several times as fast as `np.argsort`.
    """
    bits = len(keys).bit_length()
    if not len(keys) or int(keys.max()).bit_length() + bits > 64:
        order = np.argsort(keys, kind="stable")
        return keys[order], order
    packed = keys.astype(np.uint64) << np.uint64(bits) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    places = packed & np.uint64((1 << bits) - 1)
    return (packed >> np.uint64(bits)).astype(np.int64), places.astype(np.int64)


def add_occurrences(counts: np.ndarray, ranks: np.ndarray) -> None:
    """Add to `counts` how often each rank occurs in `ranks` [N]."""
    ranks = np.sort(ranks)
    starts = np.flatnonzero(np.diff(ranks, prepend=-1))
    counts[ranks[starts]] += np.diff(starts, append=len(ranks)).astype(counts.dtype)


def smooth_level(counts: Counts, n: int, discounts: Discounts | None, storage: Storage) -> NGramLevel:
    """Return the level of n-grams of length `n` from their counts. Its arrays are made by `storage`."""
    by_count = np.array([0.0, *(discounts or estimate_discounts(counts))], dtype=np.float32)
    discounted, backoff = storage.column(f"discounted.{n}", "f4"), storage.column(f"backoff.{n}", "f4")
    contexts = len(counts.starts) - 1
    edges = np.searchsorted(counts.starts, np.arange(0, len(counts.tokens), CHUNK), side="right")
    for first, last in pairwise(np.unique([0, *edges, contexts]).tolist()):
        begin, end = int(counts.starts[first]), int(counts.starts[last])
        adjusted = counts.adjust(begin, end)
        discount = by_count[np.minimum(adjusted, 3)]
        context = np.repeat(np.arange(last - first), np.diff(counts.starts[first : last + 1]))
        total = np.bincount(context, weights=adjusted, minlength=last - first)
        left = np.bincount(context, weights=discount, minlength=last - first)
        shares = np.zeros(end - begin)
        np.divide(adjusted - discount, total[context], where=adjusted > 0, out=shares)
        discounted.append(shares)
        backoff.append(np.divide(left, total, where=total > 0, out=np.ones(last - first)))
    return NGramLevel(counts.starts, counts.tokens, discounted.finish(), backoff.finish())


def estimate_discounts(counts: Counts) -> Discounts:
    """Estimate D(1), D(2), D(3 or more) from the counts of counts (Chen & Goodman 1999, equation 26)."""
    of_count = np.zeros(6, np.int64)
    for first, last in split_range(0, len(counts.tokens)):
        of_count += np.bincount(np.minimum(counts.adjust(first, last), 5), minlength=6)
    _, n1, n2, n3, n4, _ = of_count.tolist()
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return estimates if min(estimates) > 0 else FALLBACK
