"""The loss of next-token prediction.

B batch    T time    N tokens    D model width    V vocabulary
"""

from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pipeline.model.decoder import Decoder

IGNORED = -100  # a target that is not learned


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
    entropy = cross_entropy if model.loss_backend is None else compiled(model.loss_backend)
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


@cache
def compiled(backend: str) -> Callable[..., Tensor]:
    """`cross_entropy` by torch.compile: cast, exponentiated and summed without fp32 logits in between."""
    return torch.compile(cross_entropy, backend=backend, dynamic=False)
