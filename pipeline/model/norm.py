"""Root mean square normalization."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model import cpu_kernels


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale (Zhang & Sennrich 2019, arXiv 1910.07467).

    y = x / sqrt(mean(x^2) + eps) * weight, with the mean over the last axis
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized `x`, of the same shape."""
        if cpu_kernels.is_used_for(x):
            normalized: Tensor = cpu_kernels.RMSNormFunction.apply(x, self.weight, self.eps)
            return normalized
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)
