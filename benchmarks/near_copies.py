"""How many planted copies are found, and how much of what is found is a copy.

    python -m benchmarks.near_copies CORPUS [--copies 2000]

Copies of random documents of fifty words and more (perturbed.py: up to a fifth of the words replaced,
passages moved, capitals, other marks) are put beside all texts of a folder. Recall: the share of them that is
found with its original. Precision: the share of pairs found together, some hundreds looked at, that are
copies: half of the shorter one's runs of three words are in the longer one too. Prints a table for people and
one JSON line for machines.
"""

import argparse
import json
import random
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.perturbed import perturb_text
from benchmarks.texts import folder_texts
from pipeline.corpus.filters.apply import batch_slices
from pipeline.overlap.minhash import folded_words, minhash_signatures
from pipeline.overlap.near_duplicates import group_near_duplicates
from pipeline.overlap.text_batch import TextBatch
from pipeline.text.clean import clean
from pipeline.text.comparison_keys import duplicate_key

LOOKED_AT = 500  # pairs


def signed(texts: list[str]) -> np.ndarray:
    """The signatures of texts [hashes, documents]."""
    return np.concatenate(
        [minhash_signatures(folded_words(TextBatch(texts[span]))) for span in batch_slices(texts)]
    ).T


def alike(one: str, other: str) -> bool:
    """Whether half of the shorter text's runs of three words are the longer's too."""
    runs = []
    for text in (one, other):
        words = duplicate_key(text).split()
        runs.append({tuple(words[at : at + 3]) for at in range(len(words) - 2)})
    return len(runs[0] & runs[1]) >= 0.5 * min(map(len, runs))


def main() -> None:
    """Plant, look and count."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=2000)
    args = parser.parse_args()
    rng = random.Random(3)
    unique = {duplicate_key(text): text for text in map(clean, folder_texts(args.folder))}
    texts = list(unique.values())
    long = [number for number, text in enumerate(texts) if len(text.split()) >= 50]
    chosen = rng.sample(long, args.copies)
    pool = [word for number in rng.sample(long, 300) for word in texts[number].split()]
    shares = [rng.uniform(0, 0.2) for _ in chosen]
    copies = [perturb_text(texts[n], share, pool, rng) for n, share in zip(chosen, shares, strict=True)]
    everything = texts + copies
    began = time.perf_counter()
    marks = signed(everything)
    signing = time.perf_counter() - began
    half = marks.shape[1] // 2
    began = time.perf_counter()
    sizes = np.array([len(text.encode()) for text in everything])
    group_of = group_near_duplicates(
        [lambda: marks[:, :half], lambda: marks[:, half:]], np.ones(len(everything), bool)
    )
    grouping = time.perf_counter() - began
    found = group_of[chosen] == group_of[len(texts) :]
    recall = {}
    for low in (0.0, 0.05, 0.1, 0.15):
        here = (np.array(shares) >= low) & (np.array(shares) < low + 0.05)
        recall[f"{low:.2f}-{low + 0.05:.2f}"] = float(found[here].mean())
    members = defaultdict(list)
    for number in np.argsort(-sizes, kind="stable").tolist():
        members[group_of[number]].append(number)
    pairs = [(longest, other) for longest, *others in members.values() for other in others]
    some = rng.sample(pairs, min(LOOKED_AT, len(pairs)))
    precision = float(np.mean([alike(everything[a], everything[b]) for a, b in some]))
    result = {
        "documents": len(texts), "copies": len(copies), "recall": float(found.mean()),
        "recall_by_share": recall, "precision": precision, "pairs": len(pairs),
        "megabytes": sizes.sum() / 1e6, "seconds_signing": signing, "seconds_grouping": grouping,
    }  # fmt: skip
    print(f"{len(texts):,} documents and {len(copies):,} copies: recall {result['recall']:.3f}, of"
          f" {len(pairs):,} pairs {precision:.3f} alike")  # fmt: skip
    for share, part in recall.items():
        print(f"words replaced {share}: recall {part:.3f}")
    print(f"signing {sizes.sum() / 1e6 / signing:.1f} MB/s, grouping {grouping:.1f} s")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
