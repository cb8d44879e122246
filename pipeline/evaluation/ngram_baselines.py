"""n-gram models as baselines for the decoder."""

import numpy as np

from pipeline.common.i18n import print_message
from pipeline.ngrams.counting import train_ngram_model
from pipeline.ngrams.model import NGramModel
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS, EOS

CHUNK_TOKENS = 1_000_000  # read in one place, of shards with more tokens than are counted


def train_baselines(stream: np.ndarray, vocab_size: int) -> dict[str, NGramModel]:
    """Train the models that a decoder is compared with, by their names in the metrics, and say so."""
    print_message("counting n-grams and words …")
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
