"""Drop documents that repeat themselves: lines, the most frequent n-gram, and n-grams of five words and more.

After Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) with the limits that FineWeb-2 chose for Turkish
(Penedo et al. 2025, arXiv 2506.20920; configuration `tur_Latn`).
"""

import numpy as np

from pipeline.overlap.text_batch import WORD_BASE, TextBatch, mix_bits, prefix_sums

MAX_DUPLICATE_LINES = 0.272  # share of the lines
# By the n of the n-grams: the share of the characters that lie in the most frequent n-gram, or in repeated
# n-grams.
MAX_TOP_NGRAM = {2: 0.214, 3: 0.168, 4: 0.147}
MAX_DUPLICATE_NGRAMS = {5: 0.154, 6: 0.144, 7: 0.134, 8: 0.124, 9: 0.113, 10: 0.103}


def is_repetitive(batch: TextBatch) -> np.ndarray:
    """Tell for each document if it repeats itself too much."""
    lines = batch.lines
    bad = lines.sum_by_document(batch.is_repeat(lines)) > MAX_DUPLICATE_LINES * lines.counts
    return bad | _repeats_ngrams(batch)


def _repeats_ngrams(batch: TextBatch) -> np.ndarray:
    words, documents = batch.words, len(batch.texts)
    bad = np.zeros(documents, bool)
    # A word that occurs nowhere else separates each document from the next: no n-gram reaches across.
    document = words.document
    word_positions = np.arange(len(document)) + document
    end_positions = words.offsets[1:] + np.arange(documents)
    salt = mix_bits(np.arange(documents, dtype=np.uint64))
    hashes = np.zeros(len(word_positions) + documents, np.uint64)
    hashes[word_positions] = batch.word_hashes + salt[document]
    hashes[end_positions] = salt
    owner = np.zeros(len(hashes), np.int64)  # document of each position
    owner[word_positions], owner[end_positions] = document, np.arange(documents)
    lengths = np.zeros(len(hashes), np.int64)
    lengths[word_positions] = words.lengths
    characters_before = prefix_sums(lengths)
    firsts, counts = words.offsets[:-1] + np.arange(documents), words.counts

    # A sort key is the upper bits of an n-gram's hash, with its position in the lower bits.
    position_bits = np.uint64(len(hashes).bit_length())
    position_mask = np.uint64((1 << int(position_bits)) - 1)
    ngrams = hashes.copy()
    positions = np.arange(len(hashes))  # of the n-grams that occur more than once
    for n in range(2, 11):
        positions = positions[positions <= len(hashes) - n]
        ngrams[positions] += np.uint64(pow(WORD_BASE, n - 1, 1 << 64)) * hashes[positions + n - 1]
        keys = ngrams[positions] & ~position_mask | positions.astype(np.uint64)
        keys.sort()
        again = np.zeros(len(keys) + 1, bool)  # the same n-gram as the one before in the order
        again[1:-1] = (keys[1:] ^ keys[:-1]) <= position_mask
        positions = (keys & position_mask).astype(np.int64)
        if n in MAX_TOP_NGRAM:
            starts = np.flatnonzero(~again[:-1])
            times = np.diff(np.append(starts, len(keys)))
            first = positions[starts]
            size = characters_before[first + n] - characters_before[first] + n - 1
            limit = MAX_TOP_NGRAM[n] * batch.lengths
            top = _top_ngram_characters(times, first, size, owner, firsts, characters_before, n)
            bad |= (counts >= n) & (top > limit)
        else:
            repeats = positions[again[:-1]]
            limit = MAX_DUPLICATE_NGRAMS[n] * batch.lengths
            is_covered = np.zeros(len(hashes), bool)
            for word in range(n):
                is_covered[repeats + word] = True
            upper_bound = np.bincount(owner[is_covered], lengths[is_covered], documents)
            is_repeat = np.zeros(len(hashes), bool)
            is_repeat[repeats] = True
            for d in np.flatnonzero((upper_bound > limit) & ~bad):
                span = slice(firsts[d], firsts[d] + counts[d] - n + 1)
                before = characters_before[span.start :]
                bad[d] = _duplicate_ngram_characters(ngrams[span], is_repeat[span], before, n) > limit[d]
        positions = np.sort(positions[again[:-1] | again[1:]])
    return bad


def _top_ngram_characters(
    times: np.ndarray,
    first: np.ndarray,
    size: np.ndarray,
    owner: np.ndarray,
    firsts: np.ndarray,
    characters_before: np.ndarray,
    n: int,
) -> np.ndarray:
    """Count the characters of each document's most frequent n-gram, over all its occurrences.

    Each n-gram occurs `times` times, first at the word `first`, and has `size` characters. Of equally
    frequent ones the first counts. `owner` is the document of each word, `firsts` the first word of each
    document.
    """
    # The first n-gram, if none occurs twice.
    stops = np.minimum(firsts + n, len(characters_before) - 1)
    characters = characters_before[stops] - characters_before[firsts] + n - 1
    repeated = np.flatnonzero(times > 1)
    order = repeated[np.lexsort((first[repeated], -times[repeated], owner[first[repeated]]))]
    document = owner[first[order]]
    is_top = np.ones(len(order), bool)
    is_top[1:] = document[1:] != document[:-1]
    characters[document[is_top]] = (times * size)[order[is_top]]
    return characters


def _duplicate_ngram_characters(
    ngrams: np.ndarray, is_repeat: np.ndarray, characters_before: np.ndarray, n: int
) -> int:
    """Count the characters of the n-grams of a document that occurred before in it.

    After such an n-gram the walk goes on behind it, and the n-grams that it skipped do not count as seen.
    """
    seen: set[int] = set()
    position = total = 0
    hashes, may_repeat = ngrams.tolist(), is_repeat.tolist()
    while position < len(hashes):
        if may_repeat[position] and hashes[position] in seen:
            total += int(characters_before[position + n] - characters_before[position])
            position += n
        else:
            seen.add(hashes[position])
            position += 1
    return total
