"""Training pairs: two different, non-overlapping spans of one document.

What the two share is what the document is about, so an encoder that tells which spans belong
together has learnt to read topics (Izacard et al. 2022, arXiv 2112.09118, independent cropping).
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

WORD = re.compile(r"[^ \n]+")  # the tokenizer's words: cutting at these never changes a token
MIN_WORDS = 4  # of a span; fewer words seldom say what a text is about
ORDER, SPANS, POOL, CHOICE = range(4)  # what random numbers are for; each has its own stream

Encode = Callable[[str], list[int]]
Pair = tuple[str, str]


def long_enough(text: str) -> bool:
    """Whether two spans of a useful length fit into `text`."""
    return sum(1 for _ in islice(WORD.finditer(text), 2 * MIN_WORDS)) == 2 * MIN_WORDS


def pair(text: str, draws: np.ndarray, encode: Encode, span_tokens: int) -> Pair:
    """A query and a document: whole words of `text`, at most `span_tokens` tokens each.

    `draws` are four uniform numbers in [0, 1): where the text is cut in two, where a span begins
    on either side, and which of the two is the query. A pure function of its arguments.

    The cut lies in the middle half: a few words at one end of a text seldom say what it is about.
    """
    words = [match.span() for match in WORD.finditer(text)]
    cut, first, second, swap = draws
    fewest = max(MIN_WORDS, len(words) // 4)
    middle = fewest + int(cut * (len(words) - 2 * fewest + 1))
    spans = [
        fitting(text, part[begin(len(part), draw, span_tokens) :], encode, span_tokens)
        for part, draw in ((words[:middle], first), (words[middle:], second))
    ]
    return (spans[0], spans[1]) if swap < 0.5 else (spans[1], spans[0])


def begin(words: int, draw: float, span_tokens: int) -> int:
    """The word at which a span begins, such that it seldom runs into the end before it is full.

    A Turkish word has about two tokens.
    """
    return int(draw * (words - min(words, max(MIN_WORDS, span_tokens // 2)) + 1))


def fitting(text: str, words: list[tuple[int, int]], encode: Encode, span_tokens: int) -> str:
    """The text from the first of `words` on, as many whole words as `span_tokens` tokens hold.

    `words` are their character offsets. The first word is always there, however long.
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
    """The order in which an epoch reads the documents."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(documents)


def batch_documents(seed: int, step: int, documents: int, batch_size: int) -> np.ndarray:
    """Indices of the documents of a step: distinct, and none twice in an epoch.

    The documents that do not fill a last batch are left out; each epoch leaves out others.
    """
    epoch, place = divmod(step, documents // batch_size)
    return epoch_order(seed, epoch, documents)[place * batch_size : (place + 1) * batch_size]


def batch_pairs(
    texts: list[str], seed: int, step: int, batch_size: int, encode: Encode, span_tokens: int
) -> list[Pair]:
    """The pairs of a step, a pure function of (seed, step, row) for given texts."""
    draws_Bx4 = np.random.default_rng([seed, SPANS, step]).random((batch_size, 4))
    rows = batch_documents(seed, step, len(texts), batch_size)
    return [pair(texts[row], draws, encode, span_tokens) for row, draws in zip(rows, draws_Bx4, strict=True)]


class Chosen(NamedTuple):
    """Documents to take pairs from, and how many there were."""

    texts: list[str]
    long_enough: int  # for two spans
    too_short: int


def choose_documents(texts: Iterable[str], most: int, seed: int) -> Chosen:
    """The texts long enough for two spans; of more than `most`, a uniform sample of that many.

    So memory is bounded by what training can read, however large the corpus (Vitter 1985,
    algorithm R).
    """
    rng = np.random.default_rng([seed, CHOICE])
    chosen: list[str] = []
    usable = too_short = 0
    for text in texts:
        if not long_enough(text):
            too_short += 1
            continue
        usable += 1
        if len(chosen) < most:
            chosen.append(text)
        elif (place := int(rng.integers(usable))) < most:
            chosen[place] = text
    return Chosen(chosen, usable, too_short)


def held_out_pairs(texts: list[str], size: int, seed: int, encode: Encode, span_tokens: int) -> list[Pair]:
    """At most `size` pairs of different documents in which no string occurs twice.

    A string that occurred in two pairs would make a right answer count as wrong.
    """
    order = np.random.default_rng([seed, POOL]).permutation(len(texts))
    pairs: list[Pair] = []
    seen: set[str] = set()
    for row in order:
        if len(pairs) == size:
            break
        draws = np.random.default_rng([seed, POOL, int(row)]).random(4)
        candidate = pair(texts[row], draws, encode, span_tokens)
        if len({*candidate} - seen) == 2:
            pairs.append(candidate)
            seen.update(candidate)
    return pairs
