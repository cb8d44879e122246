"""The cross-entropy loss of next-token prediction.

B batch    T time    N tokens    K targets of a token    D model width    V vocabulary
"""

from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pipeline.model import cpu_kernels
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.special import IGNORE_INDEX


def cross_entropy(
    hidden_NxD: Tensor,
    targets: Tensor,
    weight_VxD: Tensor,
    dtype: torch.dtype,
    reduction: str,
    share: float = 1.0,
) -> Tensor:
    """Return -log softmax(hidden @ weight.T)[target] of N tokens (nats), 0 where the target is IGNORE_INDEX.

    `dtype` is the precision of the product. The matrix is cast here, not once for all chunks, so that its
    gradients are summed in its own precision. `targets` are [N], or several a token, [N, K]: then the first
    counts `share` and the others the rest.
    """
    logits_NxV = F.linear(hidden_NxD, weight_VxD.to(dtype))
    if targets.ndim == 1:
        return F.cross_entropy(logits_NxV, targets, ignore_index=IGNORE_INDEX, reduction=reduction)
    targets = targets.masked_fill(targets[:, :1] == IGNORE_INDEX, IGNORE_INDEX)
    dtype = torch.promote_types(logits_NxV.dtype, torch.float32)
    logs_NxV = logits_NxV.log_softmax(dim=1, dtype=dtype)
    shares = cpu_kernels.target_shares(targets.shape[1], share)
    losses = [
        part * F.nll_loss(logs_NxV, targets_N, ignore_index=IGNORE_INDEX, reduction=reduction)
        for part, targets_N in zip(shares, targets.unbind(dim=1), strict=True)
    ]
    return torch.stack(losses).sum(dim=0)


def token_losses(model: Decoder, hidden_BxTxD: Tensor, targets_BxT: Tensor, chunks: int = 1) -> Tensor:
    """Return the cross-entropy (nats) of each target, fp32 [B, T], 0 where it is IGNORE_INDEX."""
    losses = chunk_losses(model, hidden_BxTxD, targets_BxT, chunks, "none")
    return torch.cat(losses).view(targets_BxT.shape).float()


def summed_loss(
    model: Decoder, hidden_BxTxD: Tensor, targets: Tensor, chunks: int = 1, share: float = 1.0
) -> Tensor:
    """Return the summed cross-entropy (nats) of `targets`, given the model's last hidden states.

    `targets` are [B, T], or several a token, [B, T, K]: then the first counts `share`, and the others the
    rest. Tokens whose first target is IGNORE_INDEX add nothing. For bf16 and fp16 call it under autocast,
    which sums losses in fp32.
    """
    first, *others = chunk_losses(model, hidden_BxTxD, targets, chunks, "sum", share)
    return sum(others, start=first)


def chunk_losses(
    model: Decoder,
    hidden_BxTxD: Tensor,
    targets: Tensor,
    chunks: int,
    reduction: Literal["sum", "none"],
    share: float = 1.0,
) -> list[Tensor]:
    """Return the loss of each of `chunks` equal chunks of the tokens.

    With several, logits are recomputed in the backward pass, so that only one chunk's are in memory. With 1,
    all logits are computed at once and kept.
    """
    hidden_NxD, targets = hidden_BxTxD.flatten(0, 1), targets.flatten(0, 1)
    head_args = model.lm_head.weight, model.dtype, reduction, share
    loss: Callable[..., Tensor] = cross_entropy
    if model.compile_backend is not None:
        loss = compile_cross_entropy(model.compile_backend)
    elif reduction == "sum" and cpu_kernels.is_used_for(hidden_NxD):
        loss = cpu_kernels.InPlaceCrossEntropy.apply
    if chunks == 1:
        return [loss(hidden_NxD, targets, *head_args)]
    pairs = zip(hidden_NxD.chunk(chunks), targets.chunk(chunks), strict=True)
    return [
        checkpoint(loss, *pair, *head_args, use_reentrant=False, preserve_rng_state=False) for pair in pairs
    ]


@cache
def compile_cross_entropy(backend: str) -> Callable[..., Tensor]:
    """Compile `cross_entropy`, which then casts, exponentiates and sums without fp32 logits in between."""
    return torch.compile(cross_entropy, backend=backend, dynamic=False)
