"""n-gram models of the same tokens: what counting alone reaches, as a measure for the decoder.

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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import BOS, EOS

Discounts = tuple[float, float, float]
FALLBACK: Discounts = (0.5, 1.0, 1.5)  # where counts of counts are too few to estimate, as KenLM has it
CHUNK = 1_000_000  # tokens read in one place of shards that are longer than what is counted


@dataclass(frozen=True)
class Level:
    """All n-grams of one length n.

    An n-gram is known by its rank among the sorted keys `context * vocab_size + token`, where
    `context` is the rank of its first n - 1 tokens one level below. So a key fits 64 bits at any
    length. At n = 1 every token of the vocabulary is there, and its rank is its id.
    """

    keys: np.ndarray  # [n-grams], sorted
    direct: np.ndarray  # [n-grams], p(w | h) without what comes from the level below
    passed: np.ndarray  # [contexts], g(h): the share that the level below distributes; 1 if h is unseen


@dataclass(frozen=True)
class NGramModel:
    """An interpolated modified Kneser–Ney model; `levels[n - 1]` has the n-grams."""

    vocab_size: int
    levels: tuple[Level, ...]

    def sequence_bits(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        """Bits [sequences] of each sequence after its `<s>` (the interface of bits_per_byte.Scorer)."""
        if not sequences:
            return np.zeros(0)
        stream = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
        owners = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
        bits = -np.log2(self.probabilities(stream))
        return np.bincount(owners, weights=bits, minlength=len(sequences))

    def probabilities(self, stream: np.ndarray) -> np.ndarray:
        """p [T] of every token of the documents in `stream` given those before it; 1 for each `<s>`."""
        tokens, places = stream.astype(np.int64), document_places(stream)
        p = np.full(len(tokens), 1 / self.vocab_size)
        context = np.zeros(len(tokens), dtype=np.int64)  # rank of the n - 1 tokens before; -1: unseen
        for level in self.levels:
            known = context >= 0
            key = context * self.vocab_size + tokens
            rank = np.searchsorted(level.keys, key)
            found = known & (rank < len(level.keys))
            found[found] = level.keys[rank[found]] == key[found]
            p[known] *= level.passed[context[known]]
            p[found] += level.direct[rank[found]]
            rank[~found] = -1
            # The context at the next length: the n-gram that ends one token before.
            context = np.concatenate([[-1], rank[:-1]])
            context[places == 0] = -1
        p[places == 0] = 1.0
        return p

    def following(self, ids: Sequence[int]) -> np.ndarray:
        """p [V] of every token after the document's beginning `ids`, which starts with `<s>`."""
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        for n, level in enumerate(self.levels, start=1):
            context = self.rank(ids[len(ids) - n + 1 :]) if n <= len(ids) + 1 else -1
            if context < 0:
                break
            first, last = np.searchsorted(
                level.keys, [context * self.vocab_size, (context + 1) * self.vocab_size]
            )
            p *= level.passed[context]
            p[level.keys[first:last] % self.vocab_size] += level.direct[first:last]
        return p

    def rank(self, ids: Sequence[int]) -> int:
        """The rank of an n-gram among those of its length; 0 for none, -1 where it was never seen."""
        rank = 0
        for level, token in zip(self.levels, ids, strict=False):
            key = rank * self.vocab_size + token
            rank = int(np.searchsorted(level.keys, key))
            if rank == len(level.keys) or level.keys[rank] != key:
                return -1
        return rank


def train(stream: np.ndarray, vocab_size: int, order: int, discounts: Discounts | None = None) -> NGramModel:
    """Count a stream [T] of documents `<s> … </s>` into a model of n-grams up to `order` tokens.

    `discounts` are D(1), D(2) and D(3 or more), equal at every length; None estimates them from the
    counts of each length. Three equal ones make plain Kneser–Ney. Time and memory are those of
    sorting T 64-bit numbers `order - 1` times.
    """
    places = document_places(stream)
    rank = stream.astype(np.int32)  # of the n-gram that ends at each token
    keys = np.arange(vocab_size, dtype=np.int64)
    counts = np.bincount(stream[places > 0], minlength=vocab_size)
    contexts = 1
    levels = []
    for n in range(2, order + 1):
        longer_keys, longer_counts, before = lengthen(rank, stream, places, n, vocab_size)
        before = np.pad(before, (0, len(keys) - len(before)))
        levels.append(smoothed(keys, np.where(before > 0, before, counts), vocab_size, contexts, discounts))
        contexts, keys, counts = len(keys), longer_keys, longer_counts
    levels.append(smoothed(keys, counts, vocab_size, contexts, discounts))
    return NGramModel(vocab_size, tuple(levels))


