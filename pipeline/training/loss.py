"""The loss of next-token prediction.

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

IGNORED = -100  # a target that is not learned
CACHE = 1 << 20  # bytes of logits that each core of a processor works on at a time


def token_losses(
    model: Decoder, ids_BxT: Tensor, targets_BxT: Tensor, document_BxT: Tensor | None, chunks: int = 1
) -> Tensor:
    """What `summed_loss` sums: the cross-entropy (nats) of each target, [B, T], 0 where it is IGNORED."""
    losses = cross_entropies(model, ids_BxT, targets_BxT, document_BxT, chunks, "none")
    return torch.cat(losses).view(targets_BxT.shape).float()


def summed_loss(
    model: Decoder,
    ids_BxT: Tensor,
    targets_BxT: Tensor,
    document_BxT: Tensor | None = None,
    chunks: int = 1,
) -> Tensor:
    """Summed cross-entropy (nats) of `targets_BxT` given `ids_BxT`; IGNORED targets count nothing.

    `document_BxT` numbers the documents of each row that must not see one another; None: all see all.
    In bf16 and fp16 to be called under autocast, where losses are summed in fp32.
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
    """The loss of each of `chunks` equal stretches of the tokens, none of whose logits are kept.

    They are computed anew on the way back, so that those of one stretch alone are there at a time. 1: all
    logits at once, kept.
    """
    hidden_NxD = model.hidden(ids_BxT, document_BxT=document_BxT).flatten(0, 1)
    targets_N = targets_BxT.flatten()
    of_head = model.lm_head.weight, model.dtype, reduction
    entropy: Callable[..., Tensor] = cross_entropy
    if model.loss_backend is not None:
        entropy = compiled(model.loss_backend)
    elif hidden_NxD.is_cpu and torch.is_grad_enabled() and reduction == "sum":
        entropy = OverLogits.apply
    if chunks == 1:
        return [entropy(hidden_NxD, targets_N, *of_head)]
    stretches = zip(hidden_NxD.chunk(chunks), targets_N.chunk(chunks), strict=True)
    return [
        checkpoint(entropy, *stretch, *of_head, use_reentrant=False, preserve_rng_state=False)
        for stretch in stretches
    ]


def cross_entropy(
    hidden_NxD: Tensor, targets_N: Tensor, weight_VxD: Tensor, dtype: torch.dtype, reduction: str
) -> Tensor:
    """The loss of some tokens by an output matrix, products in precision `dtype`.

    The matrix is cast here, and not once for all stretches, so that their gradients are added up in its own
    precision.
    """
    logits_NxV = F.linear(hidden_NxD, weight_VxD.to(dtype))
    return F.cross_entropy(logits_NxV, targets_N, ignore_index=IGNORED, reduction=reduction)


class OverLogits(torch.autograd.Function):
    """`cross_entropy`, summed, on a processor: its gradient is written over the logits.

    F.cross_entropy goes over all logits, 25 MB in the default model, again and again, and holds as much four
    times: scores, their logarithms, zeros for their gradient, and the gradient. Here it is done with as many
    rows at a time as the caches hold, in two thirds of the time (EXPERIMENTS.md).
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
        """The loss; the logits become their softmax, less 1 at the target."""
        ctx.exact = exact = weight_VxD.dtype  # in which losses are summed
        ctx.given = hidden_NxD.dtype
        hidden_NxD, weight_VxD = hidden_NxD.to(dtype), weight_VxD.to(dtype)
        logits_NxV = hidden_NxD @ weight_VxD.T
        ignored_Nx1 = (targets_N == IGNORED)[:, None]
        targets_Nx1 = targets_N[:, None].masked_fill(ignored_Nx1, 0)
        losses = []
        rows = max(1, CACHE * torch.get_num_threads() // (logits_NxV.shape[1] * logits_NxV.element_size()))
        for logits, targets in zip(logits_NxV.split(rows), targets_Nx1.split(rows), strict=True):
            scored, highest = logits.gather(1, targets), logits.amax(dim=1, keepdim=True).to(exact)
            # In place: torch's kernel has read a row, which is contiguous, when it writes it.
            torch.softmax(logits, dim=1, out=logits)
            # By the likeliest token, as the target's own probability may be too small to be told from 0.
            losses.append(highest - scored - logits.amax(dim=1, keepdim=True).to(exact).log())
            logits.scatter_add_(1, targets, -torch.ones_like(scored))
        ctx.save_for_backward(logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1)
        return torch.cat(losses).masked_fill(ignored_Nx1, 0).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        """Rows whose target is not learned are left out of both products."""
        by_logits_NxV, hidden_NxD, weight_VxD, ignored_Nx1 = ctx.saved_tensors
        by_hidden_NxD = (by_logits_NxV @ weight_VxD * gradient).masked_fill(ignored_Nx1, 0)
        by_weight_VxD = by_logits_NxV.T @ (hidden_NxD * gradient).masked_fill(ignored_Nx1, 0)
        return by_hidden_NxD.to(ctx.given), None, by_weight_VxD.to(ctx.exact), None, None


@cache
def compiled(backend: str) -> Callable[..., Tensor]:
    """`cross_entropy` by torch.compile: cast, exponentiated and summed without fp32 logits in between."""
    return torch.compile(cross_entropy, backend=backend, dynamic=False)
