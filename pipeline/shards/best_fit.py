"""Rows of whole documents: the other way to read shards (`train.packing: best_fit`).

A row holds `context` + 1 tokens, as a window does. Documents that are longer are cut into rows, each of which
begins with the last token of the one before. What remains of them and all shorter documents are put together
so that little stays empty: the longest first, each into the fullest row that has room (best-fit decreasing,
as in Ding et al. 2024, arXiv 2404.10830). What stays empty holds <pad>, which is not learnt.
"""

import numpy as np

from pipeline.shards.format import Shards
from pipeline.shards.sampler import Numbered
from pipeline.tokenizer.tokenizer import PAD


class Rows(Numbered):
    """Numbered rows of `context` + 1 tokens; every epoch puts other documents together."""

    what = "rows"

    def __init__(self, shards: Shards, context: int, seed: int) -> None:
        self.starts, self.lengths = pieces(shards, context)
        self._packed: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        super().__init__(shards, context, seed, per_epoch=len(best_fit(self.lengths, context + 1)[1]) - 1)

    def _rows(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The epoch's pieces in reading order, and where each row begins among them."""
        if epoch not in self._packed:
            rng = np.random.default_rng((self.seed, epoch))
            shuffled = rng.permutation(len(self.lengths))
            order, firsts = best_fit(self.lengths[shuffled], self.context + 1)
            rows = rng.permutation(self.per_epoch)
            counts = np.diff(firsts)[rows]
            ends = np.cumsum(counts)
            place = np.repeat(firsts[rows] - (ends - counts), counts) + np.arange(ends[-1])
            self._packed = {e: packed for e, packed in self._packed.items() if e == epoch - 1}
            self._packed[epoch] = shuffled[order[place]], np.append(0, ends)
        return self._packed[epoch]

    def fill(self, row: np.ndarray, epoch: int, place: int) -> None:
        """Write one row's tokens into `row`."""
        order, firsts = self._rows(epoch)
        at = 0
        for piece in order[firsts[place] : firsts[place + 1]].tolist():
            start, length = int(self.starts[piece]), int(self.lengths[piece])
            row[at : at + length] = self.shards.read(start, start + length)
            at += length
        row[at:] = PAD

    def padding(self) -> float:
        """Share of an epoch's tokens that is <pad>."""
        return 1 - int(self.lengths.sum()) / (self.per_epoch * (self.context + 1))


def pieces(shards: Shards, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the documents begin in the stream, the long ones cut, and how many tokens each piece has."""
    begins = shards.begins()
    lengths = np.diff(begins, append=shards.tokens)
    full = (lengths - 1) // context  # pieces of a whole row; a document that just fills one is one of them
    of_full = np.repeat(np.arange(len(begins)), full)
    number = np.arange(len(of_full)) - np.repeat(np.cumsum(full) - full, full)
    rest = lengths - full * context
    some = np.flatnonzero(rest > 1)  # one token alone predicts nothing
    starts = np.concatenate([begins[of_full] + number * context, begins[some] + full[some] * context])
    return starts, np.concatenate([np.full(len(of_full), context + 1), rest[some]])


class OpenRows:
    """Numbers of rows by the room that they have left."""

    def __init__(self, room: int) -> None:
        self.by_room: list[list[np.ndarray]] = [[] for _ in range(room + 1)]
        self.rooms = 0  # a bit for each room that some row has

    def put(self, room: int, rows: np.ndarray) -> None:
        """Add rows that have `room` tokens left."""
        if len(rows):
            self.by_room[room].append(rows)
            self.rooms |= 1 << room

    def fullest(self, length: int) -> tuple[int, np.ndarray]:
        """Take rows out that have the least room of all that have `length`, and that room; maybe none."""
        fitting = self.rooms >> length
        if not fitting:
            return 0, np.empty(0, np.int64)
        room = length + (fitting & -fitting).bit_length() - 1
        rows = self.by_room[room].pop()
        if not self.by_room[room]:
            self.rooms ^= 1 << room
        return room, rows


def best_fit(lengths: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Put pieces of up to `room` tokens into rows: pieces in the order of their rows, and where rows begin.

    Pieces of equal length are dealt with together, and so are rows with equal room.
    """
    longest_first = np.argsort(-lengths, kind="stable")
    row_of = np.empty(len(lengths), np.int64)
    open_rows = OpenRows(room)
    rows = done = 0
    for negative, count in zip(*np.unique(-lengths, return_counts=True), strict=True):
        length, left = -int(negative), longest_first[done : done + count]
        done += count
        while len(left):
            free, found = open_rows.fullest(length)
            if not len(found):
                new = -(-len(left) // (room // length))  # as many as these pieces fill, and no more
                free, found, rows = room, np.arange(rows, rows + new), rows + new
            some, back = found[: len(left)], found[len(left) :]
            row_of[left[: len(some)]] = some
            left = left[len(some) :]
            open_rows.put(free - length, some)
            open_rows.put(free, back)
    order = np.argsort(row_of, kind="stable")
    return order, np.append(0, np.cumsum(np.bincount(row_of, minlength=rows)))
