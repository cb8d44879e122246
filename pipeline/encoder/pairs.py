"""Training pairs: two different, non-overlapping spans of one document.

Both spans are about the document's topic, so an encoder that tells which spans belong together has
learned to recognize topics (Izacard et al. 2022, arXiv 2112.09118, independent cropping).
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

WORD = re.compile(r"[^ \n]+")  # the tokenizer's words: cutting at these never changes a token
MIN_WORDS = 4  # of a span; fewer words seldom tell the topic of a text
ORDER, SPANS, POOL, CHOICE = range(4)  # uses of random numbers; each has its own stream

Encode = Callable[[str], list[int]]
Pair = tuple[str, str]


def is_long_enough(text: str) -> bool:
    """Return True if two spans of a useful length fit into `text`."""
    return sum(1 for _ in islice(WORD.finditer(text), 2 * MIN_WORDS)) == 2 * MIN_WORDS


def make_pair(text: str, uniforms: np.ndarray, encode: Encode, span_tokens: int) -> Pair:
    """Return a query and a document: whole words of `text`, at most `span_tokens` tokens each.

    `uniforms` are four uniform numbers in [0, 1). They set the cut of the text in two, the start of the span
    on either side, and which of the two is the query. A pure function of its arguments.

    The cut lies in the middle half: a few words at one end of a text seldom tell its topic.
    """
    words = [match.span() for match in WORD.finditer(text)]
    cut, first, second, swap = uniforms
    min_words = max(MIN_WORDS, len(words) // 4)
    middle = min_words + int(cut * (len(words) - 2 * min_words + 1))
    spans = [
        fit_span(text, part[choose_start(len(part), uniform, span_tokens) :], encode, span_tokens)
        for part, uniform in ((words[:middle], first), (words[middle:], second))
    ]
    return (spans[0], spans[1]) if swap < 0.5 else (spans[1], spans[0])


def choose_start(words: int, uniform: float, span_tokens: int) -> int:
    """Return the index of a span's first word, such that the text seldom ends before the span is full.

    A Turkish word has about two tokens.
    """
    return int(uniform * (words - min(words, max(MIN_WORDS, span_tokens // 2)) + 1))


def fit_span(text: str, words: list[tuple[int, int]], encode: Encode, span_tokens: int) -> str:
    """Return as many whole words, from the first of `words` on, as fit into `span_tokens` tokens.

    `words` are character offsets. The first word is always included, however long.
    """
    start, end = words[0]
    tokens = len(encode(text[start:end]))
    for _, next_end in words[1:]:
        tokens += len(encode(text[end:next_end]))
        if tokens > span_tokens:
            break
        end = next_end
    return text[start:end]


@lru_cache(maxsize=1)
def epoch_order(seed: int, epoch: int, documents: int) -> np.ndarray:
    """Return the order in which an epoch reads the documents, a permutation of their indices."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def batch_documents(seed: int, step: int, documents: int, batch_size: int) -> np.ndarray:
    """Return the indices of a step's documents: distinct, and none twice in an epoch.

    Documents that do not fill a last batch are left out, others in each epoch.
    """
    epoch, i = divmod(step, documents // batch_size)
    return epoch_order(seed, epoch, documents)[i * batch_size : (i + 1) * batch_size]


def batch_pairs(
    texts: list[str], seed: int, step: int, batch_size: int, encode: Encode, span_tokens: int
) -> list[Pair]:
    """Return the pairs of a step, a pure function of (seed, step, row) for given texts."""
    uniforms_Bx4 = np.random.default_rng([seed, SPANS, step]).random((batch_size, 4))
    rows = batch_documents(seed, step, len(texts), batch_size)
    return [
        make_pair(texts[row], uniforms, encode, span_tokens)
        for row, uniforms in zip(rows, uniforms_Bx4, strict=True)
    ]


class DocumentSample(NamedTuple):
    """Documents to take pairs from, and how many of the corpus were usable."""

    texts: list[str]
    usable_count: int  # long enough for two spans
    short_count: int


def sample_documents(texts: Iterable[str], max_documents: int, seed: int) -> DocumentSample:
    """Return the texts long enough for two spans, or a uniform sample of `max_documents` of them.

    Reservoir sampling (Vitter 1985, algorithm R): memory is bounded by what training can read, however
    large the corpus.
    """
    rng = np.random.default_rng([seed, CHOICE])
    sample: list[str] = []
    usable_count = short_count = 0
    for text in texts:
        if not is_long_enough(text):
            short_count += 1
            continue
        usable_count += 1
        if len(sample) < max_documents:
            sample.append(text)
        elif (i := int(rng.integers(usable_count))) < max_documents:
            sample[i] = text
    return DocumentSample(sample, usable_count, short_count)


def sample_held_out_pairs(
    texts: list[str], size: int, seed: int, encode: Encode, span_tokens: int
) -> list[Pair]:
    """Return at most `size` pairs of different documents, such that no string occurs twice.

    With a string in two pairs, a right answer would count as wrong.
    """
    order = np.random.default_rng([seed, POOL]).permutation(len(texts))
    pairs: list[Pair] = []
    seen: set[str] = set()
    for row in order:
        if len(pairs) == size:
            break
        uniforms = np.random.default_rng([seed, POOL, int(row)]).random(4)
        candidate = make_pair(texts[row], uniforms, encode, span_tokens)
        if len({*candidate} - seen) == 2:
            pairs.append(candidate)
            seen.update(candidate)
    return pairs
