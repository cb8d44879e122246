"""Tokens that may as well have followed: drawn from counts of the training text, for the network to learn.

A text shows one next token of each of its places. Counts know others: what followed the same tokens
elsewhere. For each place some are drawn from the smoothed probabilities (see model.py) of the text without
the token in question, which would otherwise be its own best prediction. Leaving it out of a(h w), of A(h)
and, where h w stands nowhere else, of the counts of the shorter n-gram gives exactly the probabilities of
the rest of the text, discounts aside.

N places    K draws for each
"""

from dataclasses import dataclass

import numpy as np

from pipeline.ngrams.counting import Counts, estimate_discounts, split_range
from pipeline.ngrams.model import UNSEEN, find_ngrams, lower_bounds
from pipeline.ngrams.storage import Storage
from pipeline.tokenizer.special import BOS, EOS


@dataclass(frozen=True)
class WeightedLevel:
    """The n-grams of one length, with sums from which one can be drawn (see `NGramLevel`)."""

    counts: Counts
    discount: np.ndarray  # [4], D by count, 0 for none
    weights: np.ndarray  # [n-grams + 1], sum of a(h w) - D(a(h w)) of all n-grams before
    totals: np.ndarray  # [n-grams + 1], sum of a(h w) of all n-grams before

    def adjusted(self, ranks: np.ndarray) -> np.ndarray:
        """Return a(h w) of n-grams by their ranks."""
        return self.totals[ranks + 1] - self.totals[ranks]

    def weigh(self, adjusted: np.ndarray) -> np.ndarray:
        """Return a - D(a) for counts a, 0 for a count of 0."""
        return adjusted - self.discount[np.minimum(adjusted, 3)]


def weigh_level(counts: Counts, n: int, scratch: Storage) -> WeightedLevel:
    """Return the level of n-grams of length `n` with its sums, in arrays that `scratch` makes."""
    discount = np.array([0.0, *estimate_discounts(counts)])
    level = WeightedLevel(
        counts,
        discount,
        scratch.zeros(f"weights.{n}", len(counts.tokens) + 1, np.float64),
        scratch.zeros(f"totals.{n}", len(counts.tokens) + 1, np.int64),
    )
    for first, last in split_range(0, len(counts.tokens)):
        adjusted = counts.adjust(first, last).astype(np.int64)
        span = slice(first + 1, last + 1)
        level.totals[span] = level.totals[first] + np.cumsum(adjusted)
        level.weights[span] = level.weights[first] + np.cumsum(level.weigh(adjusted))
    return level


