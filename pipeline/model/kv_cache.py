"""KV cache: the keys and values of tokens already read, so that generation reads each token once.

B batch    G key and value heads    T new tokens    S all tokens so far    K head width
"""

import torch
from torch import Tensor

from pipeline.model.config import ModelParams


class KVCache:
    """Room for the keys and values of `capacity` tokens in every layer.

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
        shape = (batch_size, params.kv_heads, capacity, params.head_dim)
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
        self.keys[layer][:, :, self.length : end] = k_BxGxTxK
        self.values[layer][:, :, self.length : end] = v_BxGxTxK
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]
