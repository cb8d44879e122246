"""The frequency of words in the training text: what a preference may rest on instead of grammar."""

import re
from collections import Counter

import numpy as np

from pipeline.text.casing import lower
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer

WORD = re.compile(r"\w+(?:['’]\w+)?")


def split_words(text: str) -> list[str]:
    """Return the words of a text in small letters, without punctuation."""
    return WORD.findall(lower(text))


class WordFrequency:
    """Counts of the words of a training text."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.total = counts.total() + len(counts) + 1  # with one more of each, and one for unseen words

    @classmethod
    def from_stream(cls, stream: np.ndarray, tokenizer: Tokenizer) -> "WordFrequency":
        """Count the words of a stream of tokens [T].

        Only the different sequences of tokens between spaces are decoded, which are few.
        """
        begins = np.array([is_beginning(tokenizer, token) for token in range(tokenizer.vocab_size)])
        starts = np.flatnonzero(begins[stream] | (np.arange(len(stream)) == 0))
        positions = np.arange(len(stream)) - np.repeat(starts, np.diff(starts, append=len(stream)))
        random = np.random.default_rng(0)
        factors = random.integers(1, 2**63, positions.max() + 1, dtype=np.uint64) | np.uint64(1)
        values = random.integers(1, 2**63, tokenizer.vocab_size, dtype=np.uint64)
        hashes = np.add.reduceat(values[stream] * factors[positions], starts)
        _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        words: Counter[str] = Counter()
        for index, count in zip(first.tolist(), counts.tolist(), strict=True):
            stop = starts[index + 1] if index + 1 < len(starts) else len(stream)
            for word in split_words(tokenizer.decode(stream[starts[index] : stop].tolist())):
                words[word] += count
        return cls(words)

    def compare(self, good: str, bad: str) -> float:
        """Return by how many bits the words of `good`, each on its own, are likelier than those of `bad`."""
        return self.bits(bad) - self.bits(good)

    def bits(self, text: str) -> float:
        """Return the bits of all words of a text, each on its own."""
        return float(sum(np.log2(self.total) - np.log2(self.counts[word] + 1) for word in split_words(text)))


def is_beginning(tokenizer: Tokenizer, token: int) -> bool:
    """Return whether a token begins with a space, or is a special token."""
    return tokenizer.id_to_piece(token).startswith(METASPACE) or (
        tokenizer.is_special(token) and not tokenizer.is_byte(token)
    )
