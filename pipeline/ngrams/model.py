"""n-gram models of the training tokens: exact probabilities from counts.

Interpolated Kneser–Ney smoothing (Kneser & Ney 1995) in the modified form of Chen & Goodman (1999,
"An empirical study of smoothing techniques for language modeling"): with h the tokens before w, and
h' the same without the first of them,

    p(w | h) = max(0, a(h w) - D(a(h w))) / A(h) + g(h) p(w | h')
    A(h) = sum over w of a(h w)         g(h) = sum over w of D(a(h w)) / A(h)

where D takes three values, for counts of 1, 2, and 3 or more. At the highest order a(h w) counts how
often h w stands in the text; below, how many different tokens stand before it (an n-gram that begins
with `<s>` can have none before it and keeps its plain count). Below one token lies the uniform
distribution over the vocabulary, so that an unseen token has a probability too. A context that was
never seen passes on to the shorter one.

n-grams do not cross documents, and the context of a document's first tokens begins at its `<s>`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.tokenizer.special import BOS

UNSEEN = -1  # the rank of an n-gram that the text does not have


@dataclass(frozen=True)
class NGramLevel:
    """All n-grams of one length n, in the order of their context and then of their last token.

    An n-gram is known by its rank in that order, and its context by the rank of its first n - 1 tokens one
    level below. At n = 1 every token of the vocabulary is included, and its rank is its id.
    """

    starts: np.ndarray  # [contexts + 1], the rank of the first n-gram of each context; last, their number
    tokens: np.ndarray  # [n-grams], the last token of each
    discounted: np.ndarray  # [n-grams], p(w | h) without the share of the level below
    backoff: np.ndarray  # [contexts], g(h): the share of the level below; 1 if h is unseen

    def find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return the ranks [N] of n-grams by context and last token [N]; UNSEEN for none."""
        return find_ngrams(self.starts, self.tokens, contexts, tokens)


def find_ngrams(
    starts: np.ndarray, tokens: np.ndarray, contexts: np.ndarray, last_tokens: np.ndarray
) -> np.ndarray:
    """Return the ranks [N] of n-grams by context and last token [N] (see `NGramLevel`); UNSEEN for none."""
    first, end = starts[contexts].astype(np.int64), starts[contexts + 1].astype(np.int64)
    ranks = lower_bounds(tokens, first, end, last_tokens)
    rows = np.flatnonzero(ranks < end)
    is_other = tokens[ranks[rows]] != last_tokens[rows]
    ranks[ranks == end] = UNSEEN
    ranks[rows[is_other]] = UNSEEN
    return ranks


def lower_bounds(values: np.ndarray, first: np.ndarray, end: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the first index [N] from `first` [N] whose value is at least the target [N]; `end` for none.

    The values of each range are sorted. All ranges are halved at once.
    """
    low, high = first.copy(), end.copy()
    rows = np.flatnonzero(low < high)
    while len(rows):
        middle = (low[rows] + high[rows]) // 2
        is_below = values[middle] < targets[rows]
        low[rows] = np.where(is_below, middle + 1, low[rows])
        high[rows] = np.where(is_below, high[rows], middle)
        rows = rows[low[rows] < high[rows]]
    return low


class Prediction(NamedTuple):
    """Probabilities of tokens, and of what context they come."""

    p: np.ndarray
    length: np.ndarray  # tokens of the longest context that the text has, with something after it
    backoff: np.ndarray  # g(h) of that context: small where much is known of it

    def select(self, rows: np.ndarray) -> "Prediction":
        """Return the same of the tokens at `rows`."""
        return Prediction(*(values[rows] for values in self))

    @staticmethod
    def join(pieces: Iterable["Prediction"]) -> "Prediction":
        """Return the same of all tokens of `pieces`."""
        return Prediction(*map(np.concatenate, zip(*pieces, strict=True)))


@dataclass(frozen=True)
class NGramModel:
    """An interpolated modified Kneser–Ney model; `levels[n - 1]` has the n-grams."""

    vocab_size: int
    levels: tuple[NGramLevel, ...]

    def sequence_bits(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the bits [sequences] of each sequence after its `<s>` (see `bits_per_byte.Scorer`)."""
        return np.array([bits.sum() for bits in self.token_bits(sequences)], dtype=np.float64)

    def token_bits(self, sequences: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Return the bits [tokens] of each token of each sequence after its `<s>`."""
        if not sequences:
            return []
        stream = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
        ends = np.cumsum([len(sequence) for sequence in sequences])
        return [bits[1:] for bits in np.split(-np.log2(self.probabilities(stream)), ends[:-1])]

    def probabilities(self, stream: np.ndarray) -> np.ndarray:
        """Return p [T] of every token of the documents in `stream`, given those before it; 1 for `<s>`."""
        return self.predict(stream).p

    def predict(self, stream: np.ndarray) -> Prediction:
        """Return what is known of every token of the documents in `stream`; p is 1 for `<s>`."""
        tokens, positions = stream.astype(np.int64), document_positions(stream)
        p = np.full(len(tokens), 1 / self.vocab_size)
        contexts = np.zeros(len(tokens), dtype=np.int64)  # ranks of the n - 1 tokens before
        length, backoff = np.zeros(len(tokens), dtype=np.int64), np.ones(len(tokens))
        for n, level in enumerate(self.levels):
            rows = np.flatnonzero(contexts != UNSEEN)
            share = level.backoff[contexts[rows]]
            is_followed = share < 1
            length[rows[is_followed]], backoff[rows[is_followed]] = n, share[is_followed]
            found = level.find(contexts[rows], tokens[rows])
            p[rows] *= share
            is_known = found != UNSEEN
            p[rows[is_known]] += level.discounted[found[is_known]]
            # The context at the next length: the n-gram that ends one token before.
            ranks = np.full(len(tokens), UNSEEN)
            ranks[rows] = found
            contexts = np.concatenate([[UNSEEN], ranks[:-1]])
            contexts[positions == 0] = UNSEEN
        p[positions == 0] = 1.0
        return Prediction(p, length, backoff)

    def predict_next(self, ids: Sequence[int]) -> Prediction:
        """Return p [V] of every token after the document's beginning `ids`, and of what context, [1] each.

        `ids` starts with `<s>`.
        """
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        length, backoff = 0, 1.0
        for n, level in enumerate(self.levels[: len(ids) + 1]):
            context = self.rank(ids[len(ids) - n :])
            if context == UNSEEN:
                break
            share = float(level.backoff[context])
            if share < 1:
                length, backoff = n, share
            first, end = level.starts[context : context + 2]
            p *= share
            p[level.tokens[first:end]] += level.discounted[first:end]
        return Prediction(p, np.array([length]), np.array([backoff]))

    def rank(self, ids: Sequence[int]) -> int:
        """Return an n-gram's rank among those of its length; 0 for an empty one, UNSEEN for an unseen one."""
        rank = 0
        for level, token in zip(self.levels, ids, strict=False):
            first, end = map(int, level.starts[rank : rank + 2])
            rank = first + int(np.searchsorted(level.tokens[first:end], token))
            if rank == end or level.tokens[rank] != token:
                return UNSEEN
        return rank


def document_positions(stream: np.ndarray) -> np.ndarray:
    """Return the position of each token [T] in its document: 0 at every `<s>`."""
    if len(stream) == 0 or stream[0] != BOS:
        raise ValueError("the stream does not begin with <s>")
    index = np.arange(len(stream), dtype=np.int32)
    return index - np.maximum.accumulate(np.where(stream == BOS, index, np.int32(0)))
