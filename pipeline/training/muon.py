"""Muon: momentum whose update of a matrix is orthogonalised, so that all its directions learn at one speed.

N matrices, or pieces of them, of one shape    R rows    C columns
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.device.select import precision_of
from pipeline.training.parallel import cut_as, whole

# A polynomial a x + b x³ + c x⁵ that brings every singular value in (0, 1] near 1 in five rounds (Jordan et
# al. 2024, https://kellerjordan.github.io/posts/muon/).
A, B, C = 3.4445, -4.7750, 2.0315
ROUNDS = 5
EVENED_OVER = 0.95  # how slowly the mean of a row's squares follows
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


def cut(matrices_NxRxC: Tensor, rows: int, columns: int) -> Tensor:
    """All pieces [pieces, rows, columns] of matrices, one matrix after another."""
    N, R, C = matrices_NxRxC.shape
    pieces = matrices_NxRxC.view(N, R // rows, rows, C // columns, columns)
    return pieces.transpose(2, 3).reshape(-1, rows, columns)


def joined(pieces_NxRxC: Tensor, rows: int, columns: int) -> Tensor:
    """The matrices [matrices, rows, columns] that `cut` has made the pieces of."""
    _, R, C = pieces_NxRxC.shape
    pieces = pieces_NxRxC.view(-1, rows // R, columns // C, R, C)
    return pieces.transpose(2, 3).reshape(-1, rows, columns)


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay (Liu et al. 2025, arXiv 2502.16982).

    Of matrices in shards (FSDP), the momentum stays in shards and every process turns the whole update.

    As torch.optim.Muon with adjust_lr_fn="original", but for some things that have brought a better model in
    less time (EXPERIMENTS.md):

    - Matrices of one shape are orthogonalised together.
    - Those of a group with `rows` or `columns` in pieces of so many: attention has its heads side by side in
      one matrix, and each learns by itself.
    - All rows of a matrix, which are its neurons, move equally far in the mean of recent steps, and the
      matrix as far as before (NorMuon; Li et al. 2025, arXiv 2510.05491).
    - In bf16 only where the hardware has it; torch's always is, which on a processor without it makes a step
      ten times as long (benchmarks/train_step.py).
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        """`matrices`: or groups of them, in which `rows` and `columns` tell how many a piece has; 0: all."""
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "rows": 0, "columns": 0}
        super().__init__(matrices, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for matrices in by_shape.values():
                self._update(matrices, group)

    def _update(self, matrices: list[nn.Parameter], group: dict[str, Any]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        R, C = matrices[0].shape
        rows, columns = group["rows"] or R, group["columns"] or C
        fast = precision_of("auto", matrices[0].device) == "bf16" and matrices[0].dtype == torch.float32
        dtype = torch.bfloat16 if fast else matrices[0].dtype
        updates_NxRxC = torch.empty(len(matrices), R, C, dtype=dtype, device=matrices[0].device)
        for matrix, update in zip(matrices, updates_NxRxC, strict=True):
            assert matrix.grad is not None
            state = self.state[matrix]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(matrix.grad)
            average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
            update.copy_(whole(matrix.grad.lerp(average, momentum)))
        turned = joined(orthogonalised(cut(updates_NxRxC, rows, columns)), R, C)
        # Whatever the pieces, a matrix moves as far as if it were one: its norm is then the root of R.
        pieces = R // rows * (C // columns)
        scale = math.sqrt(R / (pieces * min(rows, columns)))
        evened_NxRxC = turned * self._evening(matrices, turned)
        for matrix, update in zip(matrices, evened_NxRxC, strict=True):
            if group["weight_decay"]:
                matrix.mul_(1 - lr * group["weight_decay"])
            matrix.add_(cut_as(matrix, update), alpha=-lr * scale)

    def _evening(self, matrices: list[nn.Parameter], turned_NxRxC: Tensor) -> Tensor:
        """Factors [N, R, 1] of the rows by which none moves farther than others, nor a matrix than before."""
        norms_NxRx1 = torch.linalg.vector_norm(turned_NxRxC, dim=2, keepdim=True)
        squares_NxRx1 = norms_NxRx1.to(matrices[0].dtype).square()
        for matrix, squares in zip(matrices, squares_NxRx1, strict=True):
            state = self.state[matrix]
            if "row_squares" not in state:
                state["row_squares"] = torch.zeros_like(squares)
            state["row_squares"].lerp_(squares, 1 - EVENED_OVER)
        means_NxRx1 = torch.stack([self.state[matrix]["row_squares"] for matrix in matrices]).clamp(min=TINY)
        whole_Nx1x1 = squares_NxRx1.sum(dim=1, keepdim=True)
        evened_Nx1x1 = (squares_NxRx1 / means_NxRx1).sum(dim=1, keepdim=True).clamp(min=TINY)
        return (whole_Nx1x1 / evened_Nx1x1 / means_NxRx1).sqrt().to(turned_NxRxC.dtype)
