"""KV cache: the keys and values of tokens already read, so that generation reads each token once.

B batch    G key and value heads    T new tokens    S all tokens so far    K head width
"""

import torch
from torch import Tensor

from pipeline.model.config import ModelParams

FIRST_CAPACITY = 1024  # tokens; a cache grows from there, as few texts fill a context of 32,768


class KVCache:
    """Room for the keys and values of up to `capacity` tokens in every layer, taken as they come.

    `append` writes the new tokens of one layer behind the first `length`; every layer of a forward
    pass writes at the same position, so the model advances `length` once all of them have.
    """

    def __init__(
        self,
        params: ModelParams,
        batch_size: int,
        capacity: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (batch_size, params.kv_heads, min(capacity, FIRST_CAPACITY), params.head_dim)
        self.keys = [torch.empty(shape, dtype=dtype, device=device) for _ in range(params.layers)]
        self.values = [torch.empty(shape, dtype=dtype, device=device) for _ in range(params.layers)]
        self.capacity = capacity
        self.length = 0

    def append(self, layer: int, k_BxGxTxK: Tensor, v_BxGxTxK: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new tokens' keys and values; return all of them so far, [B, G, S, K] each.

        Both are views of the cache, for reading only. Raises ValueError where the cache is full.
        """
        end = self.length + k_BxGxTxK.shape[2]
        if end > self.capacity:
            raise ValueError(f"cache: {end} tokens do not fit its capacity of {self.capacity}")
        if end > self.keys[layer].shape[2]:
            self.keys[layer] = self.grow(self.keys[layer], end)
            self.values[layer] = self.grow(self.values[layer], end)
        self.keys[layer][:, :, self.length : end] = k_BxGxTxK
        self.values[layer][:, :, self.length : end] = v_BxGxTxK
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]

    def grow(self, x_BxGxSxK: Tensor, tokens: int) -> Tensor:
        """Return a copy with room for `tokens` and as many again, up to the capacity."""
        B, G, _, K = x_BxGxSxK.shape
        larger = x_BxGxSxK.new_empty((B, G, min(self.capacity, 2 * tokens), K))
        larger[:, :, : self.length] = x_BxGxSxK[:, :, : self.length]
        return larger
