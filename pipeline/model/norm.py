"""Root mean square normalization, with a forward and backward of its own for training on a CPU.

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
        """Normalize the last axis."""
        if x.is_cpu and torch.is_grad_enabled():
            normalized: Tensor = RMSNormFunction.apply(x, self.weight, self.eps)
            return normalized
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class RMSNormFunction(torch.autograd.Function):
    """RMSNorm for training on a CPU, in half the operations and half the time (EXPERIMENTS.md).

    There torch has no fused kernel: it runs some twenty operations for the norm and its gradient. Under
    autocast the output has the precision of the matrix products that read it, so that it is cast once and
    not for each of them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_D: Tensor, eps: float) -> Tensor:
        """Return x / sqrt(mean(x^2) + eps) * weight, computed in fp32 or more."""
        compute_dtype = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=compute_dtype)
        inverse_rms = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, inverse_rms, weight_D)
        output_dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        return (x * inverse_rms).mul_(weight_D).to(output_dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients by x and weight of y = weight * n, where n = x * inverse_rms.

        The length of n is fixed, so what the gradient has along n is taken off.
        """
        x, inverse_rms, weight_D = ctx.saved_tensors
        n = x * inverse_rms
        grad_output = grad_output.to(n.dtype)
        grad_weight = grad_output * n
        along_n = (grad_weight @ weight_D.to(n.dtype))[..., None].div_(-x.shape[-1])
        grad_x = (grad_output * weight_D).addcmul_(n, along_n).mul_(inverse_rms)
        return grad_x.to(x.dtype), grad_weight.flatten(0, -2).sum(dim=0).to(weight_D.dtype), None
