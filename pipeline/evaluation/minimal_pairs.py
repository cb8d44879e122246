"""Minimal pairs: accuracy of a model that should find the good sentence likelier than the bad one.

A sentence's score is its summed log-probability after `<s>`, as in BLiMP (Warstadt et al. 2020,
arXiv 1912.00582) and TurBLiMP (Başar et al. 2025, arXiv 2506.13487). The end token is left out: it
would ask whether a document ends here, which a sentence need not. A tie is no preference and counts
as wrong. Chance is one half.
"""

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Pair
from pipeline.evaluation.bits_per_byte import Scorer
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer


def wilson_interval(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the bounds of a share's confidence interval, 95 % by default (Wilson 1927).

    It assumes independent trials. Pairs made from one template are not, so over such pairs the true
    interval is wider.
    """
    share = successes / n
    scale = 1 + z * z / n
    center = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, center - half), min(1.0, center + half)


def measure_minimal_pairs(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    model: Scorer,
    baselines: dict[str, Scorer],
    max_token_difference: float = math.inf,
) -> dict[str, Any]:
    """Measure the accuracy of `model` for every type with its interval, and that of the `baselines`.

    `mean` is over types, each counting alike. Pairs of two identical strings decide nothing: they
    are dropped and counted. So are those whose sentences differ by more than `max_token_difference`
    tokens, where length alone would decide.
    """
    different = [pair for pair in pairs if pair.good.strip() != pair.bad.strip()]
    encoded = [[[BOS, *tokenizer.encode(text)] for text in (pair.good, pair.bad)] for pair in different]
    is_even = [abs(len(good) - len(bad)) <= max_token_difference for good, bad in encoded]
    kept = list(compress(different, is_even))
    good, bad = ([texts[side] for texts in compress(encoded, is_even)] for side in (0, 1))
    is_right, ties = compare_pairs(model, good, bad)
    is_baseline_right = {name: compare_pairs(scorer, good, bad)[0] for name, scorer in baselines.items()}
    pair_types = np.array([pair.type for pair in kept])
    types: dict[str, dict[str, float]] = {}
    for kind in sorted(set(pair_types.tolist())):
        mask = pair_types == kind
        n, successes = int(mask.sum()), int(is_right[mask].sum())
        low, high = wilson_interval(successes, n)
        accuracies = {name: float(hits[mask].mean()) for name, hits in is_baseline_right.items()}
        types[metric_key(kind)] = {"accuracy": successes / n, "low": low, "high": high, "n": n, **accuracies}
    names = {"mean": "accuracy"} | {name: name for name in baselines}
    means = {
        key: float(np.mean([figures[name] for figures in types.values()]))
        for key, name in names.items()
        if types
    }
    dropped = {
        "identical_dropped": len(pairs) - len(different),
        "uneven_dropped": len(different) - len(kept),
    }
    counts = {"n": len(kept), "ties": ties, **dropped}
    return {**means, **counts, "types": types}


def compare_pairs(
    scorer: Scorer, good: Sequence[Sequence[int]], bad: Sequence[Sequence[int]]
) -> tuple[np.ndarray, int]:
    """Tell for each pair if the good sentence costs fewer bits than the bad one, and count the ties."""
    bits = scorer([*good, *bad])
    good_bits, bad_bits = bits[: len(good)], bits[len(good) :]
    return good_bits < bad_bits, int((good_bits == bad_bits).sum())
