"""Minimal pairs: accuracy of a model that should find the good sentence likelier than the bad one.

A sentence's score is its summed log-probability after `<s>`, as in BLiMP (Warstadt et al. 2020,
arXiv 1912.00582) and TurBLiMP (Başar et al. 2025, arXiv 2506.13487). The end token is left out: it
would ask whether a document ends here, which a sentence need not. A tie is no preference and counts
as wrong. Chance is one half.

Beside the model stand what tells the two apart without grammar: a 5-gram, the frequency of the words, and
the length.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Pair
from pipeline.evaluation.bits_per_byte import MODEL, Scorer
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.evaluation.word_frequency import WordFrequency, split_words
from pipeline.statistics.intervals import estimate_mean
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer

CHANCE = 0.5
LAST_WORDS = 3  # of the good sentence, which those made from one template share


def measure_minimal_pairs(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    scorers: Mapping[str, Scorer],
    words: WordFrequency,
    max_token_difference: float = math.inf,
    subsets: Mapping[str, Sequence[str]] | None = None,
) -> Measured:
    """Measure how often each of `scorers` prefers the good sentence, in all and by type.

    `accuracy` and its interval are the model's, by the summed log-probability; `per_token` is its accuracy by
    the mean over tokens. `word_frequency` prefers the sentence of commoner words; `shorter` is the share of
    pairs whose good side has fewer characters. `ties` count as wrong. `mean` is over types, each counting
    alike, and each of `subsets` is that over a few types. `low` and `high` take pairs of one template as one
    draw; `low_by_cue` and `high_by_cue`, wider, all pairs whose sentences differ in the same words.

    Pairs of two identical strings decide nothing: they are dropped and counted. So are those whose sentences
    differ by more than `max_token_difference` tokens, where length alone would decide.
    """
    different = [pair for pair in pairs if pair.good.strip() != pair.bad.strip()]
    encoded = [[[BOS, *tokenizer.encode(text)] for text in (pair.good, pair.bad)] for pair in different]
    is_even = [abs(len(good) - len(bad)) <= max_token_difference for good, bad in encoded]
    kept = list(compress(different, is_even))
    good, bad = ([texts[side] for texts in compress(encoded, is_even)] for side in (0, 1))
    lengths = [np.array([max(1, len(ids) - 1) for ids in side]) for side in (good, bad)]
    items = Items(
        keys=hash_items((pair.good, pair.bad) for pair in kept),
        clusters=hash_items((pair.type, find_cue(pair), end_of(pair.good)) for pair in kept),
        strata=[pair.type for pair in kept],
    )
    for name, scorer in scorers.items():
        bits = scorer([*good, *bad])
        good_bits, bad_bits = bits[: len(good)], bits[len(good) :]
        items.scores[name] = bad_bits - good_bits
        if name == MODEL:
            items.scores["per_token"] = bad_bits / lengths[1] - good_bits / lengths[0]
    items.scores["word_frequency"] = np.array([words.compare(pair.good, pair.bad) for pair in kept])
    items.scores["shorter"] = np.array([len(pair.bad) - len(pair.good) for pair in kept])
    items.right.update({name: scores > 0 for name, scores in items.scores.items()})
    types = np.array(items.strata)
    cues = hash_items((pair.type, find_cue(pair)) for pair in kept)

    def summarize(mask: np.ndarray) -> dict[str, Any]:
        """Return the figures of the pairs in `mask`, each type counting alike."""
        right, strata = items.right[MODEL][mask], types[mask]
        estimate = estimate_mean(right, items.clusters[mask], strata)
        low, high = estimate.share_interval()
        by_cue = estimate_mean(right, cues[mask], strata)
        low_by_cue, high_by_cue = by_cue.share_interval()
        others = [name for name in items.right if name != MODEL]
        return {
            "accuracy": estimate.value,
            "low": low,
            "high": high,
            "low_by_cue": low_by_cue,
            "high_by_cue": high_by_cue,
            "n": estimate.n,
            "clusters": estimate.clusters,
            "clusters_by_cue": by_cue.clusters,
            "ties": int((items.scores[MODEL][mask] == 0).sum()),
            **{
                name: estimate_mean(items.right[name][mask], items.clusters[mask], strata).value
                for name in others
            },
        }

    dropped = {
        "identical_dropped": len(pairs) - len(different),
        "uneven_dropped": len(different) - len(kept),
    }
    if not kept:
        return Measured({"n": 0, **dropped, "types": {}}, items)
    figures = {"chance": CHANCE, **rename(summarize(np.full(len(kept), True))), **dropped}
    for name, names in (subsets or {}).items():
        mask = np.isin(types, names)
        if mask.any():
            figures.setdefault("subsets", {})[name] = rename(summarize(mask))
    figures["types"] = {metric_key(kind): summarize(types == kind) for kind in sorted(set(types.tolist()))}
    return Measured(figures, items)


def rename(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of several types, whose accuracy is a mean over them."""
    return {"mean" if name == "accuracy" else name: value for name, value in figures.items()}


def find_cue(pair: Pair) -> str:
    """Return what the two sentences of a pair differ in: the cue of its row, or the words that differ."""
    if pair.cue:
        return " ".join(split_words(pair.cue))
    good, bad = split_words(pair.good), split_words(pair.bad)
    start = next(
        (i for i, (a, b) in enumerate(zip(good, bad, strict=False)) if a != b), min(len(good), len(bad))
    )
    good, bad = good[start:], bad[start:]
    while good and bad and good[-1] == bad[-1]:
        good, bad = good[:-1], bad[:-1]
    return " ".join((*good, "|", *bad))


def end_of(sentence: str) -> str:
    """Return the last words of a sentence."""
    return " ".join(split_words(sentence)[-LAST_WORDS:])
