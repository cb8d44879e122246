"""Measure the variety of the miniworld's documents: sentence frames, near-copies, and composing time.

    python -m benchmarks.miniworld_variety --documents 20000 --seed 42

A frame is a sentence whose slots are blanked. A near-copy has a Jaccard similarity of word 5-grams of 0.8 or
more, estimated by MinHash over 128 hashes (Broder 1997). Candidates are documents that agree in one of 16
bands of 8 hashes, so a pair of similarity 0.8 is found with a probability of 95 %. Prints a table for people
and one JSON line for machines.
"""

import argparse
import json
import re
import time
from collections import Counter, defaultdict
from unittest import mock
from zlib import crc32

import numpy as np

from pipeline.miniworld import people, templates, texts, world
from pipeline.text.comparison_keys import duplicate_key

HASHES, BANDS, SHINGLE = 128, 16, 5
MIN_LIKENESS = 0.8
SENTENCE = re.compile(r"(?<=[.!?…”:])\s+")
NAMES = (*people.FIRST_NAMES, *(province.name for province in world.list_provinces()), *people.THINGS)
NAMED = re.compile(rf"\b(?:{'|'.join(NAMES)})\b(?:'\w+)?")
PRIME = np.uint64((1 << 31) - 1)  # hashes are below it, so that factors scatter them


def count_frames(seed: int, count: int) -> Counter[str]:
    """Count each sentence frame in `count` documents."""

    def blank_slot(expression: str, slots: templates.Slots) -> str:
        return (
            slots["says"] if expression == "says" else "…_"
        )  # a statement, whose own slots are blanked already

    with mock.patch.object(templates, "resolve_slot", blank_slot):
        documents = [text.text for text in texts.compose_documents(seed, count)]
    # Chats name people and places without templates.
    lines = (NAMED.sub("…_", line) for text in documents for line in text.split("\n"))
    return Counter(frame for line in lines for frame in SENTENCE.split(line))


def minhash_signatures(documents: list[str]) -> np.ndarray:
    """Return MinHash signatures, documents × HASHES."""
    rng = np.random.default_rng(0)
    factors, shifts = rng.integers(1, int(PRIME), (2, HASHES), dtype=np.uint64)
    rows = []
    for text in documents:
        words = duplicate_key(text).split()
        parts = (" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1)))
        shingles = {crc32(part.encode()) % int(PRIME) for part in parts}
        values = np.fromiter(shingles, dtype=np.uint64)
        rows.append(((values[:, None] * factors + shifts) % PRIME).min(axis=0))
    return np.stack(rows)


def find_near_copies(signatures: np.ndarray) -> np.ndarray:
    """Return for each document whether it has a near-copy among the others."""
    has_copy = np.zeros(len(signatures), dtype=bool)
    for band in np.split(signatures, BANDS, axis=1):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for index, row in enumerate(band):
            buckets[row.tobytes()].append(index)
        for bucket in buckets.values():
            if len(bucket) > 1:
                likeness = (signatures[bucket][:, None] == signatures[bucket][None]).mean(axis=2)
                has_copy[bucket] |= (likeness >= MIN_LIKENESS).sum(axis=1) > 1
    return has_copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    start = time.perf_counter()
    documents = [document.text for document in texts.compose_documents(options.seed, options.documents)]
    seconds = time.perf_counter() - start
    counts = count_frames(options.seed, options.documents)
    sentences = counts.total()
    words = sum(len(text.split()) for text in documents)
    stems = len({word for text in documents for word in duplicate_key(text).split()})
    figures = {
        "documents": len(documents),
        "seconds": round(seconds, 1),
        "bytes": sum(len(text.encode()) for text in documents),
        "words_per_document": round(words / len(documents), 1),
        "word_forms": stems,
        "distinct": len(set(documents)),
        "without_near_copy": round(float(1 - find_near_copies(minhash_signatures(documents)).mean()), 4),
        "sentences": sentences,
        "frames": len(counts),
        "most_common_frame": round(counts.most_common(1)[0][1] / sentences, 5),
    }
    for key, value in figures.items():
        print(f"{key:20} {value:>14,}")
    for frame, number in counts.most_common(10):
        print(f"{number / sentences:8.3%}  {frame}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
