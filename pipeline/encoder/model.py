"""The sentence encoder: a ModernBERT in plain PyTorch, parameter names as the stock model has them.

It differs from the stock model's defaults in two settings: every layer attends to the whole text,
and there is no dropout. Dimensions:

    B batch    T time (tokens)    D model width    H heads    K head width    F feed-forward width
    V vocabulary
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.common.params import Section
from pipeline.model import cpu_kernels
from pipeline.model.rotary import rotary_tables, rotate
from pipeline.tokenizer.special import BOS, PAD

NORM_EPS = 1e-5
LENGTH_GROUPS = 4  # forward passes of a batch, each over texts of similar length: less padding


class EncoderConfig(Section):
    """Shape of an encoder. Widths count numbers in a vector; `context` counts tokens."""

    vocab_size: int = Field(gt=0)  # V
    width: int = Field(gt=0)  # D, also of the sentence vector
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)  # H, of width K = width / heads
    ffn: int = Field(gt=0)  # F
    context: int = Field(gt=1)  # longest T, the start token included
    rope_theta: float = Field(gt=0)

    @model_validator(mode="after")
    def check_heads(self) -> "EncoderConfig":
        """Raise ValueError unless every head has the same even width, as rotary embedding needs."""
        if self.width % self.heads or self.width // self.heads % 2:
            raise UserError(
                "heads {heads} does not cut width {width} into even heads", heads=self.heads, width=self.width
            )
        return self


def make_layer_norm(width: int) -> nn.LayerNorm:
    """Return a LayerNorm with a scale and without a bias (Ba et al. 2016, arXiv 1607.06450)."""
    return nn.LayerNorm(width, eps=NORM_EPS, bias=False)


class Embeddings(nn.Module):
    """A normalized vector for every token. Positions come in with the rotary angles."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.width)
        self.norm = make_layer_norm(config.width)

    def forward(self, ids_BxT: Tensor) -> Tensor:
        """[B, T] ids to [B, T, D]."""
        return self.norm(self.tok_embeddings(ids_BxT))


class Attention(nn.Module):
    """Self-attention in both directions (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).

    For one head, with queries q, keys k and values v of shape [T, K], it computes

        scores = q @ k.T / sqrt(K)               # how well each token's query fits each key
        scores[:, s] = -inf  where s is padding  # no token attends to padding
        output = softmax(scores, dim=-1) @ v     # an average of values, weighted by fit

    One matrix, `Wqkv`, makes queries, keys and values of all heads.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.Wqkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.Wo = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x_BxTxD: Tensor, mask_Bx1x1xT: Tensor, cos_TxK: Tensor, sin_TxK: Tensor) -> Tensor:
        """Let every token attend to all tokens of its text, padding excepted."""
        B, T, D = x_BxTxD.shape
        qkv_3xBxHxTxK = self.Wqkv(x_BxTxD).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q_BxHxTxK, k_BxHxTxK, v_BxHxTxK = qkv_3xBxHxTxK.unbind(0)
        with cpu_kernels.in_fp32(q_BxHxTxK, k_BxHxTxK, v_BxHxTxK) as (q_BxHxTxK, k_BxHxTxK, v_BxHxTxK):
            cos_TxK, sin_TxK = cos_TxK.to(q_BxHxTxK.dtype), sin_TxK.to(q_BxHxTxK.dtype)
            out_BxHxTxK = F.scaled_dot_product_attention(
                rotate(q_BxHxTxK, cos_TxK, sin_TxK),
                rotate(k_BxHxTxK, cos_TxK, sin_TxK),
                v_BxHxTxK,
                attn_mask=mask_Bx1x1xT,
            )
        return self.Wo(out_BxHxTxK.transpose(1, 2).reshape(B, T, D))


class MLP(nn.Module):
    """GeGLU: a gate decides how much of each inner feature passes (Shazeer 2020, arXiv 2002.05202).

    One matrix, `Wi`, makes the features and their gates.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.Wi = nn.Linear(config.width, 2 * config.ffn, bias=False)
        self.Wo = nn.Linear(config.ffn, config.width, bias=False)

    def forward(self, x_BxTxD: Tensor) -> Tensor:
        """Position-wise feed-forward: [B, T, D] to [B, T, D]."""
        features_BxTxF, gate_BxTxF = self.Wi(x_BxTxD).chunk(2, dim=-1)
        return self.Wo(F.gelu(features_BxTxF) * gate_BxTxF)


class Layer(nn.Module):
    """One pre-norm layer: attention, then the feed-forward; each adds its output to the residual stream."""

    def __init__(self, config: EncoderConfig, index: int) -> None:
        super().__init__()
        # The embeddings are normalized already, so the first layer has no norm.
        self.attn_norm = make_layer_norm(config.width) if index else nn.Identity()
        self.attn = Attention(config)
        self.mlp_norm = make_layer_norm(config.width)
        self.mlp = MLP(config)

    def forward(self, x_BxTxD: Tensor, mask_Bx1x1xT: Tensor, cos_TxK: Tensor, sin_TxK: Tensor) -> Tensor:
        """Return the residual stream after this layer."""
        x_BxTxD = x_BxTxD + self.attn(self.attn_norm(x_BxTxD), mask_Bx1x1xT, cos_TxK, sin_TxK)
        return x_BxTxD + self.mlp(self.mlp_norm(x_BxTxD))


