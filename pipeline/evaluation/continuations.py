"""How well a text is continued: the second half of a sentence, and the right one of several options."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.eval_sets.readers import Choice, Document
from pipeline.evaluation.bits_per_byte import MODEL, Scorer
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.statistics.intervals import estimate_mean
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_second_halves(
    documents: Sequence[Document], tokenizer: Tokenizer, scorers: Mapping[str, Scorer]
) -> Measured:
    """Measure the mean bits of the second half of a text, given the first half, by every scorer.

    As for Goldfish (Chang et al. 2024, arXiv 2408.10441) halves are cut by characters, and as many tokens
    are left out as the first half alone has. No end token is scored. `low` and `high` are the interval of the
    model's.
    """
    sequences = [[BOS, *tokenizer.encode(document.text)] for document in documents]
    firsts = [len(tokenizer.encode(document.text[: len(document.text) // 2])) for document in documents]
    halves = [ids[: 1 + count] for ids, count in zip(sequences, firsts, strict=True)]
    keys = hash_items((document.text,) for document in documents)
    items = Items(keys, clusters=keys)
    items.scores.update({name: scorer(sequences) - scorer(halves) for name, scorer in scorers.items()})
    estimates = {name: estimate_mean(bits, items.clusters) for name, bits in items.scores.items()}
    low, high = estimates[MODEL].interval()
    figures = {
        **{name: estimate.value for name, estimate in estimates.items()},
        **({"low": low, "high": high} if estimates[MODEL].freedom else {}),
        "n": len(documents),
    }
    return Measured(figures, items)


def measure_choices(
    choices: Sequence[Choice], tokenizer: Tokenizer, scorers: Mapping[str, Scorer]
) -> Measured:
    """Measure how often each of `scorers` finds the right option likeliest.

    An option's score is its summed log-probability after prompt and space. `accuracy` and its interval are
    the model's; `per_byte` divides the score by the option's bytes, which favors no short ones. A tie counts
    as wrong. `chance` is a guess's accuracy. Choices with the same prompt are a cluster.
    """
    texts = [f"{choice.prompt} {option}" for choice in choices for option in choice.options]
    sequences = [[BOS, *tokenizer.encode(text)] for text in texts]
    prompts = [[BOS, *tokenizer.encode(choice.prompt)] for choice in choices]
    counts = [len(choice.options) for choice in choices]
    sizes = np.array([len(option.encode()) for choice in choices for option in choice.options])
    items = Items(
        keys=hash_items((choice.prompt, *choice.options) for choice in choices),
        clusters=hash_items((choice.prompt,) for choice in choices),
    )

    def add(name: str, bits: np.ndarray) -> None:
        """Add a model's margins: the bits of the likeliest wrong option less those of the right one."""
        per_choice = np.split(bits, np.cumsum(counts)[:-1])
        items.scores[name] = np.array(
            [
                np.delete(options, choice.answer).min() - options[choice.answer]
                for choice, options in zip(choices, per_choice, strict=True)
            ]
        )
        items.right[name] = items.scores[name] > 0

    for name, scorer in scorers.items():
        bits = scorer(sequences) - np.repeat(scorer(prompts), counts)
        add(name, bits)
        if name == MODEL:
            add("per_byte", bits / sizes)
    low, high = estimate_mean(items.right[MODEL], items.clusters).share_interval()
    figures = {
        "accuracy": float(items.right[MODEL].mean()),
        "low": low,
        "high": high,
        **{name: float(hits.mean()) for name, hits in items.right.items() if name != MODEL},
        "chance": float(np.mean([1 / count for count in counts])),
        "n": len(choices),
    }
    return Measured(figures, items)
