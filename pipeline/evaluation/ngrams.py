"""n-gram models of the training tokens, as baselines for the decoder.

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
from pipeline.tokenizer.special import BOS, EOS

Discounts = tuple[float, float, float]
FALLBACK: Discounts = (0.5, 1.0, 1.5)  # as in KenLM, where counts of counts are too few for an estimate
CHUNK_TOKENS = 1_000_000  # read in one place, of shards with more tokens than are counted


@dataclass(frozen=True)
class NGramLevel:
    """All n-grams of one length n.

    An n-gram is identified by its rank among the sorted keys `context * vocab_size + token`, where
    `context` is the rank of its first n - 1 tokens one level below. So a key fits 64 bits at any
    length. At n = 1 every token of the vocabulary is included, and its rank is its id.
    """

    keys: np.ndarray  # [n-grams], sorted
    discounted: np.ndarray  # [n-grams], p(w | h) without the share of the level below
    backoff: np.ndarray  # [contexts], g(h): the share of the level below; 1 if h is unseen


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
        tokens, positions = stream.astype(np.int64), document_positions(stream)
        p = np.full(len(tokens), 1 / self.vocab_size)
        context = np.zeros(len(tokens), dtype=np.int64)  # rank of the n - 1 tokens before; -1: unseen
        for level in self.levels:
            has_context = context >= 0
            key = context * self.vocab_size + tokens
            rank = np.searchsorted(level.keys, key)
            is_known = has_context & (rank < len(level.keys))
            is_known[is_known] = level.keys[rank[is_known]] == key[is_known]
            p[has_context] *= level.backoff[context[has_context]]
            p[is_known] += level.discounted[rank[is_known]]
            rank[~is_known] = -1
            # The context at the next length: the n-gram that ends one token before.
            context = np.concatenate([[-1], rank[:-1]])
            context[positions == 0] = -1
        p[positions == 0] = 1.0
        return p

    def next_token_probabilities(self, ids: Sequence[int]) -> np.ndarray:
        """Return p [V] of every token after the document's beginning `ids`, which starts with `<s>`."""
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        for n, level in enumerate(self.levels, start=1):
            context = self.rank(ids[len(ids) - n + 1 :]) if n <= len(ids) + 1 else -1
            if context < 0:
                break
            first, last = np.searchsorted(
                level.keys, [context * self.vocab_size, (context + 1) * self.vocab_size]
            )
            p *= level.backoff[context]
            p[level.keys[first:last] % self.vocab_size] += level.discounted[first:last]
        return p

    def rank(self, ids: Sequence[int]) -> int:
        """Return an n-gram's rank among those of its length; 0 for an empty one, -1 for an unseen one."""
        rank = 0
        for level, token in zip(self.levels, ids, strict=False):
            key = rank * self.vocab_size + token
            rank = int(np.searchsorted(level.keys, key))
            if rank == len(level.keys) or level.keys[rank] != key:
                return -1
        return rank


def train_ngram_model(
    stream: np.ndarray, vocab_size: int, order: int, discounts: Discounts | None = None
) -> NGramModel:
    """Train a model of n-grams up to `order` tokens on a stream [T] of documents `<s> … </s>`.

    `discounts` are D(1), D(2) and D(3 or more), equal at every length; None estimates them from the
    counts of each length. Three equal ones make plain Kneser–Ney. Time and memory are those of
    sorting T 64-bit numbers `order - 1` times.
    """
    positions = document_positions(stream)
    rank = stream.astype(np.int32)  # of the n-gram that ends at each token
    keys = np.arange(vocab_size, dtype=np.int64)
    counts = np.bincount(stream[positions > 0], minlength=vocab_size)
    contexts = 1
    levels = []
    for n in range(2, order + 1):
        longer_keys, longer_counts, preceding = extend_ngrams(rank, stream, positions, n, vocab_size)
        preceding = np.pad(preceding, (0, len(keys) - len(preceding)))
        adjusted = np.where(preceding > 0, preceding, counts)
        levels.append(smooth_level(keys, adjusted, vocab_size, contexts, discounts))
        contexts, keys, counts = len(keys), longer_keys, longer_counts
    levels.append(smooth_level(keys, counts, vocab_size, contexts, discounts))
    return NGramModel(vocab_size, tuple(levels))


