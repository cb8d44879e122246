"""Sampling of the next token: pure functions of logits, sampling parameters and random generators.

B batch    V vocabulary    N tokens that may be drawn
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.common.errors import UserError

LIKELY = 1e-5  # of the likeliest token's probability


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters (see `sample_token`). Raises UserError for one out of range, which `name` names."""

    temperature: float = 0.0  # 0: the likeliest token each time
    top_k: int = 0  # 0: all
    top_p: float = 1.0  # 1: all
    min_p: float = 0.0  # 0: all
    repetition_penalty: float = 1.0  # 1: none

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise UserError(
                "{name} {value} is not a number from 0 up", name="temperature", value=self.temperature
            )
        if self.top_k < 0:
            raise UserError("{name} {value} is negative; 0 keeps all tokens", name="top_k", value=self.top_k)
        if not 0 < self.top_p <= 1:
            raise UserError("{name} {value} does not lie above 0 and up to 1", name="top_p", value=self.top_p)
        if not 0 <= self.min_p <= 1:
            raise UserError(
                "{name} {value} does not lie between 0 and 1; 0 keeps all tokens",
                name="min_p",
                value=self.min_p,
            )
        if not 0.01 <= self.repetition_penalty <= 100:
            raise UserError(
                "{name} {value} does not lie between 0.01 and 100; 1 changes none",
                name="repetition_penalty",
                value=self.repetition_penalty,
            )


GREEDY = Sampling()
# For chats: small models slip at a higher temperature.
CHAT_SAMPLING = Sampling(temperature=0.5, top_p=0.95, min_p=0.1)


def make_generator(seed: int, row: int) -> np.random.Generator:
    """Return a random generator that is seeded with (seed, row) and nothing else.

    What a text draws therefore depends neither on its batch nor on its neighbors.
    """
    return np.random.default_rng([seed, row])


def sample_token(
    logits_V: np.ndarray,
    generator: np.random.Generator,
    sampling: Sampling = GREEDY,
    seen_ids: Collection[int] = (),
) -> int:
    """Return the next token.

    First the repetition penalty lowers the logits of `seen_ids`. `temperature` 0 then takes the highest
    logit. Otherwise the token is drawn from those that `find_candidates` keeps.
    """
    logits_V = penalize_seen(logits_V, seen_ids, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return int(logits_V.argmax())
    ids_N, weights_N = find_candidates(logits_V, sampling)
    sums_N = weights_N.cumsum()
    drawn = min(generator.random() * sums_N[-1], np.nextafter(sums_N[-1], 0))  # rounded, it may be the sum
    return int(ids_N[np.searchsorted(sums_N, drawn, side="right")])


def find_candidates(logits_V: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids [N] that may be drawn, and what each counts, float64 [N].

    Logits are cut to the `top_k` highest (Fan et al. 2018, arXiv 1805.04833) and divided by the temperature.
    Then two cuts count together. `top_p` keeps the nucleus, the smallest set of likeliest tokens whose
    probabilities add up to it or more (Holtzman et al. 2020, arXiv 1904.09751). `min_p` leaves out tokens
    that are less than so many times as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082). Of
    equal logits at an edge the lower ids stay. The likeliest token always does.
    """
    ids = np.arange(len(logits_V))
    if 0 < sampling.top_k < len(logits_V):
        kth_highest = -np.partition(-logits_V, sampling.top_k - 1)[sampling.top_k - 1]
        ids = np.flatnonzero(logits_V >= kth_highest)
        ids = ids[np.argsort(-logits_V[ids], kind="stable")[: sampling.top_k]]
    # The highest is subtracted first, as a tiny temperature must not make it infinite.
    logits = logits_V[ids].astype(np.float64)
    weights = np.exp((logits - logits.max()) / sampling.temperature)
    if sampling.top_p == 1:
        is_kept = weights >= sampling.min_p
        return ids[is_kept], weights[is_kept]
    needed = sampling.top_p * weights.sum()
    # Sorting takes longest: the nucleus is looked for among few tokens first.
    for floor in (max(LIKELY, sampling.min_p), sampling.min_p):
        rows_N = np.flatnonzero(weights >= floor)
        rows_N = rows_N[np.argsort(-logits[rows_N], kind="stable")]
        sums_N = weights[rows_N].cumsum()
        if sums_N[-1] >= needed:
            break
    rows_N = rows_N[: 1 + np.searchsorted(sums_N, needed)]
    return ids[rows_N], weights[rows_N]


def penalize_seen(logits_V: np.ndarray, seen_ids: Collection[int], penalty: float) -> np.ndarray:
    """Divide positive logits of `seen_ids` by `penalty`, multiply negative ones; 1 changes none.

    Keskar et al. 2019, arXiv 1909.05858, section 4.1.
    """
    if penalty == 1:
        return logits_V
    ids = np.array(sorted(seen_ids), dtype=np.int64)
    logits_V = logits_V.copy()
    logits_V[ids] = np.where(logits_V[ids] > 0, logits_V[ids] / penalty, logits_V[ids] * penalty)
    return logits_V


class Choice(NamedTuple):
    """A chosen token and its rivals, by the model's own probabilities: those before any penalty or cut."""

    token: int
    logprob: float  # nats
    likeliest: list[tuple[int, float]]  # the tokens that were likeliest in its place, and their logprobs


def describe_choice(logits_V: np.ndarray, token: int, count: int) -> Choice:
    """Return a token's log-probability, and the `count` likeliest tokens with theirs."""
    logs_V = logits_V - logits_V.max()
    logs_V -= np.log(np.exp(logs_V).sum())
    ids = np.argpartition(-logs_V, count)[:count] if count < len(logs_V) else np.arange(len(logs_V))
    ids = ids[np.argsort(-logs_V[ids], kind="stable")]
    return Choice(token, float(logs_V[token]), [(int(i), float(logs_V[i])) for i in ids])
