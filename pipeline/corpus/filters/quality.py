"""Documents whose lines or words are not those of prose.

FineWeb's and Gopher's rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6; Rae et al. 2021, arXiv
2112.11446, table A1) with the limits that FineWeb-2 found for Turkish (arXiv 2506.20920; `tur_Latn`).
"""

import numpy as np

from pipeline.corpus.filters.text_batch import SPACE, TABLES, LaidOut, Spans, is_one_of, sums, table

PUNCTUATED_LINES = 0.091  # at least
DUPLICATE_CHARACTERS = 0.1  # of lines that were there before
LINES_A_WORD = 0.222
WORD_LENGTH = 3, 21  # mean
ALPHABETIC = 0.773  # of the words, at least
FREQUENT = [
    "ve",
    "bir",
    "olarak",
    "bu",
    "ile",
    "için",
    "olan",
    "da",
    "de",
    "tarafından",
    "yılında",
    "sonra",
    "en",
    "daha",
    "ilk",
    "the",
]
DIFFERENT_FREQUENT = 2
WORDS = 50, 100_000
SYMBOLS_A_WORD = 0.1  # `#`, or ellipses
BULLET_LINES = 0.9
OPEN_LINES = 0.3  # that end in an ellipsis
_TERMINAL = ".?!。．｡…؟।։⁇⁈⁉‼"
_SYMBOLS = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, [*range(0, 9), *range(11, 32), *range(127, 160)]))
)
_IS_SYMBOL = table(_SYMBOLS)
_NO_SYMBOL = ~_IS_SYMBOL


def badly_lined(batch: LaidOut) -> np.ndarray:
    """Which documents have few lines that end as sentences do, repeated ones, or hardly words on a line."""
    lines, words = batch.lines, batch.words
    filled = batch.among(TABLES.kind != SPACE, lines) > 0
    last = batch.codes[np.maximum(lines.stops - 1, 0)]
    punctuated = filled & is_one_of(last, _TERMINAL.replace("…", ""))
    bad = lines.summed(punctuated) < PUNCTUATED_LINES * lines.summed(filled)
    repeated = lines.summed(np.where(filled & batch.repeated(lines), lines.lengths, 0))
    bad |= repeated > DUPLICATE_CHARACTERS * (batch.lengths - lines.counts + 1)
    return bad | (lines.counts - 1 > LINES_A_WORD * words.counts)


def not_prose(batch: LaidOut) -> np.ndarray:
    """Which documents are too short or long, or of words and signs that are not those of sentences."""
    lines, words = batch.lines, batch.words
    spoken = batch.among(_NO_SYMBOL, words) > 0
    count = words.summed(spoken)
    bad = (count < WORDS[0]) | (count > WORDS[1])
    characters = words.summed(np.where(spoken, words.lengths, 0))
    bad |= (characters < WORD_LENGTH[0] * count) | (characters > WORD_LENGTH[1] * count)
    documents = Spans(batch.starts, batch.stops, np.arange(len(batch.texts) + 1))
    hashes = batch.among(table("#"), documents)
    dots = batch.codes == ord(".")
    third = np.zeros(len(dots), bool)  # the last one of three dots
    third[2:] = dots[2:] & dots[1:-1] & dots[:-2]
    runs = np.flatnonzero(dots & ~np.append(dots[1:], False)) if len(dots) else dots
    ellipses = batch.among(table("…"), documents) + _threes(dots, runs, batch)
    bad |= (hashes > SYMBOLS_A_WORD * words.counts) | (ellipses > SYMBOLS_A_WORD * words.counts)
    first = batch.codes[np.minimum(lines.starts, len(batch.codes) - 1)]
    bad |= lines.summed(is_one_of(first, "•-") & (lines.lengths > 0)) > BULLET_LINES * lines.counts
    last = np.maximum(lines.stops - 1, 0)
    opened = (batch.codes[last] == ord("…")) | (third[last] & (lines.lengths > 2))
    bad |= lines.summed(opened) > OPEN_LINES * lines.counts
    bad |= words.summed(batch.among(TABLES.alphabetic, words) > 0) < ALPHABETIC * words.counts
    return bad | (_frequent(batch) < DIFFERENT_FREQUENT)


def _threes(dots: np.ndarray, last: np.ndarray, batch: LaidOut) -> np.ndarray:
    """How often three dots stand together, by document; five count once, six twice."""
    before = sums(~dots)
    others = np.flatnonzero(~dots)
    run = last - np.append(-1, others)[before[last]]
    return np.bincount(np.searchsorted(batch.stops, last), run // 3, len(batch.texts)).astype(np.int64)


def _frequent(batch: LaidOut) -> np.ndarray:
    """How many different ones of the frequent words each document has."""
    known = LaidOut(FREQUENT)
    hashes = np.sort(known.hashes(Spans(known.starts, known.stops, np.arange(len(FREQUENT) + 1))))
    which = np.minimum(np.searchsorted(hashes, batch.word_hashes), len(hashes) - 1)
    found = np.flatnonzero(hashes[which] == batch.word_hashes)
    pairs = np.unique(batch.words.document[found] * len(hashes) + which[found])
    return np.bincount(pairs // len(hashes), minlength=len(batch.texts))
