"""Muon: momentum whose update of a matrix is orthogonalised, so that all its directions learn at one speed.

N matrices of one shape    R rows    C columns
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipeline.training.device import precision_of
from pipeline.training.parallel import cut_as, whole

# A polynomial a x + b x³ + c x⁵ that brings every singular value in (0, 1] near 1 in five rounds (Jordan et
# al. 2024, https://kellerjordan.github.io/posts/muon/).
A, B, C = 3.4445, -4.7750, 2.0315
ROUNDS = 5
TINY = 1e-7


def orthogonalised(update_NxRxC: Tensor) -> Tensor:
    """Every matrix with its singular values brought near 1 (0.7 to 1.2), by Newton–Schulz iteration.

    In the precision of its argument; bf16 is enough where the hardware multiplies it fast.
    """
    x = update_NxRxC
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=TINY)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay (Liu et al. 2025, arXiv 2502.16982).

    Of matrices in shards (FSDP), the momentum stays in shards and every process turns the whole update.

    As torch.optim.Muon with adjust_lr_fn="original", but for two things: matrices of one shape are
    orthogonalised together, and in bf16 only where the hardware has it. torch's always takes bf16, which on
    a processor without it makes a step ten times as long (benchmarks/train_step.py).
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for matrices in by_shape.values():
                self._update(matrices, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, matrices: list[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        rows, columns = matrices[0].shape
        updates = []
        for matrix in matrices:
            assert matrix.grad is not None
            state = self.state[matrix]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(matrix.grad)
            average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
            updates.append(matrix.grad.lerp(average, momentum))
        fast = precision_of("auto", matrices[0].device) == "bf16" and matrices[0].dtype == torch.float32
        stacked = torch.stack([whole(update) for update in updates])
        turned = orthogonalised(stacked.bfloat16() if fast else stacked)
        for matrix, update in zip(matrices, turned, strict=True):
            matrix.mul_(1 - lr * weight_decay)
            matrix.add_(cut_as(matrix, update), alpha=-lr * math.sqrt(max(1, rows / columns)))
