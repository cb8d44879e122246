"""Choose the tokens that an optimizer step reads: a pure function of the seed and the step.

An epoch cuts the stream into windows of `context` tokens and their successors, from an offset of
its own. It reads every window once, in an order of its own. So the k-th window of all training is
known without the k - 1 before it: a run resumes by its step number, and any number of processes
or forward passes shares a step without changing what it reads.
"""

from abc import ABC, abstractmethod

import numpy as np

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.shards.format import Shards


class Sampler(ABC):
    """Rows of `context` + 1 tokens (inputs, and targets one further), numbered over all of training."""

    unit = "rows"

    def __init__(self, shards: Shards, context: int, seed: int, rows_per_epoch: int) -> None:
        self.shards, self.context, self.seed = shards, context, seed
        self.rows_per_epoch = rows_per_epoch

    def require_rows(self, count: int, advice: str) -> None:
        """Raise UserError unless an epoch has at least `count` rows; `advice` says what to do about it."""
        if self.rows_per_epoch < count:
            raise UserError(
                "{folder}: {tokens} tokens make {rows} {unit} of {context}, but {count} are needed; {advice}",
                folder=self.shards.folder,
                tokens=self.shards.tokens,
                rows=max(0, self.rows_per_epoch),
                unit=Translatable(self.unit),
                context=self.context,
                count=count,
                advice=Translatable(advice),
            )

    @abstractmethod
    def fill(self, row: np.ndarray, epoch: int, index: int) -> None:
        """Write the tokens of an epoch's row number `index` into `row`."""

    def read(self, first: int, count: int) -> np.ndarray:
        """Return rows `first` to `first` + `count` of all training: int64 [count, context + 1]."""
        rows = np.empty((count, self.context + 1), np.int64)
        for number, row in enumerate(rows, start=first):
            self.fill(row, *divmod(number, self.rows_per_epoch))
        return rows


class WindowSampler(Sampler):
    """Windows of the stream, regardless of where documents begin and end."""

    unit = "windows"

    def __init__(self, shards: Shards, context: int, seed: int) -> None:
        # As many as fit from any offset: an epoch leaves fewer than two contexts of targets unread.
        super().__init__(shards, context, seed, rows_per_epoch=(shards.tokens - context) // context)
        self._starts_of: dict[int, np.ndarray] = {}  # by epoch; of this and the last one

    def _window_starts(self, epoch: int) -> np.ndarray:
        """Return the positions in the stream of the epoch's windows, in reading order."""
        if epoch not in self._starts_of:
            rng = np.random.default_rng((self.seed, epoch))
            offset = int(rng.integers(self.context))
            self._starts_of = {e: starts for e, starts in self._starts_of.items() if e == epoch - 1}
            self._starts_of[epoch] = offset + self.context * rng.permutation(self.rows_per_epoch)
        return self._starts_of[epoch]

    def token_positions(self, first: int, count: int) -> np.ndarray:
        """Return the positions in the stream of the inputs that `read` returns: int64 [count, context]."""
        windows = [divmod(number, self.rows_per_epoch) for number in range(first, first + count)]
        starts = np.array([self._window_starts(epoch)[index] for epoch, index in windows], np.int64)
        return starts[:, None] + np.arange(self.context)

    def fill(self, row: np.ndarray, epoch: int, index: int) -> None:
        """See `Sampler`."""
        start = int(self._window_starts(epoch)[index])
        row[:] = self.shards.read(start, start + self.context + 1)
