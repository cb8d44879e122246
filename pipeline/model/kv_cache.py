"""The keys and values of tokens already read, so that generation reads each token once.

B batch    G key and value heads    T new tokens    S all tokens so far    K head width
"""

import torch
from torch import Tensor

from pipeline.model.config import ModelParams


class KVCache:
    """Room for the keys and values of `capacity` tokens in every layer.

    `append` writes the new tokens of one layer behind the first `length`; every layer of a forward
    pass writes at the same place, so `length` is advanced by the model once all of them have.
    """

    def __init__(
        self,
        config: ModelParams,
        batch_size: int,
        capacity: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (batch_size, config.kv_heads, capacity, config.head_dim)
        self.keys = [torch.empty(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.values = [torch.empty(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.capacity = capacity
        self.length = 0

    def append(self, layer: int, k_BxGxTxK: Tensor, v_BxGxTxK: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new tokens' keys and values; return all of them so far, [B, G, S, K] each.

        What comes back are views of the cache, and only for reading. Raises ValueError where there
        is no room.
        """
        end = self.length + k_BxGxTxK.shape[2]
        if end > self.capacity:
            raise ValueError(f"cache: {end} tokens do not fit its capacity of {self.capacity}")
        self.keys[layer][:, :, self.length : end] = k_BxGxTxK
        self.values[layer][:, :, self.length : end] = v_BxGxTxK
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]
