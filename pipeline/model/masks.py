"""Masks of attention: which keys a query may read, True where it may.

B batch    T time (queries)    S time (keys)
"""

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

Mask = Tensor | BlockMask | None  # None: every token reads itself and all before it


def cached_mask(start: int, T: int, mask_BxS: Tensor | None, device: torch.device) -> Tensor:
    """Return the causal mask [B or 1, 1, T, S] of T tokens after `start` cached ones, S = start + T.

    `mask_BxS` is False at keys that are padding; None: there is none.
    """
    key_positions = torch.arange(start + T, device=device)
    mask = (key_positions[None] <= key_positions[start:, None])[None, None]
    if mask_BxS is None:
        return mask
    # A padded query attends to itself, so that no row of the softmax is empty.
    is_self = key_positions[None] == key_positions[start:, None]
    return (mask & mask_BxS[:, None, None, :]) | is_self


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
