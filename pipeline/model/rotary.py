"""Rotary position embedding: queries and keys are rotated by their position, so that scores see distances.

H heads    T time    K head width
"""

import torch
from torch import Tensor


def rotary_tables(context: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [context, head_dim] of the rotary angles (Su et al. 2021, arXiv 2104.09864).

    Pair j of a head is rotated by position x theta^(-2j / head_dim). The two halves of the head width
    hold the two coordinates of each pair, as the stock implementations have it.
    """
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), frequencies)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x_BxHxTxK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate every pair of coordinates by its angle."""
    first, second = x_BxHxTxK.chunk(2, dim=-1)
    return x_BxHxTxK * cos + torch.cat([-second, first], dim=-1) * sin
