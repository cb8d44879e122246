"""Embedding of texts: the encoder's input ids, padding, and batches of similar length.

N texts    B batch    T time (tokens)    D width of a vector
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pipeline.encoder.model import Encoder
from pipeline.tokenizer.special import BOS, PAD


class TokenizerLike(Protocol):
    """The part of a tokenizer that is needed here."""

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, without special tokens."""
        ...


def make_input_ids(tokenizer: TokenizerLike, text: str, context: int) -> list[int]:
    """Return the encoder's input for a text: the start token and the tokens of its NFC, cut to `context`."""
    return [BOS, *tokenizer.encode(unicodedata.normalize("NFC", text))][:context]


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids [B, T], padded on the right to the longest row, and their mask, False at padding."""
    longest = max(map(len, rows))
    ids_BxT = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])
    mask_BxT = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    return ids_BxT, mask_BxT


def embed(
    embed_batch: Callable[[Tensor, Tensor], Tensor],
    rows: Sequence[Sequence[int]],
    device: torch.device | str = "cpu",
    batch_size: int = 64,
) -> np.ndarray:
    """Return `embed_batch(ids_BxT, mask_BxT)` of all rows of ids: [N, D], in the rows' order.

    Rows of similar length go together, so that little is computed on padding.
    """
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    vectors = []
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            ids_BxT, mask_BxT = pad([rows[i] for i in order[start : start + batch_size]])
            vectors.append(embed_batch(ids_BxT.to(device), mask_BxT.to(device)).float().cpu())
    result_NxD = np.empty((len(rows), vectors[0].shape[1]), np.float32)
    result_NxD[order] = torch.cat(vectors).numpy()
    return result_NxD


def embed_texts(encoder: Encoder, tokenizer: TokenizerLike, texts: Sequence[str]) -> np.ndarray:
    """Return the sentence vectors [N, D], of length 1, of one text or more."""
    rows = [make_input_ids(tokenizer, text, encoder.config.context) for text in texts]
    return embed(encoder, rows, encoder.cos.device)
