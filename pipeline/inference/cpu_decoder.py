"""The decoder's pass over one new token of each text, written in NumPy.

It computes what `Decoder.hidden_states` computes, from the same weights and the same cache, of which it
makes no copy. One token is so little work for a CPU that a pass in torch spends most of its time in calling
operations. NumPy calls them in a third of that time.

B texts    N texts in slots side by side    H query heads    G key and value heads    S tokens so far
K head width    D model width    F feed-forward width    V vocabulary
"""

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.model.config import ModelParams
from pipeline.model.decoder import MLP, Attention, Block, Body, Decoder
from pipeline.model.kv_cache import KVCache
from pipeline.model.norm import RMSNorm

PLAIN_MODULES = {Decoder, Body, Block, Attention, MLP, RMSNorm, nn.Embedding, nn.Linear, nn.ModuleList}


def can_read(model: Decoder) -> bool:
    """Return true for a model that this can compute: a stock architecture in fp32 on a CPU, no adapters."""
    return (
        model.params.arch != "tanai"
        and all(type(module) in PLAIN_MODULES for module in model.modules())
        and all(weight.is_cpu and weight.dtype == torch.float32 for weight in model.parameters())
    )


class Matrix:
    """A linear layer."""

    def __init__(self, layer: nn.Linear) -> None:
        self.weight = layer.weight.detach().numpy()
        self.bias = None if layer.bias is None else layer.bias.detach().numpy()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Multiply the last axis."""
        y = (self.weight @ x.T).T  # for several texts twice as fast as x @ weight.T
        if self.bias is not None:
            y += self.bias
        return y


class Int8Matrix:
    """A linear layer with weights of 8 bits: a scale for each row, and inputs that are rounded as they come.

    A kernel of torch. It reads a quarter of the bytes, which is what a large matrix takes its time for. All
    matrices are of one kind, as the threads of NumPy and those of torch get into each other's way.
    """

    def __init__(self, layer: nn.Linear) -> None:
        weight_FxD = layer.weight.detach()
        scales_F = weight_FxD.abs().amax(dim=1).clamp(min=1e-12) / 127
        zeros_F = torch.zeros(len(scales_F), dtype=torch.long)
        with warnings.catch_warnings():  # torch 2.13 means to drop such tensors; it has no faster kernel yet
            warnings.simplefilter("ignore")
            rounded = torch.quantize_per_channel(weight_FxD, scales_F, zeros_F, 0, torch.qint8)
        bias = None if layer.bias is None else layer.bias.detach()
        self.packed = torch.ops.quantized.linear_prepack(rounded, bias)
        # Without these instructions sums of products of 8 bits may overflow.
        self.reduce_range = not torch.cpu._is_vnni_supported()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Multiply the last axis."""
        inputs = torch.from_numpy(np.ascontiguousarray(x))
        y: Tensor = torch.ops.quantized.linear_dynamic(inputs, self.packed, self.reduce_range)
        return y.numpy()


