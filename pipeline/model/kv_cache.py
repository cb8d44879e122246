"""KV cache: the keys and values of tokens already read, so that generation reads each token once.

B rows of a forward pass    G key and value heads    T new tokens    S all tokens so far    K head width
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.model.config import ModelParams

FIRST_CAPACITY = 1024  # tokens; a cache grows from there, as few texts fill a context of 32,768


class KVCache:
    """Room for the keys and values of several texts, each in a slot of its own, of up to `capacity` tokens.

    `place` says which slots the next forward pass reads, and how many tokens each of them has so far. Then
    every layer appends. Where a row has less new tokens than the longest, its padding stands on the right:
    later tokens overwrite it, and none attends to it.
    """

    def __init__(
        self,
        params: ModelParams,
        slots: int,
        capacity: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (slots, params.kv_heads, min(capacity, FIRST_CAPACITY), params.head_dim)
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(params.layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(params.layers)]
        self.capacity = capacity
        self.device = device
        self.place(range(slots), [0] * slots, 0)

    def place(self, slots: Sequence[int], lengths: Sequence[int], tokens: int) -> None:
        """Prepare a forward pass over `tokens` of each of the slots, which hold so many before these.

        Sets `positions_BxT` and the `mask` [B, 1, T, S] of what each token may attend to; None: the tokens
        before it, of rows that were empty. Raises ValueError where they do not fit the capacity.
        """
        self.end = max(lengths) + tokens
        self.reserve(self.end)
        self.slots_Bx1 = torch.tensor(slots, device=self.device)[:, None]
        starts_Bx1 = torch.tensor(lengths, device=self.device)[:, None]
        self.positions_BxT = starts_Bx1 + torch.arange(tokens, device=self.device)
        self.mask: Tensor | None = None
        if any(lengths):
            key_positions = torch.arange(self.end, device=self.device)
            self.mask = (key_positions <= self.positions_BxT[..., None])[:, None]
        is_run = list(slots) == list(range(slots[0], slots[0] + len(slots)))
        # A run of slots is read where it stands, others are copied.
        self.read = slice(slots[0], slots[0] + len(slots)) if is_run else self.slots_Bx1[:, 0]

    def append(self, layer: int, k_BxGxTxK: Tensor, v_BxGxTxK: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new tokens' keys and values; return all of the rows so far, [B, G, S, K] each.

        Both are for reading only.
        """
        keys, values = self.keys[layer], self.values[layer]
        keys[self.slots_Bx1, :, self.positions_BxT] = k_BxGxTxK.transpose(1, 2)
        values[self.slots_Bx1, :, self.positions_BxT] = v_BxGxTxK.transpose(1, 2)
        return keys[self.read][:, :, : self.end], values[self.read][:, :, : self.end]

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in every slot. Raises ValueError where the capacity is smaller."""
        if tokens > self.capacity:
            raise ValueError(f"cache: {tokens} tokens do not fit its capacity of {self.capacity}")
        if tokens > self.keys[0].shape[2]:
            size = min(self.capacity, 2 * tokens)
            self.keys = [grow(keys, size) for keys in self.keys]
            self.values = [grow(values, size) for values in self.values]


def grow(x_SlotsxGxSxK: Tensor, size: int) -> Tensor:
    """Return a copy with room for `size` tokens."""
    slots, G, S, K = x_SlotsxGxSxK.shape
    larger = x_SlotsxGxSxK.new_zeros((slots, G, size, K))
    larger[:, :, :S] = x_SlotsxGxSxK
    return larger
