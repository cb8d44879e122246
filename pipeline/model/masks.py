"""Masks of attention: which keys a query may read, True where it may.

B batch    T time    H heads    K head width    N tokens of all rows
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask


class PackedRows(NamedTuple):
    """Rows of different lengths, one after another without padding: each token reads its own row alone.

    Only attention needs them apart, [B, T] with padding on the right. All else computes N tokens.
    """

    index_N: Tensor  # of each token in [B x T]
    B: int
    T: int  # of the longest row

    def pad(self, x_1xHxNxK: Tensor) -> Tensor:
        """Return the rows one below another [B, H, T, K], with zeros as padding."""
        H, K = x_1xHxNxK.shape[1], x_1xHxNxK.shape[3]
        padded = x_1xHxNxK.new_zeros(self.B * self.T, H, K)
        padded = padded.index_copy(0, self.index_N, x_1xHxNxK[0].transpose(0, 1))
        return padded.view(self.B, self.T, H, K).transpose(1, 2)

    def pack(self, x_BxHxTxK: Tensor) -> Tensor:
        """Return the tokens of all rows without padding, [1, H, N, K]."""
        return x_BxHxTxK.transpose(1, 2).flatten(0, 1)[self.index_N].transpose(0, 1)[None]


# None: every token reads itself and all before it
Mask = Tensor | BlockMask | PackedRows | None


def document_mask(document_BxT: Tensor, as_blocks: bool) -> Tensor | BlockMask:
    """Return a mask by which each token attends to its own document, up to itself.

    A boolean for every pair [B, 1, T, T]. With `as_blocks`, for compiled layers, blocks of 128 x 128: those
    with no pair to attend to are never computed (Dong et al. 2024, arXiv 2412.05496).
    """
    B, T = document_BxT.shape
    if as_blocks:

        def mask_mod(b: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return (document_BxT[b, query] == document_BxT[b, key]) & (key <= query)

        return create_block_mask(mask_mod, B, None, T, T, device=document_BxT.device)
    causal_TxT = torch.ones(T, T, dtype=torch.bool, device=document_BxT.device).tril()
    return ((document_BxT[:, :, None] == document_BxT[:, None, :]) & causal_TxT)[:, None]
