"""Sampling of the next token: pure functions of logits, sampling parameters and random generators.

B batch    V vocabulary
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters (see `sample_tokens`). Raises ValueError for one out of range."""

    temperature: float = 0.0  # 0: the likeliest token each time
    top_k: int = 0  # 0: all
    top_p: float = 1.0  # 1: all
    min_p: float = 0.0  # 0: all
    repetition_penalty: float = 1.0  # 1: none

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature {self.temperature} is not a number from 0 up")
        if self.top_k < 0:
            raise ValueError(f"top_k {self.top_k} is negative; 0 keeps all tokens")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p {self.top_p} does not lie above 0 and up to 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p {self.min_p} does not lie between 0 and 1; 0 keeps all tokens")
        if not 0 < self.repetition_penalty < math.inf:
            raise ValueError(
                f"repetition_penalty {self.repetition_penalty} is not a number above 0; 1 changes none"
            )


GREEDY = Sampling()
# For chats: small models slip at a higher temperature.
CHAT_SAMPLING = Sampling(temperature=0.5, top_p=0.95, min_p=0.1)


def make_generators(seed: int, rows: Sequence[int]) -> list[torch.Generator]:
    """Return one random generator for each row, seeded with (seed, row) and nothing else.

    What a row draws therefore depends neither on its batch nor on its neighbors.
    """
    # The generator keeps 32 bits of its seed, which must mix both numbers.
    states = [int(np.random.SeedSequence([seed, row]).generate_state(1)[0]) for row in rows]
    return [torch.Generator().manual_seed(state) for state in states]


def keep_top_k(logits_BxV: Tensor, k: int) -> Tensor:
    """Set all but each row's `k` highest logits to -inf; 0 keeps all (Fan et al. 2018, arXiv 1805.04833).

    Of equal logits at the edge the lower ids stay.
    """
    if k <= 0 or k >= logits_BxV.shape[-1]:
        return logits_BxV
    order_BxV = logits_BxV.argsort(dim=-1, descending=True, stable=True)
    return logits_BxV.scatter(-1, order_BxV[:, k:], -torch.inf)


def keep_top_p(logits_BxV: Tensor, p: float) -> Tensor:
    """Set all logits outside the nucleus to -inf; 1 keeps all (Holtzman et al. 2020, arXiv 1904.09751).

    The nucleus is the smallest set of likeliest tokens whose probabilities add up to `p` or more,
    so it always holds the likeliest.
    """
    if p >= 1:
        return logits_BxV
    sorted_BxV, order_BxV = logits_BxV.sort(dim=-1, descending=True, stable=True)
    probs_BxV = sorted_BxV.double().softmax(dim=-1)
    before_BxV = probs_BxV.cumsum(dim=-1) - probs_BxV  # what the likelier tokens add up to
    outside_BxV = before_BxV >= p
    outside_BxV[:, 0] = False
    outside_BxV = torch.zeros_like(outside_BxV).scatter(-1, order_BxV, outside_BxV)
    return logits_BxV.masked_fill(outside_BxV, -torch.inf)


def keep_min_p(logits_BxV: Tensor, p: float) -> Tensor:
    """Set the logits of tokens less than `p` times as likely as the likeliest to -inf; 0 keeps all.

    Nguyen et al. 2024, arXiv 2407.01082: many tokens stay where the model is unsure, few where it is sure.
    """
    if p <= 0:
        return logits_BxV
    floor_Bx1 = logits_BxV.amax(dim=-1, keepdim=True) + math.log(p)
    return logits_BxV.masked_fill(logits_BxV < floor_Bx1, -torch.inf)


def penalize_seen(logits_BxV: Tensor, seen_ids: Sequence[Collection[int]], penalty: float) -> Tensor:
    """Divide positive logits of each row's `seen_ids` by `penalty`, multiply negative ones; 1 changes none.

    Keskar et al. 2019, arXiv 1909.05858, section 4.1.
    """
    if penalty == 1:
        return logits_BxV
    logits_BxV = logits_BxV.clone()
    for scores_V, ids in zip(logits_BxV, seen_ids, strict=True):
        indices = torch.tensor(sorted(ids))
        scores = scores_V[indices]
        scores_V[indices] = torch.where(scores > 0, scores / penalty, scores * penalty)
    return logits_BxV


def sample_tokens(
    logits_BxV: Tensor,
    generators: Sequence[torch.Generator],
    sampling: Sampling = GREEDY,
    seen_ids: Sequence[Collection[int]] = (),
) -> list[int]:
    """Return the next token of every row.

    First the repetition penalty lowers the logits of each row's `seen_ids` (one collection a row; needed
    only with a penalty). `temperature` 0 then takes the highest logit. Otherwise logits are cut to the
    `top_k` highest, divided by the temperature, and cut to the nucleus `top_p` and by `min_p`. Each row
    draws with its own generator, on the CPU, so that every device draws alike.
    """
    logits_BxV = penalize_seen(logits_BxV.float().cpu(), seen_ids, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return logits_BxV.argmax(dim=-1).tolist()
    # Before dividing, which may round different logits to the same value.
    logits_BxV = keep_top_k(logits_BxV, sampling.top_k)
    # The highest is subtracted first, as a tiny temperature must not make it infinite.
    logits_BxV = (logits_BxV - logits_BxV.amax(dim=-1, keepdim=True)).double() / sampling.temperature
    logits_BxV = keep_min_p(keep_top_p(logits_BxV, sampling.top_p), sampling.min_p)
    probs_BxV = logits_BxV.softmax(dim=-1)
    return [
        int(torch.multinomial(probs_V, 1, generator=generator))
        for probs_V, generator in zip(probs_BxV, generators, strict=True)
    ]
