"""Documents that repeat themselves: lines, the most frequent n-gram, and all n-grams of five words and more.

After Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) with the limits that FineWeb-2 found for Turkish
(Penedo et al. 2025, arXiv 2506.20920; configuration `tur_Latn`).
"""

import numpy as np

from pipeline.corpus.filters.text_batch import ORDER, LaidOut, mixed, sums

DUPLICATE_LINES = 0.272  # share of the lines
TOP = {2: 0.214, 3: 0.168, 4: 0.147}  # characters of the most frequent n-gram, of all
DUPLICATE = {5: 0.154, 6: 0.144, 7: 0.134, 8: 0.124, 9: 0.113, 10: 0.103}  # characters of repeated n-grams


def repetitive(batch: LaidOut) -> np.ndarray:
    """Which documents repeat themselves too much."""
    lines = batch.lines
    bad = lines.summed(batch.repeated(lines)) > DUPLICATE_LINES * lines.counts
    return bad | _repeats_words(batch)


def _repeats_words(batch: LaidOut) -> np.ndarray:
    words, documents = batch.words, len(batch.texts)
    bad = np.zeros(documents, bool)
    # One word that is found nowhere else parts each document from the next: no n-gram reaches across.
    document = words.document
    at = np.arange(len(document)) + document
    ends = words.of[1:] + np.arange(documents)
    salt = mixed(np.arange(documents, dtype=np.uint64))
    hashes = np.zeros(len(at) + documents, np.uint64)
    hashes[at] = batch.word_hashes + salt[document]
    hashes[ends] = salt
    of = np.zeros(len(hashes), np.int64)
    of[at], of[ends] = document, np.arange(documents)
    lengths = np.zeros(len(hashes), np.int64)
    lengths[at] = words.lengths
    before = sums(lengths)
    firsts, counts = words.of[:-1] + np.arange(documents), words.counts

    bits = np.uint64(len(hashes).bit_length())
    place_of = np.uint64((1 << int(bits)) - 1)
    grams = hashes.copy()
    places = np.arange(len(hashes))  # whose n-gram is found more than once
    for n in range(2, 11):
        places = places[places <= len(hashes) - n]
        grams[places] += np.uint64(pow(ORDER, n - 1, 1 << 64)) * hashes[places + n - 1]
        keys = grams[places] & ~place_of | places.astype(np.uint64)
        keys.sort()
        again = np.zeros(len(keys) + 1, bool)  # the same n-gram as the one before in the order
        again[1:-1] = (keys[1:] ^ keys[:-1]) <= place_of
        places = (keys & place_of).astype(np.int64)
        if n in TOP:
            starts = np.flatnonzero(~again[:-1])
            times = np.diff(np.append(starts, len(keys)))
            first = places[starts]
            size = before[first + n] - before[first] + n - 1
            limit = TOP[n] * batch.lengths
            bad |= (counts >= n) & (_most_frequent(times, first, size, of, firsts, before, n) > limit)
        else:
            repeats = places[again[:-1]]
            limit = DUPLICATE[n] * batch.lengths
            covered = np.zeros(len(hashes), bool)
            for word in range(n):
                covered[repeats + word] = True
            most = np.bincount(of[covered], lengths[covered], documents)
            repeated = np.zeros(len(hashes), bool)
            repeated[repeats] = True
            for d in np.flatnonzero((most > limit) & ~bad):
                span = slice(firsts[d], firsts[d] + counts[d] - n + 1)
                bad[d] = _walked(grams[span], repeated[span], before[span.start :], n) > limit[d]
        places = np.sort(places[again[:-1] | again[1:]])
    return bad


def _most_frequent(
    times: np.ndarray,
    first: np.ndarray,
    size: np.ndarray,
    of: np.ndarray,
    firsts: np.ndarray,
    before: np.ndarray,
    n: int,
) -> np.ndarray:
    """Characters of each document's most frequent n-gram; of equally frequent ones the first counts."""
    found = before[np.minimum(firsts + n, len(before) - 1)] - before[firsts] + n - 1  # if none is found twice
    more = np.flatnonzero(times > 1)
    order = more[np.lexsort((first[more], -times[more], of[first[more]]))]
    document = of[first[order]]
    top = np.ones(len(order), bool)
    top[1:] = document[1:] != document[:-1]
    found[document[top]] = (times * size)[order[top]]
    return found


def _walked(grams: np.ndarray, repeated: np.ndarray, before: np.ndarray, n: int) -> int:
    """Characters of n-grams that have been met before, walking through a document; after such a one the walk
    goes on behind it, and what it skipped has not been met.
    """
    met: set[int] = set()
    at = total = 0
    known, possible = grams.tolist(), repeated.tolist()
    while at < len(known):
        if possible[at] and known[at] in met:
            total += int(before[at + n] - before[at])
            at += n
        else:
            met.add(known[at])
            at += 1
    return total
