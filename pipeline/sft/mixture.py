"""The order in which a run reads its conversations where sources have weights."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Literal

import numpy as np

from pipeline.common.errors import UserError
from pipeline.sft.loss_mask import Row
from pipeline.sft.params import SftParams

MAX_READINGS = 50  # of a conversation in a run: more is a mistake in the weights


def mix_by_weights(
    rows: Sequence[Row], sources: Mapping[str, Sequence[int]], params: SftParams, seed: int
) -> np.ndarray | None:
    """Return the order of a run by the sources' weights, 1 where one has none; None where none has one.

    Raises UserError for a run that is shorter than a step, or reads a source more than MAX_READINGS times.
    """
    weights = {name: source.weight for name, source in params.sources.items()}
    if not any(weights.values()):
        return None
    known = {name: weight or 1.0 for name, weight in weights.items()}
    order = mix_sources(rows, sources, known, params.on_source_end, params.epochs, seed)
    times = count_readings(order, sources)
    name = max(times, key=lambda name: times[name])
    if times[name] > MAX_READINGS:
        raise UserError(
            "params.yaml: sft.sources.{name}.weight: {weight}: its conversations would be "
            "read {times:.0f} times; lower it, or set sft.on_source_end: stop",
            name=name,
            weight=weights[name],
            times=times[name],
        )
    if len(order) < params.conversations_per_step:
        shortest = min(sources, key=lambda name: len(sources[name]))
        raise UserError(
            "params.yaml: sft.on_source_end: {on_source_end}: {shortest} ends the run after "
            "{count} conversations, fewer than a step has; set it to repeat, or lower its "
            "weight",
            on_source_end=params.on_source_end,
            shortest=shortest,
            count=len(order),
        )
    return order


def count_readings(
    order: np.ndarray | Sequence[int], sources: Mapping[str, Sequence[int]]
) -> dict[str, float]:
    """Return how often each source's conversations are read in a run, in the mean."""
    read = np.bincount(order, minlength=sum(map(len, sources.values())))
    return {name: float(read[list(indices)].mean()) if indices else 0.0 for name, indices in sources.items()}


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
            raise UserError(
                "params.yaml: sft.sources.{name}.weight: it has no conversation to train on", name=name
            )
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