class Encoder(nn.Module):
    """From a text's tokens to one vector of length 1. The closer two texts, the larger their cosine.

    The layout is ModernBERT's (Warner et al. 2024, arXiv 2412.13663).
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.layers))
        self.final_norm = make_layer_norm(config.width)
        cos, sin = rotary_tables(config.context, config.width // config.heads, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        # How much a token counts in the mean. ModernBERT has no such weights: they have a file of their own.
        self.register_buffer("token_weights", torch.ones(config.vocab_size), persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        self.token_weights: Tensor

    def set_token_weights(self, weights_V: np.ndarray) -> None:
        """Set how much each token counts in the mean."""
        weights = torch.from_numpy(weights_V.astype(np.float32))
        self.token_weights = weights.to(self.token_weights.device)

    def hidden_states(self, ids_BxT: Tensor, mask_BxT: Tensor) -> Tensor:
        """Return a vector for every token [B, T, D]. Those at padding mean nothing."""
        T = ids_BxT.shape[1]
        x_BxTxD = self.embeddings(ids_BxT)
        for layer in self.layers:
            x_BxTxD = layer(x_BxTxD, mask_BxT[:, None, None, :], self.cos[:T], self.sin[:T])
        return self.final_norm(x_BxTxD)

    def forward(self, ids_BxT: Tensor, mask_BxT: Tensor) -> Tensor:
        """Return sentence vectors [B, D] of length 1. `mask_BxT` is True at tokens, False at padding."""
        weight_BxT = self.token_weights[ids_BxT] * mask_BxT
        return weighted_mean(self.hidden_states(ids_BxT, mask_BxT), weight_BxT)

    def embed_rows(self, rows: Sequence[np.ndarray]) -> Tensor:
        """Return the vectors [B, D] of texts as token ids, cut to the context with their start token."""
        device = self.token_weights.device
        inputs = [np.concatenate([[BOS], row])[: self.config.context] for row in rows]
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
        size = -(-len(inputs) // LENGTH_GROUPS)
        groups = [
            pad([inputs[i] for i in order[start : start + size]]) for start in range(0, len(order), size)
        ]
        vectors = torch.cat([self(ids_BxT.to(device), mask_BxT.to(device)) for ids_BxT, mask_BxT in groups])
        return vectors[torch.argsort(torch.tensor(order)).to(device)]


def weighted_mean(x_BxTxD: Tensor, weight_BxT: Tensor) -> Tensor:
    """Return the weighted mean over the tokens [B, D], scaled to length 1.

    (Reimers & Gurevych 2019, arXiv 1908.10084; weights by rarity: Arora et al. 2017, "A simple but
    tough-to-beat baseline for sentence embeddings".) Where all weights are zero it is a vector of zeros.
    """
    x_BxTxD = x_BxTxD.to(torch.promote_types(x_BxTxD.dtype, torch.float32))  # a long sum, if in bf16
    weight_BxTx1 = weight_BxT[:, :, None].to(x_BxTxD.dtype)
    sum_BxD = (x_BxTxD * weight_BxTx1).sum(1)
    return F.normalize(sum_BxD / weight_BxTx1.sum(1).clamp_min(1e-9), dim=-1)


def pad(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return ids [B, T], padded on the right to the longest row, and their mask, False at padding."""
    lengths_B = torch.tensor([len(row) for row in rows])
    mask_BxT = torch.arange(int(lengths_B.max())) < lengths_B[:, None]
    ids_BxT = torch.full(mask_BxT.shape, PAD)
    ids_BxT[mask_BxT] = torch.from_numpy(np.concatenate(rows).astype(np.int64))
    return ids_BxT, mask_BxT


def initialize(model: Encoder, seed: int) -> None:
    """Draw all weights. The same seed gives the same model on every machine.

    - Embeddings: normal, standard deviation 0.02. The norm after them hides their scale from the layers. At
      a small scale they change direction quickly, as AdamW's steps do not depend on it.
    - Matrices that read the residual stream (`Wqkv`, `Wi`): normal, standard deviation 1 / sqrt(inputs),
      which keeps the scale of the activations.
    - Matrices that write to the residual stream (`Wo`): the same, divided by sqrt(2 x layers), so that
      the sum of all branches is no larger than what they add to (Radford et al. 2019, GPT-2).
    - Norm scales: one.
    """
    generator = torch.Generator().manual_seed(seed)
    output_scale = (2 * model.config.layers) ** -0.5
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.fill_(1.0)
                continue
            normal = torch.randn(weight.shape, generator=generator)
            if name == "embeddings.tok_embeddings.weight":
                weight.copy_(normal * 0.02)
            else:
                scale = output_scale if name.endswith("Wo.weight") else 1.0
                weight.copy_(normal * weight.shape[1] ** -0.5 * scale)