class Norm:
    """See `RMSNorm`."""

    def __init__(self, norm: RMSNorm) -> None:
        self.weight, self.eps = norm.weight.detach().numpy(), norm.eps

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Normalize the last axis."""
        mean_squares = np.einsum("...d,...d->...", x, x)[..., None] / x.shape[-1]
        y = x / np.sqrt(mean_squares + self.eps)
        y *= self.weight
        return y


class Layer:
    """The matrices and norms of a `Block`."""

    def __init__(self, block: Block, matrix: Callable[[nn.Linear], Matrix | Int8Matrix]) -> None:
        attention, mlp = block.self_attn, block.mlp
        assert mlp.gate_proj is not None
        self.attention_norm, self.mlp_norm = Norm(block.input_layernorm), Norm(block.post_attention_layernorm)
        self.q, self.k, self.v = map(matrix, (attention.q_proj, attention.k_proj, attention.v_proj))
        self.q_norm = attention.q_norm and Norm(attention.q_norm)
        self.k_norm = attention.k_norm and Norm(attention.k_norm)
        self.o = matrix(attention.o_proj)
        self.gate, self.up, self.down = map(matrix, (mlp.gate_proj, mlp.up_proj, mlp.down_proj))


class CpuDecoder:
    """A decoder and its cache, to read one token of each of several texts."""

    def __init__(self, model: Decoder, cache: KVCache, int8: bool = False) -> None:
        """With `int8` all matrices are rounded to 8 bits."""
        matrix: Callable[[nn.Linear], Matrix | Int8Matrix] = Int8Matrix if int8 else Matrix
        self.params: ModelParams = model.params
        self.cache = cache
        self.embeddings_VxD = model.model.embed_tokens.weight.detach().numpy()
        self.layers = [Layer(block, matrix) for block in model.model.layers if isinstance(block, Block)]
        self.norm, self.head = Norm(model.model.norm), matrix(model.lm_head)
        self.cos, self.sin = model.cos.numpy(), model.sin.numpy()

    def read(
        self, slots: Sequence[int], ids: Sequence[int], lengths: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add a token to each text; return the logits [B, V] of the next ones and the hidden states [B, D].

        `slots` ascend, and `lengths` says how many tokens each of them has before this one.
        """
        self.cache.reserve(max(lengths) + 1)
        x_BxD = self.embeddings_VxD[np.array(ids)]
        positions_B = np.array(lengths)
        cos_sin = self.cos[positions_B][:, None], self.sin[positions_B][:, None]
        runs = list(find_runs(slots))
        with np.errstate(over="ignore"):  # exp(-gate) of a gate far below zero
            for number, layer in enumerate(self.layers):
                x_BxD += self._attend(number, layer, layer.attention_norm(x_BxD), cos_sin, runs, positions_B)
                y_BxD = layer.mlp_norm(x_BxD)
                gate_BxF = layer.gate(y_BxD)
                gate_BxF /= np.exp(-gate_BxF) + 1
                gate_BxF *= layer.up(y_BxD)
                x_BxD += layer.down(gate_BxF)
        hidden_BxD = self.norm(x_BxD)
        return self.head(hidden_BxD), hidden_BxD

    def _attend(
        self,
        number: int,
        layer: Layer,
        x_BxD: np.ndarray,
        cos_sin: tuple[np.ndarray, np.ndarray],
        runs: list[tuple[slice, slice]],
        positions_B: np.ndarray,
    ) -> np.ndarray:
        """Return what attention adds to the residual stream, [B, D] (see `Attention`)."""
        B, G, K = len(x_BxD), self.params.kv_heads, self.params.head_dim
        q_BxHxK = layer.q(x_BxD).reshape(B, -1, K)
        k_BxGxK = layer.k(x_BxD).reshape(B, G, K)
        v_BxGxK = layer.v(x_BxD).reshape(B, G, K)
        if layer.q_norm and layer.k_norm:
            q_BxHxK, k_BxGxK = layer.q_norm(q_BxHxK), layer.k_norm(k_BxGxK)
        q_BxHxK, k_BxGxK = rotate(q_BxHxK, *cos_sin), rotate(k_BxGxK, *cos_sin)
        q_BxHxK *= K**-0.5
        q_BxGxRxK = q_BxHxK.reshape(B, G, -1, K)
        out_BxGxRxK = np.empty_like(q_BxGxRxK)
        keys, values = self.cache.keys[number].numpy(), self.cache.values[number].numpy()
        for slots, rows in runs:
            positions_N = positions_B[rows]
            index_N = np.arange(slots.start, slots.stop)
            keys[index_N, :, positions_N], values[index_N, :, positions_N] = k_BxGxK[rows], v_BxGxK[rows]
            S = int(positions_N.max()) + 1
            scores_NxGxRxS = q_BxGxRxK[rows] @ keys[slots, :, :S].swapaxes(-1, -2)
            if len(positions_N) > 1:
                is_later_NxS = np.arange(S) > positions_N[:, None]
                np.copyto(scores_NxGxRxS, -np.inf, where=is_later_NxS[:, None, None])
            out_BxGxRxK[rows] = softmax(scores_NxGxRxS) @ values[slots, :, :S]
        return layer.o(out_BxGxRxK.reshape(B, -1))


def find_runs(slots: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Yield runs of slots that stand side by side, and the rows that they are among `slots`, which ascend."""
    first = 0
    for row in range(1, len(slots) + 1):
        if row == len(slots) or slots[row] != slots[row - 1] + 1:
            yield slice(slots[first], slots[row - 1] + 1), slice(first, row)
            first = row


def rotate(x_BxHxK: np.ndarray, cos_Bx1xK: np.ndarray, sin_Bx1xK: np.ndarray) -> np.ndarray:
    """Rotate every pair of coordinates by its angle (see rotary.py)."""
    half = x_BxHxK.shape[-1] // 2
    y_BxHxK = x_BxHxK * cos_Bx1xK
    y_BxHxK[..., :half] -= x_BxHxK[..., half:] * sin_Bx1xK[..., :half]
    y_BxHxK[..., half:] += x_BxHxK[..., :half] * sin_Bx1xK[..., half:]
    return y_BxHxK


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis, computed in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores
