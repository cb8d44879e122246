"""The cross-entropy loss of next-token prediction.

B batch    T time    N tokens    D model width    V vocabulary
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from pipeline.model.decoder import Decoder

IGNORE_INDEX = -100  # of a target that is not learned
CACHE_BYTES = 1 << 20  # of logits that each CPU core works on at a time


def token_losses(
    model: Decoder, ids_BxT: Tensor, targets_BxT: Tensor, document_BxT: Tensor | None, chunks: int = 1
) -> Tensor:
    """Return the cross-entropy (nats) of each target, fp32 [B, T], 0 where it is IGNORE_INDEX."""
    losses = cross_entropies(model, ids_BxT, targets_BxT, document_BxT, chunks, "none")
    return torch.cat(losses).view(targets_BxT.shape).float()


def summed_loss(
    model: Decoder,
    ids_BxT: Tensor,
    targets_BxT: Tensor,
    document_BxT: Tensor | None = None,
    chunks: int = 1,
) -> Tensor:
    """Return the summed cross-entropy (nats) of `targets_BxT` given `ids_BxT`.

    Targets of IGNORE_INDEX add nothing. `document_BxT` numbers the documents of each row, which do not attend
    to one another; None: no such mask. For bf16 and fp16 call it under autocast, which sums losses in fp32.
    """
    first, *others = cross_entropies(model, ids_BxT, targets_BxT, document_BxT, chunks, "sum")
    return sum(others, start=first)


def cross_entropies(
    model: Decoder,
    ids_BxT: Tensor,
    targets_BxT: Tensor,
    document_BxT: Tensor | None,
    chunks: int,
    reduction: Literal["sum", "none"],
) -> list[Tensor]:
    """Return the loss of each of `chunks` equal chunks of the tokens.

    With several, logits are recomputed in the backward pass, so that only one chunk's are in memory. With 1,
    all logits are computed at once and kept.
    """
    hidden_NxD = model.hidden_states(ids_BxT, document_BxT=document_BxT).flatten(0, 1)
    targets_N = targets_BxT.flatten()
    head_args = model.lm_head.weight, model.dtype, reduction
    loss: Callable[..., Tensor] = cross_entropy
    if model.loss_backend is not None:
        loss = compile_cross_entropy(model.loss_backend)
    elif hidden_NxD.is_cpu and torch.is_grad_enabled() and reduction == "sum":
        loss = InPlaceCrossEntropy.apply
    if chunks == 1:
        return [loss(hidden_NxD, targets_N, *head_args)]
    pairs = zip(hidden_NxD.chunk(chunks), targets_N.chunk(chunks), strict=True)
    return [
        checkpoint(loss, *pair, *head_args, use_reentrant=False, preserve_rng_state=False) for pair in pairs
    ]


def cross_entropy(
    hidden_NxD: Tensor, targets_N: Tensor, weight_VxD: Tensor, dtype: torch.dtype, reduction: str
) -> Tensor:
    """Return the loss of N tokens by an output matrix, with products in precision `dtype`.

    The matrix is cast here, not once for all chunks, so that its gradients are summed in its own precision.
    """
    logits_NxV = F.linear(hidden_NxD, weight_VxD.to(dtype))
    return F.cross_entropy(logits_NxV, targets_N, ignore_index=IGNORE_INDEX, reduction=reduction)


class InPlaceCrossEntropy(torch.autograd.Function):
    """`cross_entropy`, summed, for CPUs: its gradient overwrites the logits.

    F.cross_entropy passes over all logits, 25 MB in the default model, several times, and holds four tensors
    of that size: logits, their log softmax, zeros for their gradient, and the gradient. This computes as many
    rows at a time as fit the caches, in two thirds of the time (EXPERIMENTS.md).
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NxD: Tensor,
        targets_N: Tensor,
        weight_VxD: Tensor,
        dtype: torch.dtype,
        reduction: Literal["sum"],
    ) -> Tensor:
        """Return the loss. The logits become their gradient: their softmax, minus 1 at the target."""
        ctx.weight_dtype = weight_dtype = weight_VxD.dtype  # in which losses are summed
        ctx.hidden_dtype = hidden_NxD.dtype
        hidden_NxD, weight_VxD = hidden_NxD.to(dtype), weight_VxD.to(dtype)
        logits_NxV = hidden_NxD @ weight_VxD.T
        ignored_Nx1 = (targets_N == IGNORE_INDEX)[:, None]
        targets_Nx1 = targets_N[:, None].masked_fill(ignored_Nx1, 0)
        losses = []
        rows = max(
            1, CACHE_BYTES * torch.get_num_threads() // (logits_NxV.shape[1] * logits_NxV.element_size())
        )
        for logits, targets in zip(logits_NxV.split(rows), targets_Nx1.split(rows), strict=True):
            target_logits, highest = (
                logits.gather(1, targets),
                logits.amax(dim=1, keepdim=True).to(weight_dtype),
            )
            # In place: torch's kernel has read a row, which is contiguous, when it writes it.
            torch.softmax(logits, dim=1, out=logits)
            # By the likeliest token's probability, as that of the target may underflow to 0.
            losses.append(highest - target_logits - logits.amax(dim=1, keepdim=True).to(weight_dtype).log())
            logits.scatter_add_(1, targets, -torch.ones_like(target_logits))
        ctx.save_for_backward(logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1)
        return torch.cat(losses).masked_fill(ignored_Nx1, 0).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        """Return the gradients. Rows whose target is ignored are masked in both products."""
        grad_logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1 = ctx.saved_tensors
        grad_hidden_NxD = (grad_logits_NxV @ weight_VxD * gradient).masked_fill(ignored_Nx1, 0)
        grad_weight_VxD = grad_logits_NxV.T @ (hidden_NxD * gradient).masked_fill(ignored_Nx1, 0)
        return grad_hidden_NxD.to(ctx.hidden_dtype), None, grad_weight_VxD.to(ctx.weight_dtype), None, None


@cache
def compile_cross_entropy(backend: str) -> Callable[..., Tensor]:
    """Compile `cross_entropy`, which then casts, exponentiates and sums without fp32 logits in between."""
    return torch.compile(cross_entropy, backend=backend, dynamic=False)
