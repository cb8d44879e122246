"""From texts to vectors: the encoder's input, padding, and batches of similar length.

N texts    B batch    T time (tokens)    D width of a vector
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pipeline.encoder.hf_io import BOS, PAD
from pipeline.encoder.model import Encoder


class TextEncoder(Protocol):
    """What is needed of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, none added."""
        ...


def input_ids(tokenizer: TextEncoder, text: str, context: int) -> list[int]:
    """What the encoder reads for a text: the start token and the text's, cut to `context`."""
    return [BOS, *tokenizer.encode(text)][:context]


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids [B, T] filled up on the right to the longest row, and which of them are real."""
    longest = max(map(len, rows))
    ids_BxT = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])
    real_BxT = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    return ids_BxT, real_BxT


def embed(
    vectors: Callable[[Tensor, Tensor], Tensor],
    rows: Sequence[Sequence[int]],
    device: torch.device | str = "cpu",
    batch_size: int = 64,
) -> np.ndarray:
    """`vectors(ids_BxT, real_BxT)` of every row of ids: [N, D], in the rows' order.

    Rows of similar length go together, so that little is computed on padding.
    """
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    parts = []
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            ids_BxT, real_BxT = pad([rows[i] for i in order[start : start + batch_size]])
            parts.append(vectors(ids_BxT.to(device), real_BxT.to(device)).float().cpu())
    result_NxD = np.empty((len(rows), parts[0].shape[1]), np.float32)
    result_NxD[order] = torch.cat(parts).numpy()
    return result_NxD


def embed_texts(encoder: Encoder, tokenizer: TextEncoder, texts: Sequence[str]) -> np.ndarray:
    """Sentence vectors [N, D] of length 1 (at least one text)."""
    rows = [input_ids(tokenizer, text, encoder.config.context) for text in texts]
    return embed(encoder, rows, encoder.cos.device)
