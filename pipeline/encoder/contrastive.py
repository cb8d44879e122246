"""The contrastive loss: classify which document of the batch belongs to a query.

B pairs in the batch    D width of a vector
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(queries_BxD: Tensor, documents_BxD: Tensor, temperature: float, ignored_BxB: Tensor) -> Tensor:
    """Symmetric InfoNCE with in-batch negatives, a scalar in nats.

    Cosines divided by the temperature are the logits of two classifications, averaged: which
    document is this query's, and which query is this document's (van den Oord et al. 2018, arXiv
    1807.03748; in both directions: Radford et al. 2021, arXiv 2103.00020). The vectors have
    length 1. Pairs where `ignored_BxB` is True (never on the diagonal) are not used as negatives.
    """
    with torch.autocast(queries_BxD.device.type, enabled=False):  # a bf16 cosine is coarse once divided
        logits_BxB = queries_BxD @ documents_BxD.T / temperature
        logits_BxB = logits_BxB.masked_fill(ignored_BxB, float("-inf"))
        labels_B = torch.arange(len(logits_BxB), device=logits_BxB.device)
        return (F.cross_entropy(logits_BxB, labels_B) + F.cross_entropy(logits_BxB.T, labels_B)) / 2


def duplicate_mask(queries: Sequence[str], documents: Sequence[str]) -> Tensor:
    """Return a mask [B, B], True where two different pairs share a text: false negatives."""
    text_ids = {text: i for i, text in enumerate([*queries, *documents])}
    queries_B = torch.tensor([text_ids[text] for text in queries])
    documents_B = torch.tensor([text_ids[text] for text in documents])
    shared_BxB = (
        (queries_B[:, None] == queries_B)
        | (documents_B[:, None] == documents_B)
        | (queries_B[:, None] == documents_B)
    )
    return (shared_BxB | shared_BxB.T) & ~torch.eye(len(queries), dtype=torch.bool)
