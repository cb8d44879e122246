"""The order in which a run reads its conversations where sources have weights."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Literal

import numpy as np

from pipeline.common.errors import UserError
from pipeline.sft.loss_mask import Row


def mix_sources(
    rows: Sequence[Row],
    sources: Mapping[str, Sequence[int]],
    weights: Mapping[str, float],
    on_source_end: Literal["stop", "repeat"],
    epochs: float,
    seed: int,
) -> np.ndarray:
    """Return the indices of `rows` in the order of a whole run, which depends on nothing but the arguments.

    Each source gives its weight's share of the trained tokens, up to half a conversation, and so it does in
    every stretch of the run. An epoch ends where the first source is read to its end (`stop`), or the last
    one (`repeat`), and the others are read again. `sources` has the indices of their rows. Raises UserError
    for a source without any.
    """
    total = sum(weights.values())
    tokens = {name: sum(rows[i].target_count for i in indices) for name, indices in sources.items()}
    for name, trained in tokens.items():
        if not trained:
            raise UserError(f"params.yaml: sft.sources.{name}.weight: it has no conversation to train on")
    lengths = [tokens[name] * total / weights[name] for name in sources]
    length = epochs * (min(lengths) if on_source_end == "stop" else max(lengths))  # trained tokens
    order, progress = [], []
    for number, (name, indices) in enumerate(sources.items()):
        chosen, ends = take_tokens(rows, indices, length * weights[name] / total, [seed, number])
        order.append(chosen)
        progress.append((ends - 0.5 * np.diff(ends, prepend=0)) / ends[-1])  # of each row's middle
    return np.concatenate(order)[np.argsort(np.concatenate(progress), kind="stable")]


def take_tokens(
    rows: Sequence[Row], indices: Sequence[int], wanted: float, seed: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return row indices that have about `wanted` trained tokens together, and the tokens after each.

    They are drawn from permutations of `indices`, one after another. There is one at least.
    """
    taken: list[int] = []
    ends: list[int] = []
    for repeat in count():
        for i in np.random.default_rng([*seed, repeat]).permutation(indices):
            end = (ends[-1] if ends else 0) + rows[i].target_count
            if taken and end - wanted > wanted - ends[-1]:
                return np.array(taken), np.array(ends)
            taken.append(int(i))
            ends.append(end)
    raise AssertionError  # permutations never end
