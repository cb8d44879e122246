"""Drop documents whose lines or words are not those of prose.

FineWeb's and Gopher's rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6; Rae et al. 2021, arXiv
2112.11446, table A1) with the limits that FineWeb-2 chose for Turkish (arXiv 2506.20920; `tur_Latn`).
"""

import numpy as np

from pipeline.overlap.text_batch import (
    SPACE,
    Spans,
    TextBatch,
    character_table,
    character_tables,
    is_one_of,
    prefix_sums,
)

MIN_PUNCTUATED_LINES = 0.091  # share of the lines that are not empty
MAX_DUPLICATE_CHARACTERS = 0.1  # share of the characters, in lines that stand earlier in the document too
MAX_LINES_PER_WORD = 0.222
WORD_LENGTH = 3, 21  # mean characters, at least and at most
MIN_ALPHABETIC_WORDS = 0.773  # share of the words
STOP_WORDS = [
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
MIN_STOP_WORDS = 2  # different ones
WORD_COUNT = 50, 100_000  # at least and at most
MAX_SYMBOLS_PER_WORD = 0.1  # `#`, or ellipses
MAX_BULLET_LINES = 0.9  # share of the lines
MAX_ELLIPSIS_LINES = 0.3  # share of the lines that end in an ellipsis
_TERMINAL = ".?!。．｡…؟।։⁇⁈⁉‼"
_SYMBOLS = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, [*range(0, 9), *range(11, 32), *range(127, 160)]))
)


def has_bad_lines(batch: TextBatch) -> np.ndarray:
    """Tell for each document if its lines are not those of prose.

    Too few end as sentences do, too many are repeated, or they have hardly any words.
    """
    lines, words = batch.lines, batch.words
    filled = batch.count_characters(lines, character_tables().kind != SPACE) > 0
    last = batch.codes[np.maximum(lines.stops - 1, 0)]
    punctuated = filled & is_one_of(last, _TERMINAL.replace("…", ""))
    bad = lines.sum_by_document(punctuated) < MIN_PUNCTUATED_LINES * lines.sum_by_document(filled)
    repeated = lines.sum_by_document(np.where(filled & batch.is_repeat(lines), lines.lengths, 0))
    bad |= repeated > MAX_DUPLICATE_CHARACTERS * (batch.lengths - lines.counts + 1)
    return bad | (lines.counts - 1 > MAX_LINES_PER_WORD * words.counts)


def is_not_prose(batch: TextBatch) -> np.ndarray:
    """Tell for each document if its length, its words and its symbols are not those of prose."""
    lines, words = batch.lines, batch.words
    no_symbol = batch.count_characters(words, ~character_table(_SYMBOLS)) > 0
    count = words.sum_by_document(no_symbol)
    bad = (count < WORD_COUNT[0]) | (count > WORD_COUNT[1])
    characters = words.sum_by_document(np.where(no_symbol, words.lengths, 0))
    bad |= (characters < WORD_LENGTH[0] * count) | (characters > WORD_LENGTH[1] * count)
    documents = Spans(batch.starts, batch.stops, np.arange(len(batch.texts) + 1))
    number_signs = batch.count_characters(documents, character_table("#"))
    dots = batch.codes == ord(".")
    third = np.zeros(len(dots), bool)  # the last one of three dots
    third[2:] = dots[2:] & dots[1:-1] & dots[:-2]
    last_dots = np.flatnonzero(dots & ~np.append(dots[1:], False)) if len(dots) else dots
    ellipses = batch.count_characters(documents, character_table("…"))
    ellipses = ellipses + _count_triple_dots(dots, last_dots, batch)
    limit = MAX_SYMBOLS_PER_WORD * words.counts
    bad |= (number_signs > limit) | (ellipses > limit)
    first = batch.codes[np.minimum(lines.starts, len(batch.codes) - 1)]
    bullets = is_one_of(first, "•-") & (lines.lengths > 0)
    bad |= lines.sum_by_document(bullets) > MAX_BULLET_LINES * lines.counts
    last = np.maximum(lines.stops - 1, 0)
    trailing = (batch.codes[last] == ord("…")) | (third[last] & (lines.lengths > 2))
    bad |= lines.sum_by_document(trailing) > MAX_ELLIPSIS_LINES * lines.counts
    alphabetic = batch.count_characters(words, character_tables().alphabetic) > 0
    bad |= words.sum_by_document(alphabetic) < MIN_ALPHABETIC_WORDS * words.counts
    return bad | (_count_stop_words(batch) < MIN_STOP_WORDS)


def _count_triple_dots(dots: np.ndarray, last_dots: np.ndarray, batch: TextBatch) -> np.ndarray:
    """Count ellipses written as three dots, by document. Five dots in a row count once, six twice.

    `last_dots` are the positions of the last dot of each run.
    """
    others_before = prefix_sums(~dots)
    others = np.flatnonzero(~dots)
    run_length = last_dots - np.append(-1, others)[others_before[last_dots]]
    document = np.searchsorted(batch.stops, last_dots)
    return np.bincount(document, run_length // 3, len(batch.texts)).astype(np.int64)


def _count_stop_words(batch: TextBatch) -> np.ndarray:
    """Count the different stop words of each document."""
    stop_words = TextBatch(STOP_WORDS)
    spans = Spans(stop_words.starts, stop_words.stops, np.arange(len(STOP_WORDS) + 1))
    hashes = np.sort(stop_words.hash_spans(spans))
    index = np.minimum(np.searchsorted(hashes, batch.word_hashes), len(hashes) - 1)
    matches = np.flatnonzero(hashes[index] == batch.word_hashes)
    pairs = np.unique(batch.words.document[matches] * len(hashes) + index[matches])
    return np.bincount(pairs // len(hashes), minlength=len(batch.texts))
