"""How much of a task stands in the training text, where a model may have read it.

Compared are n-grams of 13 words, without case and punctuation, and shorter texts from eight words on as a
whole, as where documents that give a task away are dropped (pipeline/overlap/decontaminate.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.overlap.minhash import folded_words
from pipeline.overlap.text_batch import TextBatch
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer

MIN_SHARE = 0.5  # of a text's n-grams; with so many in the training text it counts as read
BATCH_DOCUMENTS = 2000


def measure_contamination(
    tasks: Mapping[str, Sequence[Sequence[str]]], documents: Iterable[str]
) -> dict[str, dict[str, float]]:
    """Return for each of `tasks`, the texts of its items, the share of items of which a text was read.

    `documents` are those of the training text. Items without a text of eight words are too short to tell and
    left out; a task of such items alone has no figure.
    """
    texts = list(dict.fromkeys(text for items in tasks.values() for item in items for text in item))
    ngrams = EvalNgrams.from_texts(texts)
    is_read = np.zeros(len(ngrams.offsets) - 1, bool)
    for batch in split_batches(documents):
        words = folded_words(TextBatch(batch))
        matches, _ = ngrams.match(words, np.ones(len(batch), bool))
        is_read[matches] = True
    counts = np.bincount(ngrams.texts, minlength=len(texts))
    read_counts = np.bincount(ngrams.texts[np.repeat(is_read, np.diff(ngrams.offsets))], minlength=len(texts))
    numbers = {text: number for number, text in enumerate(texts)}
    figures = {}
    for name, items in tasks.items():
        checked = [[numbers[text] for text in item if counts[numbers[text]]] for item in items]
        hits = [any(read_counts[i] >= MIN_SHARE * counts[i] for i in item) for item in checked if item]
        if hits:
            figures[name] = {"contaminated": sum(hits) / len(hits), "contamination_n": len(hits)}
    return figures


def split_batches(documents: Iterable[str]) -> Iterator[list[str]]:
    """Yield the documents in lists of at most BATCH_DOCUMENTS."""
    batch: list[str] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH_DOCUMENTS:
            yield batch
            batch = []
    if batch:
        yield batch


def decode_documents(stream: np.ndarray, tokenizer: Tokenizer) -> Iterator[str]:
    """Yield the text of each document in a stream of tokens [T]."""
    for document in np.split(stream, np.flatnonzero(stream == BOS)[1:]):
        yield tokenizer.decode(document.tolist())