def train_baselines(stream: np.ndarray, vocab_size: int) -> dict[str, NGramModel]:
    """Train the models that a decoder is compared with, by their names in the metrics."""
    orders = {"unigram": 1, "bigram": 2, "kneser_ney_5": 5}
    return {name: train_ngram_model(stream, vocab_size, order) for name, order in orders.items()}


def read_training_stream(shards: Shards, max_tokens: int) -> np.ndarray:
    """Read at most `max_tokens` tokens of the shards: all, or whole documents from evenly spaced chunks."""
    if shards.tokens <= max_tokens:
        return shards.read(0, shards.tokens)
    chunks = -(-max_tokens // CHUNK_TOKENS)
    starts = [i * shards.tokens // chunks for i in range(chunks)]
    size = max_tokens // chunks
    return np.concatenate([trim_to_documents(shards.read(start, start + size)) for start in starts])


def trim_to_documents(stream: np.ndarray) -> np.ndarray:
    """Return `stream` from its first `<s>` to its last `</s>`; empty where no document is complete."""
    begins, ends = np.flatnonzero(stream == BOS), np.flatnonzero(stream == EOS)
    if not len(begins) or not len(ends):
        return stream[:0]
    return stream[begins[0] : ends[-1] + 1]


def extend_ngrams(
    rank: np.ndarray, stream: np.ndarray, token_positions: np.ndarray, n: int, vocab_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Extend n-grams of n - 1 tokens to those of n.

    `rank` [T] holds the rank of the shorter n-gram that ends at each token and is set to the
    longer one's. `token_positions` [T] are the tokens' positions in their documents. Returns the
    longer ones' keys and counts, and the number of different tokens before each shorter one.
    """
    positions = np.flatnonzero(token_positions >= n - 1)
    longer = rank[positions - 1] * np.int64(vocab_size) + stream[positions]
    keys, samples, ranks, counts = unique_with_ranks(longer)
    # Every longer n-gram puts a different token before the n-gram that ends where it ends.
    preceding = np.bincount(rank[positions[samples]])
    rank[positions] = ranks
    return keys, counts, preceding


def document_positions(stream: np.ndarray) -> np.ndarray:
    """Return the position of each token [T] in its document: 0 at every `<s>`."""
    if len(stream) == 0 or stream[0] != BOS:
        raise ValueError("the stream does not begin with <s>")
    index = np.arange(len(stream), dtype=np.int32)
    return index - np.maximum.accumulate(np.where(stream == BOS, index, np.int32(0)))


def unique_with_ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the sorted unique values, an index of each, the rank of every value, and the counts.

    `np.unique` returns the same and needs twice the memory.
    """
    order = np.argsort(values)
    sorted_values = values[order]
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = sorted_values[1:] != sorted_values[:-1]
    starts = np.flatnonzero(is_new)
    ranks = np.empty(len(values), dtype=np.int32)
    ranks[order] = np.cumsum(is_new, dtype=np.int32) - 1
    counts = np.diff(starts, append=len(values)).astype(np.int32)
    return sorted_values[starts], order[starts], ranks, counts


def smooth_level(
    keys: np.ndarray, counts: np.ndarray, vocab_size: int, contexts: int, discounts: Discounts | None
) -> NGramLevel:
    """Build the level whose n-grams `keys` have the (adjusted) `counts`, above `contexts` contexts."""
    by_count = np.array([0.0, *(discounts or estimate_discounts(counts))], dtype=np.float32)
    discount = by_count[np.minimum(counts, 3)]
    context = keys // vocab_size
    total = np.bincount(context, weights=counts, minlength=contexts)
    backoff = np.bincount(context, weights=discount, minlength=contexts)
    is_seen = total > 0
    return NGramLevel(
        keys,
        np.divide(counts - discount, total[context], where=counts > 0, out=np.zeros(len(keys))).astype("f4"),
        np.divide(backoff, total, where=is_seen, out=np.ones(contexts)).astype("f4"),
    )


def estimate_discounts(counts: np.ndarray) -> Discounts:
    """Estimate D(1), D(2), D(3 or more) from the counts of counts (Chen & Goodman 1999, equation 26)."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == count)) for count in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return estimates if min(estimates) > 0 else FALLBACK