def baselines(stream: np.ndarray, vocab_size: int) -> dict[str, NGramModel]:
    """The models that a decoder is compared with, by the names they have among the metrics."""
    orders = {"unigram": 1, "bigram": 2, "kneser_ney_5": 5}
    return {name: train(stream, vocab_size, order) for name, order in orders.items()}


def training_stream(shards: Shards, most: int) -> np.ndarray:
    """At most `most` tokens of the shards: all, or whole documents from evenly spaced places."""
    if shards.tokens <= most:
        return shards.read(0, shards.tokens)
    pieces = -(-most // CHUNK)
    starts = [piece * shards.tokens // pieces for piece in range(pieces)]
    return np.concatenate([whole_documents(shards.read(start, start + most // pieces)) for start in starts])


def whole_documents(stream: np.ndarray) -> np.ndarray:
    """`stream` from its first `<s>` to its last `</s>`; empty where no document is whole."""
    begins, ends = np.flatnonzero(stream == BOS), np.flatnonzero(stream == EOS)
    if not len(begins) or not len(ends):
        return stream[:0]
    return stream[begins[0] : ends[-1] + 1]


def lengthen(
    rank: np.ndarray, stream: np.ndarray, places: np.ndarray, n: int, vocab_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go from n-grams of n - 1 tokens to those of n.

    `rank` [T] holds the rank of the shorter n-gram that ends at each token and is set to the longer
    one's. Returns the longer ones' keys and counts, and how many
    different tokens stand before each shorter one.
    """
    positions = np.flatnonzero(places >= n - 1)
    keys, samples, ranks, counts = unique(rank[positions - 1] * np.int64(vocab_size) + stream[positions])
    # Every longer n-gram puts a different token before the n-gram that ends where it ends.
    before = np.bincount(rank[positions[samples]])
    rank[positions] = ranks
    return keys, counts, before


def document_places(stream: np.ndarray) -> np.ndarray:
    """How many tokens of its document stand before each token [T]: 0 at every `<s>`."""
    if len(stream) == 0 or stream[0] != BOS:
        raise ValueError("the stream does not begin with <s>")
    index = np.arange(len(stream), dtype=np.int32)
    return index - np.maximum.accumulate(np.where(stream == BOS, index, np.int32(0)))


def unique(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sorted different values, one index where each stands, the rank of every value, and the counts.

    `np.unique` returns the same and needs twice the memory.
    """
    order = np.argsort(values)
    ordered = values[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(new)
    ranks = np.empty(len(values), dtype=np.int32)
    ranks[order] = np.cumsum(new, dtype=np.int32) - 1
    counts = np.diff(starts, append=len(values)).astype(np.int32)
    return ordered[starts], order[starts], ranks, counts


def smoothed(
    keys: np.ndarray, counts: np.ndarray, vocab_size: int, contexts: int, discounts: Discounts | None
) -> Level:
    """The level whose n-grams `keys` have the (adjusted) `counts`, above `contexts` contexts."""
    by_count = np.array([0.0, *(discounts or estimated_discounts(counts))], dtype=np.float32)
    discount = by_count[np.minimum(counts, 3)]
    context = keys // vocab_size
    total = np.bincount(context, weights=counts, minlength=contexts)
    passed = np.bincount(context, weights=discount, minlength=contexts)
    seen = total > 0
    return Level(
        keys,
        np.divide(counts - discount, total[context], where=counts > 0, out=np.zeros(len(keys))).astype("f4"),
        np.divide(passed, total, where=seen, out=np.ones(contexts)).astype("f4"),
    )


def estimated_discounts(counts: np.ndarray) -> Discounts:
    """D(1), D(2), D(3 or more) of Chen & Goodman 1999, equation 26, from how often each count occurs."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == count)) for count in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return estimates if min(estimates) > 0 else FALLBACK
