"""Rotary position embedding: queries and keys are rotated by their position, so that scores see distances.

H heads    T time    K head width
"""

import math

import torch
from torch import Tensor

from pipeline.model.config import RopeScaling


def rotary_tables(
    context: int, head_dim: int, theta: float, scaling: RopeScaling | None = None
) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [context, head_dim] of the rotary angles (Su et al. 2021, arXiv 2104.09864).

    Pair j of a head is rotated by position x theta^(-2j / head_dim). The two halves of the head width
    hold the two coordinates of each pair, as the stock implementations have it.
    """
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    if scaling is not None:
        frequencies = scale_frequencies(frequencies, scaling)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), frequencies)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def scale_frequencies(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Divide the angles of a position by `factor`: all of them, or by `llama3` the slow ones alone.

    There an angle that makes more than `high_turns` turns over the first training's context stays as it is,
    one of less than `low_turns` is divided, and between them it is a mean of both (Llama Team 2024,
    arXiv 2407.21783; the formula is that of transformers).
    """
    slow = frequencies / scaling.factor
    if scaling.kind == "linear":
        return slow
    turns = scaling.original_context * frequencies / (2 * math.pi)
    kept_share = (turns - scaling.low_turns) / (scaling.high_turns - scaling.low_turns)
    return torch.lerp(slow, frequencies, kept_share.clamp(0, 1))


def rotate(x_BxHxTxK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate every pair of coordinates by its angle."""
    first, second = x_BxHxTxK.chunk(2, dim=-1)
    return x_BxHxTxK * cos + torch.cat([-second, first], dim=-1) * sin
