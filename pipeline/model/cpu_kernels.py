"""Faster ways to train on a CPU. They compute what the model's formulas say: a reader may skip this file.

The formulas stand in `RMSNorm` (norm.py), `Attention` (decoder.py and encoder/model.py) and `cross_entropy`
(training/loss.py). A GPU has fused kernels for them in torch; a CPU has none, or slow ones. Measured on two
cores with the default model (`python -m benchmarks.train_step`; experiments/training-step.md and
attention-written-out.md):

- `attention`, plain products over short sequences: a tenth off a training step;
- `RMSNormFunction`, whose backward pass is written out: 1.4 to 2 times as fast, 7 % off a step;
- `InPlaceCrossEntropy`, whose gradient overwrites the logits: in two thirds of the time, 6 % off a step and
  0.12 GiB off the process;
- `in_fp32`, for the encoder's attention: half the time of torch's bf16 kernel.

D model width, or width of the last axis    N tokens    V vocabulary    ... all axes before the last
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.tokenizer.special import IGNORE_INDEX

MAX_CONTEXT = 512  # tokens; sequences up to this length are trained with `attention`
CACHE_BYTES = 1 << 20  # of logits that each CPU core works on at a time

_is_enabled = True


def is_used_for(x: Tensor) -> bool:
    """Return true if `x` is on a CPU and its gradient may be asked for."""
    return x.is_cpu and torch.is_grad_enabled() and _is_enabled


@contextmanager
def disabled() -> Iterator[None]:
    """Compute everything inside as on a GPU, to plan the memory of one."""
    global _is_enabled
    _is_enabled, before = False, _is_enabled
    try:
        yield
    finally:
        _is_enabled = before


def attention(q_BxHxTxK: Tensor, k_BxGxTxK: Tensor, v_BxGxTxK: Tensor, mask: Tensor | None) -> Tensor:
    """Return attention as `Attention`'s docstring defines it, line by line. `mask` None: causal.

    All scores of a short sequence fit the processor's cache. There plain matrix products train twice as fast
    as the fused kernel, which recomputes the scores in the backward pass.
    """
    H, T = q_BxHxTxK.shape[1:3]
    k_BxHxTxK = k_BxGxTxK.repeat_interleave(H // k_BxGxTxK.shape[1], dim=1)
    v_BxHxTxK = v_BxGxTxK.repeat_interleave(H // v_BxGxTxK.shape[1], dim=1)
    if mask is None:
        mask = torch.ones(T, T, dtype=torch.bool).tril()
    bias = torch.zeros(mask.shape, dtype=q_BxHxTxK.dtype).masked_fill_(~mask, -torch.inf)
    scores_BxHxTxT = q_BxHxTxK * q_BxHxTxK.shape[-1] ** -0.5 @ k_BxHxTxK.mT + bias
    return F.softmax(scores_BxHxTxT, dim=-1, dtype=q_BxHxTxK.dtype) @ v_BxHxTxK


@contextmanager
def in_fp32(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the tensors in fp32 and turn autocast off, if they are on a CPU under autocast; else as they are.

    There the bf16 kernel of bidirectional attention takes twice the time of the fp32 one, all of it in the
    backward pass.
    """
    if tensors[0].is_cpu and torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            yield tuple(tensor.float() for tensor in tensors)
    else:
        yield tensors


class RMSNormFunction(torch.autograd.Function):
    """RMSNorm in half the operations: torch runs some twenty for the norm and its gradient.

    Under autocast the output has the precision of the matrix products that read it, so that it is cast once
    and not for each of them.
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
        """Return the gradients by x and weight of y = weight * n, where n = x * inverse_rms.

        The length of n is fixed, so what the gradient has along n is taken off.
        """
        x, inverse_rms, weight_D = ctx.saved_tensors
        n = x * inverse_rms
        grad_output = grad_output.to(n.dtype)
        grad_weight = grad_output * n
        along_n = (grad_weight @ weight_D.to(n.dtype))[..., None].div_(-x.shape[-1])
        grad_x = (grad_output * weight_D).addcmul_(n, along_n).mul_(inverse_rms)
        return grad_x.to(x.dtype), grad_weight.flatten(0, -2).sum(dim=0).to(weight_D.dtype), None


class InPlaceCrossEntropy(torch.autograd.Function):
    """Cross-entropy, summed, whose gradient overwrites the logits.

    F.cross_entropy passes over all logits, 25 MB in the default model, several times, and holds four tensors
    of that size: logits, their log softmax, zeros for their gradient, and the gradient. This computes as many
    rows at a time as fit the caches.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NxD: Tensor,
        targets: Tensor,
        weight_VxD: Tensor,
        dtype: torch.dtype,
        reduction: Literal["sum"],
        share: float = 1.0,
    ) -> Tensor:
        """Return the loss. The logits become their gradient: softmax minus the shares of the targets."""
        ctx.weight_dtype = weight_dtype = weight_VxD.dtype  # in which losses are summed
        ctx.hidden_dtype = hidden_NxD.dtype
        hidden_NxD, weight_VxD = hidden_NxD.to(dtype), weight_VxD.to(dtype)
        logits_NxV = hidden_NxD @ weight_VxD.T
        targets_NxK = targets[:, None] if targets.ndim == 1 else targets
        ignored_Nx1 = targets_NxK[:, :1] == IGNORE_INDEX
        targets_NxK = targets_NxK.masked_fill(ignored_Nx1, 0)
        shares_K = torch.tensor(target_shares(targets_NxK.shape[1], share), dtype=weight_dtype)
        # In the logits' precision all but the first are rounded, and with the first they add up to 1.
        gradients_K = shares_K.to(dtype)
        gradients_K[0] = 1 - gradients_K[1:].double().sum()
        losses = []
        row_bytes = logits_NxV.shape[1] * logits_NxV.element_size()
        rows = max(1, CACHE_BYTES * torch.get_num_threads() // row_bytes)
        for logits, row_targets in zip(logits_NxV.split(rows), targets_NxK.split(rows), strict=True):
            target_logits = (logits.gather(1, row_targets) * shares_K).sum(dim=1, keepdim=True)
            highest = logits.amax(dim=1, keepdim=True).to(weight_dtype)
            # In place: torch's kernel has read a row, which is contiguous, when it writes it.
            torch.softmax(logits, dim=1, out=logits)
            # By the likeliest token's probability, as that of the target may underflow to 0.
            losses.append(highest - target_logits - logits.amax(dim=1, keepdim=True).to(weight_dtype).log())
            logits.scatter_add_(1, row_targets, -gradients_K.expand(row_targets.shape))
        ctx.save_for_backward(logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1)
        return torch.cat(losses).masked_fill(ignored_Nx1, 0).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients. Rows whose target is ignored are masked in both products."""
        grad_logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1 = ctx.saved_tensors
        grad_hidden_NxD = (grad_logits_NxV @ weight_VxD * gradient).masked_fill(ignored_Nx1, 0)
        grad_weight_VxD = grad_logits_NxV.T @ (hidden_NxD * gradient).masked_fill(ignored_Nx1, 0)
        gradients = grad_hidden_NxD.to(ctx.hidden_dtype), None, grad_weight_VxD.to(ctx.weight_dtype)
        return *gradients, None, None, None


def target_shares(count: int, share: float) -> list[float]:
    """Return what each of `count` targets of a token counts: the first `share`, the others the rest alike."""
    return [share, *[(1 - share) / (count - 1)] * (count - 1)] if count > 1 else [1.0]
