"""Root mean square normalisation, and how it is computed where a processor trains.

D width of the last axis    ... all axes before it
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale (Zhang & Sennrich 2019, arXiv 1910.07467)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        if x.is_cpu and torch.is_grad_enabled():
            found: Tensor = Normalised.apply(x, self.weight, self.eps)
            return found
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class Normalised(torch.autograd.Function):
    """The same for training on a processor, where torch has no kernel for it and takes it and its gradient
    apart into some twenty operations; here they are half as many and take half the time (EXPERIMENTS.md).

    Under autocast it answers in the precision of the products that read it, so that it is cast once and not
    for each of them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_D: Tensor, eps: float) -> Tensor:
        """x / root(mean of squares + eps) x weight, computed in fp32 or more."""
        exact = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=exact)
        inverse = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, inverse, weight_D)
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        return (x * inverse).mul_(weight_D).to(precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Of y = weight x n, where n = x x inverse: what changes the size of n changes nothing."""
        x, inverse, weight_D = ctx.saved_tensors
        n = x * inverse
        gradient = gradient.to(n.dtype)
        by_weight = gradient * n
        along_n = (by_weight @ weight_D.to(n.dtype))[..., None].div_(-x.shape[-1])
        by_x = (gradient * weight_D).addcmul_(n, along_n).mul_(inverse)
        return by_x.to(x.dtype), by_weight.flatten(0, -2).sum(dim=0).to(weight_D.dtype), None
