"""The loss of next-token prediction."""

import torch.nn.functional as F
from torch import Tensor

from pipeline.model.decoder import Decoder

IGNORED = -100  # a target that is not learned


def token_losses(model: Decoder, ids_BxT: Tensor, targets_BxT: Tensor, document_BxT: Tensor | None) -> Tensor:
    """What `summed_loss` sums: the cross-entropy (nats) of each target, [B, T], 0 where it is IGNORED."""
    logits_BxTxV = model(ids_BxT, document_BxT=document_BxT)
    losses_N = F.cross_entropy(
        logits_BxTxV.flatten(0, 1), targets_BxT.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses_N.view(targets_BxT.shape).float()


def summed_loss(
    model: Decoder, ids_BxT: Tensor, targets_BxT: Tensor, document_BxT: Tensor | None = None
) -> Tensor:
    """Summed cross-entropy (nats) of `targets_BxT` given `ids_BxT`; IGNORED targets count nothing.

    `document_BxT` numbers the documents of each row that must not see one another; None: all see all.
    """
    logits_BxTxV = model(ids_BxT, document_BxT=document_BxT)
    return F.cross_entropy(
        logits_BxTxV.flatten(0, 1), targets_BxT.flatten(), ignore_index=IGNORED, reduction="sum"
    )