class ContinuationSampler:
    """Draws next tokens for places of the text that was counted."""

    def __init__(self, counts: list[Counts], vocab_size: int, scratch: Storage) -> None:
        self.vocab_size = vocab_size
        self.levels = [weigh_level(of_length, n, scratch) for n, of_length in enumerate(counts, start=1)]

    def add_draws(self, rows: np.ndarray, draws: int, seed: int, first: int) -> np.ndarray:
        """Return each token of `rows` [B, T] with `draws` others that may stand in its place: [B, T, 1 + K].

        `rows` are parts of the text. What is drawn for one depends on the seed and its number, counted from
        `first`, and not on the others. Where a row does not show enough of what stands before a token, all
        draws are the token itself.
        """
        tokens = rows.ravel().astype(np.int64)
        distance, depth = (array.ravel() for array in measure_depth(rows, len(self.levels)))
        ranks = self._find(tokens, distance)
        is_counted = (depth > 0) & (self.levels[0].counts.counts[tokens] > 0)
        for n, ranks_of_length in enumerate(ranks, start=1):
            is_counted &= (depth < n - 1) | (ranks_of_length != UNSEEN)
        places = np.flatnonzero(is_counted)
        result = np.repeat(tokens[:, None], 1 + draws, axis=1)
        shape = (len(self.levels) + 1, rows.shape[1], draws)
        random = np.stack(
            [np.random.default_rng((seed, first + i)).random(shape) for i in range(len(rows))], 1
        )
        random = random.reshape(shape[0], len(tokens), draws)[:, places].reshape(shape[0], -1)
        drawn = self._draw_at(np.repeat(places, draws), tokens, depth, ranks, random)
        result[places, 1:] = drawn.reshape(len(places), draws)
        return result.reshape(*rows.shape, 1 + draws)

    def _find(self, tokens: np.ndarray, distance: np.ndarray) -> list[np.ndarray]:
        """Return for each length the ranks of the n-grams that end at each token; UNSEEN where one is cut."""
        ranks = [tokens]
        for n, level in enumerate(self.levels[1:], start=2):
            found = np.full(len(tokens), UNSEEN)
            rows = np.flatnonzero(distance >= n - 1)
            rows = rows[ranks[-1][rows - 1] != UNSEEN]
            counts = level.counts
            found[rows] = find_ngrams(counts.starts, counts.tokens, ranks[-1][rows - 1], tokens[rows])
            ranks.append(found)
        return ranks

    def _draw_at(
        self,
        places: np.ndarray,
        tokens: np.ndarray,
        depth: np.ndarray,
        ranks: list[np.ndarray],
        random: np.ndarray,  # uniform, from 0 to 1
    ) -> np.ndarray:
        """Return one token for each of `places`, positions in `tokens`, by numbers [order + 1, places].

        From the longest context down, a token that follows it is taken or the context is made shorter.
        """
        # What stays below the shortest context: any piece, special ones too, as the probabilities have it.
        drawn = (random[0] * self.vocab_size).astype(np.int64)
        is_pending = np.ones(len(places), bool)
        for n in range(len(self.levels), 0, -1):
            level = self.levels[n - 1]
            entries = np.flatnonzero(is_pending & (depth[places] >= n - 1))
            at = places[entries]
            rank = ranks[n - 1][at]
            context = ranks[n - 2][at - 1] if n > 1 else np.zeros(len(at), np.int64)
            first, end = (level.counts.starts[context + i].astype(np.int64) for i in (0, 1))

            # The token itself is left out: of the plain counts once, of the others where it stood alone.
            is_less = np.ones(len(at), bool)
            if n < len(self.levels):
                is_preceded = depth[at] > n - 1
                is_less[is_preceded] = self.levels[n].counts.counts[ranks[n][at[is_preceded]]] == 1
            adjusted = level.adjusted(rank)
            own, own_left = level.weigh(adjusted), level.weigh(adjusted - is_less)
            total = level.totals[end] - level.totals[first] - is_less
            weight = level.weights[end] - level.weights[first] - own + own_left
            before = level.weights[rank] - level.weights[first]

            point = random[n, entries] * total
            is_taken = (point < weight) & (total > 0)
            is_own = (point >= before) & (point < before + own_left)
            point += np.where(point < before, 0, own - own_left) + level.weights[first]
            chosen = np.minimum(lower_bounds(level.weights, first + 1, end + 1, point), end) - 1
            following = np.where(is_own, tokens[at], level.counts.tokens[chosen])
            drawn[entries[is_taken]] = following[is_taken]
            is_pending[entries[is_taken]] = False
        return drawn


def measure_depth(rows: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many tokens of its document a row shows before each token, and of how many the counts know.

    Both [B, T]. Documents begin at `<s>`; after `</s>` another part of the text follows. The second is
    at most `order`, and 0 where the row shows neither the document's beginning nor `order` - 1 tokens.
    """
    index = np.arange(rows.shape[1])
    is_start = rows == BOS
    is_start[:, 1:] |= rows[:, :-1] == EOS
    start = np.maximum.accumulate(np.where(is_start, index, 0), axis=1)
    distance = index - start
    is_whole = np.take_along_axis(rows, start, axis=1) == BOS
    is_enough = distance >= order - 1
    return distance, np.where(is_whole, np.minimum(distance, order), np.where(is_enough, order, 0))
