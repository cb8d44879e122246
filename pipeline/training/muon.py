"""Muon: momentum with orthogonalized updates, so that all singular directions get the same step size.

N matrices, or blocks of them, of one shape    R rows    C columns
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.device.device import pick_precision
from pipeline.training.parallel import full_tensor, shard_like

# Newton–Schulz: the polynomial a x + b x³ + c x⁵ brings every singular value in (0, 1] near 1 in five
# iterations (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/).
A, B, C = 3.4445, -4.7750, 2.0315
ITERATIONS = 5
ROW_BETA2 = 0.95  # decay of the running mean of a row's squares
EPSILON = 1e-7


def orthogonalize(update_NxRxC: Tensor) -> Tensor:
    """Bring the singular values of every matrix near 1 (0.7 to 1.2), by Newton–Schulz iteration.

    Computed in the precision of the argument. bf16 is enough where the hardware multiplies it fast.
    """
    x = update_NxRxC
    is_tall = x.shape[1] > x.shape[2]
    if is_tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if is_tall else x


def split_blocks(matrices_NxRxC: Tensor, rows: int, columns: int) -> Tensor:
    """Split matrices into blocks [blocks, rows, columns], one matrix after another."""
    N, R, C = matrices_NxRxC.shape
    blocks = matrices_NxRxC.view(N, R // rows, rows, C // columns, columns)
    return blocks.transpose(2, 3).reshape(-1, rows, columns)


def merge_blocks(blocks_NxRxC: Tensor, rows: int, columns: int) -> Tensor:
    """Merge blocks into matrices [matrices, rows, columns]: the inverse of `split_blocks`."""
    _, R, C = blocks_NxRxC.shape
    blocks = blocks_NxRxC.view(-1, rows // R, columns // C, R, C)
    return blocks.transpose(2, 3).reshape(-1, rows, columns)


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay (Liu et al. 2025, arXiv 2502.16982).

    With FSDP the momentum stays in shards, and every process orthogonalizes the full update.

    As torch.optim.Muon with adjust_lr_fn="original", with these changes, which gave a better model in less
    time (experiments/recipe-on-real-text.md):

    - Matrices of one shape are orthogonalized together.
    - Matrices of a group with `block_rows` or `block_columns` are orthogonalized in blocks of that size:
      attention has its heads side by side in one matrix.
    - All rows of a matrix, its neurons, move equally far in the mean of recent steps. The norm of the whole
      update stays (NorMuon; Li et al. 2025, arXiv 2510.05491).
    - bf16 is used where the hardware has it, whatever `precision` says. torch always uses it, which on a CPU
      without it makes a step ten times as long (benchmarks/train_step.py).
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        """`matrices` may be groups of them, with `block_rows` and `block_columns`; 0 means all."""
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        defaults |= {"block_rows": 0, "block_columns": 0}
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
        rows, columns = group["block_rows"] or R, group["block_columns"] or C
        use_bf16 = pick_precision("auto", matrices[0].device) == "bf16" and matrices[0].dtype == torch.float32
        dtype = torch.bfloat16 if use_bf16 else matrices[0].dtype
        updates_NxRxC = torch.empty(len(matrices), R, C, dtype=dtype, device=matrices[0].device)
        for matrix, update in zip(matrices, updates_NxRxC, strict=True):
            assert matrix.grad is not None
            state = self.state[matrix]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(matrix.grad)
            average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
            update.copy_(full_tensor(matrix.grad.lerp(average, momentum)))
        blocks_NxRxC = orthogonalize(split_blocks(updates_NxRxC, rows, columns))
        orthogonalized_NxRxC = merge_blocks(blocks_NxRxC, R, C)
        # However it is split, a matrix moves as far as if it were one block: the norm is then the root of R.
        block_count = R // rows * (C // columns)
        scale = math.sqrt(R / (block_count * min(rows, columns)))
        normalized_NxRxC = orthogonalized_NxRxC * self._compute_row_scales(matrices, orthogonalized_NxRxC)
        for matrix, update in zip(matrices, normalized_NxRxC, strict=True):
            if group["weight_decay"]:
                matrix.mul_(1 - lr * group["weight_decay"])
            matrix.add_(shard_like(matrix, update), alpha=-lr * scale)

    def _compute_row_scales(self, matrices: list[nn.Parameter], orthogonalized_NxRxC: Tensor) -> Tensor:
        """Return factors [N, R, 1] that make all rows move equally far and keep the norm of each matrix."""
        norms_NxRx1 = torch.linalg.vector_norm(orthogonalized_NxRxC, dim=2, keepdim=True)
        squares_NxRx1 = norms_NxRx1.to(matrices[0].dtype).square()
        for matrix, squares in zip(matrices, squares_NxRx1, strict=True):
            state = self.state[matrix]
            if "row_squares" not in state:
                state["row_squares"] = torch.zeros_like(squares)
            state["row_squares"].lerp_(squares, 1 - ROW_BETA2)
        means_NxRx1 = torch.stack([self.state[matrix]["row_squares"] for matrix in matrices]).clamp(
            min=EPSILON
        )
        total_Nx1x1 = squares_NxRx1.sum(dim=1, keepdim=True)
        scaled_Nx1x1 = (squares_NxRx1 / means_NxRx1).sum(dim=1, keepdim=True).clamp(min=EPSILON)
        return (total_Nx1x1 / scaled_Nx1x1 / means_NxRx1).sqrt().to(orthogonalized_NxRxC.dtype)
