"""Which tokens an optimiser step reads: a pure function of the seed and the step.

An epoch cuts the stream into windows of `context` tokens and their successors, from an offset of
its own, and reads every window once in an order of its own. The k-th window of all training is
thus known without the k - 1 before it: a run resumes by its step number, and any number of
processes or forward passes shares a step without changing what it reads.
"""

import numpy as np

from pipeline.common.errors import UserError
from pipeline.shards.format import Shards


class Numbered:
    """Rows of `context` + 1 tokens (inputs, and targets one further), numbered over all of training."""

    what = "rows"

    def __init__(self, shards: Shards, context: int, seed: int, per_epoch: int) -> None:
        self.shards, self.context, self.seed, self.per_epoch = shards, context, seed, per_epoch

    def require(self, count: int, advice: str) -> None:
        """Raise UserError unless an epoch has at least `count` rows; `advice` says what to do about it."""
        if self.per_epoch < count:
            raise UserError(
                f"{self.shards.folder}: {self.shards.tokens} tokens make {max(0, self.per_epoch)} {self.what}"
                f" of {self.context}, but {count} are needed; {advice}"
            )

    def fill(self, row: np.ndarray, epoch: int, place: int) -> None:
        """Write the tokens of one row of an epoch into `row`."""
        raise NotImplementedError

    def read(self, first: int, count: int) -> np.ndarray:
        """Rows `first` to `first` + `count` of all training: int64 [count, context + 1]."""
        result = np.empty((count, self.context + 1), np.int64)
        for number, row in enumerate(result, start=first):
            self.fill(row, *divmod(number, self.per_epoch))
        return result


class Windows(Numbered):
    """Windows of the stream, wherever documents begin and end in them."""

    what = "windows"

    def __init__(self, shards: Shards, context: int, seed: int) -> None:
        # As many as fit from any offset: fewer than two contexts of targets stay unread an epoch.
        super().__init__(shards, context, seed, per_epoch=(shards.tokens - context) // context)
        self._order: dict[int, np.ndarray] = {}

    def _starts(self, epoch: int) -> np.ndarray:
        """Where the epoch's windows start in the stream, in reading order."""
        if epoch not in self._order:
            rng = np.random.default_rng((self.seed, epoch))
            offset = int(rng.integers(self.context))
            self._order = {e: o for e, o in self._order.items() if e == epoch - 1}
            self._order[epoch] = offset + self.context * rng.permutation(self.per_epoch)
        return self._order[epoch]

    def places(self, first: int, count: int) -> np.ndarray:
        """Where the inputs of `read`'s windows stand in the stream: [count, context]."""
        numbers = [divmod(number, self.per_epoch) for number in range(first, first + count)]
        starts = np.array([self._starts(epoch)[place] for epoch, place in numbers], np.int64)
        return starts[:, None] + np.arange(self.context)

    def fill(self, row: np.ndarray, epoch: int, place: int) -> None:
        """See `Numbered`."""
        start = int(self._starts(epoch)[place])
        row[:] = self.shards.read(start, start + self.context + 1)
