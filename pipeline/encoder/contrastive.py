"""The contrastive loss: classify which passage of the batch belongs to a query.

B pairs in the batch    R pairs of this process    D width of a vector
"""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from pipeline.training import distributed


def info_nce(queries_BxD: Tensor, passages_BxD: Tensor, temperature: float, ignored_BxB: Tensor) -> Tensor:
    """Symmetric InfoNCE with in-batch negatives, a scalar in nats.

    Cosines divided by the temperature are the logits of two classifications, averaged: which passage is this
    query's, and which query is this passage's (van den Oord et al. 2018, arXiv 1807.03748; in both
    directions: Radford et al. 2021, arXiv 2103.00020). The vectors have length 1. Pairs where `ignored_BxB`
    is True (never on the diagonal) are not used as negatives.
    """
    with torch.autocast(queries_BxD.device.type, enabled=False):  # a bf16 cosine is coarse once divided
        logits_BxB = queries_BxD @ passages_BxD.T / temperature
        logits_BxB = logits_BxB.masked_fill(ignored_BxB, float("-inf"))
        labels_B = torch.arange(len(logits_BxB), device=logits_BxB.device)
        return (F.cross_entropy(logits_BxB, labels_B) + F.cross_entropy(logits_BxB.T, labels_B)) / 2


def nested_info_nce(
    queries_BxD: Tensor,
    passages_BxD: Tensor,
    temperature: float,
    ignored_BxB: Tensor,
    widths: Sequence[int],
) -> Tensor:
    """Return the mean of the loss over the whole vectors and over their first `widths` numbers.

    So a vector may be cut to any of these widths (Kusupati et al. 2022, arXiv 2205.13147).
    """
    losses = [info_nce(queries_BxD, passages_BxD, temperature, ignored_BxB)]
    for width in widths:
        cut = [F.normalize(side_BxD[:, :width], dim=-1) for side_BxD in (queries_BxD, passages_BxD)]
        losses.append(info_nce(cut[0], cut[1], temperature, ignored_BxB))
    return torch.stack(losses).mean()


def false_negatives(ranges_Bx2: np.ndarray, keys: Sequence[Sequence[Hashable]]) -> Tensor:
    """Return a mask [B, B], True where two different pairs share text.

    `ranges_Bx2` are the sentences of each pair, first and end: they overlap where pairs share one. `keys` are
    lists of B things that must not be equal, as the queries.
    """
    first_B, end_B = torch.from_numpy(ranges_Bx2).T
    shared_BxB = (first_B[:, None] < end_B) & (first_B < end_B[:, None])
    for values in keys:
        numbers = {value: i for i, value in enumerate(values)}
        ids_B = torch.tensor([numbers[value] for value in values])
        shared_BxB |= ids_B[:, None] == ids_B
    return shared_BxB.fill_diagonal_(False)


def gather_rows(vectors_RxD: Tensor) -> Tensor:
    """Return the vectors [B, D] of all processes, in the order of their ranks.

    Gradients reach this process's own vectors alone. As every process computes the loss of the whole batch,
    the sum of their gradients is that of the loss.
    """
    count = distributed.world_size()
    if count == 1:
        return vectors_RxD
    gathered = [torch.empty_like(vectors_RxD) for _ in range(count)]
    dist.all_gather(gathered, vectors_RxD.detach())
    gathered[distributed.rank()] = vectors_RxD
    return torch.cat(gathered)
