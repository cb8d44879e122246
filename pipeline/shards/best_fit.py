"""Sample rows of whole documents: the other way to read shards (`train.packing: best_fit`).

A row holds `context` + 1 tokens, as a window does. A longer document is cut into full rows, each of which
begins with the last token of the one before. The remainders and all shorter documents share rows, packed so
that little stays empty: the longest first, each into the fullest row that has room (best-fit decreasing, as
in Ding et al. 2024, arXiv 2404.10830). Empty room holds <pad>, which is not learned.
"""

import numpy as np

from pipeline.shards.format import Shards
from pipeline.shards.sampler import Sampler
from pipeline.tokenizer.special import PAD


class BestFitSampler(Sampler):
    """Rows of `context` + 1 tokens of whole documents; every epoch combines other documents."""

    unit = "rows"

    def __init__(self, shards: Shards, context: int, seed: int) -> None:
        self.starts, self.lengths = split_documents(shards, context)
        self._packed: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by epoch; of this and the last one
        _, row_starts = pack_best_fit(self.lengths, context + 1)
        super().__init__(shards, context, seed, rows_per_epoch=len(row_starts) - 1)

    def _pack_epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the epoch's chunks in reading order, and the index among them of each row's first chunk."""
        if epoch not in self._packed:
            rng = np.random.default_rng((self.seed, epoch))
            shuffled = rng.permutation(len(self.lengths))
            order, row_starts = pack_best_fit(self.lengths[shuffled], self.context + 1)
            rows = rng.permutation(self.rows_per_epoch)
            counts = np.diff(row_starts)[rows]
            ends = np.cumsum(counts)
            positions = np.repeat(row_starts[rows] - (ends - counts), counts) + np.arange(ends[-1])
            self._packed = {e: packed for e, packed in self._packed.items() if e == epoch - 1}
            self._packed[epoch] = shuffled[order[positions]], np.append(0, ends)
        return self._packed[epoch]

    def fill(self, row: np.ndarray, epoch: int, index: int) -> None:
        """See `Sampler`."""
        chunks, row_starts = self._pack_epoch(epoch)
        position = 0
        for chunk in chunks[row_starts[index] : row_starts[index + 1]].tolist():
            start, length = int(self.starts[chunk]), int(self.lengths[chunk])
            row[position : position + length] = self.shards.read(start, start + length)
            position += length
        row[position:] = PAD

    def padding_fraction(self) -> float:
        """Return the share of an epoch's tokens that is <pad>."""
        return 1 - int(self.lengths.sum()) / (self.rows_per_epoch * (self.context + 1))


def split_documents(shards: Shards, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut documents into chunks of up to `context` + 1 tokens; return their starts in the stream and lengths.

    A chunk that continues a document begins with the last token of the one before.
    """
    document_starts = shards.document_starts()
    lengths = np.diff(document_starts, append=shards.tokens)
    full_chunks = (lengths - 1) // context  # of each document; one that just fills a row has one
    document = np.repeat(np.arange(len(document_starts)), full_chunks)  # of each full chunk
    index = np.arange(len(document)) - np.repeat(np.cumsum(full_chunks) - full_chunks, full_chunks)
    rest = lengths - full_chunks * context
    with_rest = np.flatnonzero(rest > 1)  # one token alone predicts nothing
    full_starts = document_starts[document] + index * context
    rest_starts = document_starts[with_rest] + full_chunks[with_rest] * context
    starts = np.concatenate([full_starts, rest_starts])
    return starts, np.concatenate([np.full(len(document), context + 1), rest[with_rest]])


class Bins:
    """Bins (numbers of rows) grouped by the room they have left."""

    def __init__(self, capacity: int) -> None:
        self.by_room: list[list[np.ndarray]] = [[] for _ in range(capacity + 1)]
        self.rooms = 0  # bit r is set where a bin has room r left

    def put(self, room: int, bins: np.ndarray) -> None:
        """Add bins that have `room` tokens left."""
        if len(bins):
            self.by_room[room].append(bins)
            self.rooms |= 1 << room

    def take_fullest(self, length: int) -> tuple[int, np.ndarray]:
        """Remove and return bins of the least room that fits `length`, and that room. There may be none."""
        fitting = self.rooms >> length
        if not fitting:
            return 0, np.empty(0, np.int64)
        room = length + (fitting & -fitting).bit_length() - 1
        bins = self.by_room[room].pop()
        if not self.by_room[room]:
            self.rooms ^= 1 << room
        return room, bins


def pack_best_fit(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Pack chunks into rows of `capacity` tokens; return the chunks by row, and each row's first among them.

    Chunks of equal length are dealt with together, and so are rows with equal room.
    """
    longest_first = np.argsort(-lengths, kind="stable")
    row_of = np.empty(len(lengths), np.int64)
    bins = Bins(capacity)
    rows = done = 0
    for negative, count in zip(*np.unique(-lengths, return_counts=True), strict=True):
        length, remaining = -int(negative), longest_first[done : done + count]
        done += count
        while len(remaining):
            room, fitting = bins.take_fullest(length)
            if not len(fitting):
                new = -(-len(remaining) // (capacity // length))  # as many as these chunks fill, and no more
                room, fitting, rows = capacity, np.arange(rows, rows + new), rows + new
            filled, unused = fitting[: len(remaining)], fitting[len(remaining) :]
            row_of[remaining[: len(filled)]] = filled
            remaining = remaining[len(filled) :]
            bins.put(room - length, filled)
            bins.put(room, unused)
    order = np.argsort(row_of, kind="stable")
    return order, np.append(0, np.cumsum(np.bincount(row_of, minlength=rows)))
