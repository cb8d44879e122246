"""How well a text is continued: the second half of a sentence, and the right one of several options."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.eval_sets.readers import Choice, Document
from pipeline.evaluation.bits_per_byte import Scorer
from pipeline.evaluation.minimal_pairs import wilson_interval
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_second_halves(
    documents: Sequence[Document], tokenizer: Tokenizer, scorers: dict[str, Scorer]
) -> dict[str, Any]:
    """Measure the mean bits of the second half of a text, given the first half, by every scorer.

    As for Goldfish (Chang et al. 2024, arXiv 2408.10441) halves are cut by characters, and as many tokens
    are left out as the first half alone has. No end token is scored.
    """
    sequences = [[BOS, *tokenizer.encode(document.text)] for document in documents]
    firsts = [len(tokenizer.encode(document.text[: len(document.text) // 2])) for document in documents]
    halves = [ids[: 1 + count] for ids, count in zip(sequences, firsts, strict=True)]
    bits = {name: float(np.mean(scorer(sequences) - scorer(halves))) for name, scorer in scorers.items()}
    return {**bits, "n": len(documents)}


def measure_choices(
    choices: Sequence[Choice], tokenizer: Tokenizer, model: Scorer, baselines: dict[str, Scorer]
) -> dict[str, Any]:
    """Measure how often the right option is the likeliest: of `model`, with its interval, and the baselines.

    An option's score is its summed log-probability after prompt and space; `per_byte` divides it by the
    option's bytes, which favors no short ones. A tie counts as wrong. `chance` is a guess's accuracy.
    """
    texts = [f"{choice.prompt} {option}" for choice in choices for option in choice.options]
    sequences = [[BOS, *tokenizer.encode(text)] for text in texts]
    prompts = [[BOS, *tokenizer.encode(choice.prompt)] for choice in choices]
    counts = [len(choice.options) for choice in choices]
    sizes = np.array([len(option.encode()) for choice in choices for option in choice.options])

    def count_right(scorer: Scorer) -> tuple[int, int]:
        """Return how many choices are right by summed bits, and by bits per byte."""
        bits = scorer(sequences) - np.repeat(scorer(prompts), counts)
        right = [0, 0]
        for i, costs in enumerate((bits, bits / sizes)):
            for choice, options in zip(choices, np.split(costs, np.cumsum(counts)[:-1]), strict=True):
                others = np.delete(options, choice.answer)
                right[i] += int(options[choice.answer] < others.min())
        return right[0], right[1]

    n = len(choices)
    right, per_byte = count_right(model)
    low, high = wilson_interval(right, n)
    return {
        "accuracy": right / n,
        "low": low,
        "high": high,
        "per_byte": per_byte / n,
        **{name: count_right(scorer)[0] / n for name, scorer in baselines.items()},
        "chance": float(np.mean([1 / count for count in counts])),
        "n": n,
    }
