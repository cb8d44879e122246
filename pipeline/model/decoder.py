"""The decoder: a GPT in plain PyTorch whose parameter names are those of the stock architectures.

`qwen3` is `llama` with an RMSNorm on every query and key, `qwen2` has a bias on queries, keys and values
instead. `tanai`, the shape of the TanAI-Lite models, is no stock architecture. Each position has a learned
vector, as in GPT-2 (Radford et al. 2019), and the feed-forward layer is two matrices with a GELU between
them. Dimensions:

    B batch    T time (tokens in)    S time (tokens attended to, cached ones included)
    D model width    H query heads    G key and value heads    K head width
    F feed-forward width    V vocabulary
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.utils.checkpoint import checkpoint

from pipeline.model import cpu_kernels
from pipeline.model.config import ModelParams
from pipeline.model.kv_cache import KVCache
from pipeline.model.masks import Mask, PackedRows, document_mask
from pipeline.model.norm import RMSNorm
from pipeline.model.rotary import rotary_tables, rotate

EMBEDDING_STD = 0.2  # of the initial embeddings, see `initialize`
CosSin = tuple[Tensor, Tensor]  # cosines and sines of the rotary angles, [B or 1, 1, T, K]


class Attention(nn.Module):
    """Causal self-attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).

    For one head, with queries q, keys k and values v of shape [T, K], it computes

        scores = q @ k.T / sqrt(K)               # how well each token's query fits each key
        scores[t, s] = -inf  where s > t         # no token sees the future
        output = softmax(scores, dim=-1) @ v     # an average of values, weighted by fit

    With fewer key and value heads than query heads, each serves a group of queries (Ainslie et al. 2023,
    arXiv 2305.13245).
    """

    def __init__(self, params: ModelParams, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = params.head_dim
        query_width, key_width = params.heads * params.head_dim, params.kv_heads * params.head_dim
        bias = params.arch == "qwen2"
        self.q_proj = nn.Linear(params.width, query_width, bias=bias)
        self.k_proj = nn.Linear(params.width, key_width, bias=bias)
        self.v_proj = nn.Linear(params.width, key_width, bias=bias)
        self.o_proj = nn.Linear(query_width, params.width, bias=False)
        self.q_norm: RMSNorm | None = None
        self.k_norm: RMSNorm | None = None
        if params.arch == "qwen3":  # bounds the scores, so that high learning rates stay stable
            self.q_norm = RMSNorm(params.head_dim, params.norm_eps)
            self.k_norm = RMSNorm(params.head_dim, params.norm_eps)

    def forward(self, x_BxTxD: Tensor, cos_sin: CosSin | None, cache: KVCache | None, mask: Mask) -> Tensor:
        """Let every token attend to itself and the tokens before it. `mask` None: plain causal attention."""
        B, T, _ = x_BxTxD.shape
        q_BxTxHxK = self.q_proj(x_BxTxD).view(B, T, -1, self.head_dim)
        k_BxTxGxK = self.k_proj(x_BxTxD).view(B, T, -1, self.head_dim)
        v_BxTxGxK = self.v_proj(x_BxTxD).view(B, T, -1, self.head_dim)
        if self.q_norm is not None and self.k_norm is not None:
            q_BxTxHxK, k_BxTxGxK = self.q_norm(q_BxTxHxK), self.k_norm(k_BxTxGxK)
        q_BxHxTxK, k_BxGxSxK, v_BxGxSxK = (x.transpose(1, 2) for x in (q_BxTxHxK, k_BxTxGxK, v_BxTxGxK))
        if cos_sin is not None:
            q_BxHxTxK, k_BxGxSxK = rotate(q_BxHxTxK, *cos_sin), rotate(k_BxGxSxK, *cos_sin)
        if cache is not None:
            k_BxGxSxK, v_BxGxSxK = cache.append(self.layer, k_BxGxSxK, v_BxGxSxK)
        out_BxHxTxK = attend(q_BxHxTxK, k_BxGxSxK, v_BxGxSxK, mask)
        return self.o_proj(out_BxHxTxK.transpose(1, 2).reshape(B, T, -1))


def attend(q_BxHxTxK: Tensor, k_BxGxSxK: Tensor, v_BxGxSxK: Tensor, mask: Mask) -> Tensor:
    """Return `output` of the formula in `Attention` for all heads, [B, H, T, K].

    The kernels of torch do it without ever holding all T x S scores.
    """
    if isinstance(mask, PackedRows):
        q, k, v = (mask.pad(x) for x in (q_BxHxTxK, k_BxGxSxK, v_BxGxSxK))
        return mask.pack(attend(q, k, v, None))
    grouped = k_BxGxSxK.shape[1] < q_BxHxTxK.shape[1]
    if isinstance(mask, BlockMask):
        return flex_attention(q_BxHxTxK, k_BxGxSxK, v_BxGxSxK, block_mask=mask, enable_gqa=grouped)
    if cpu_kernels.is_used_for(q_BxHxTxK) and q_BxHxTxK.shape[2] <= cpu_kernels.MAX_CONTEXT:
        return cpu_kernels.attention(q_BxHxTxK, k_BxGxSxK, v_BxGxSxK, mask)
    return F.scaled_dot_product_attention(
        q_BxHxTxK, k_BxGxSxK, v_BxGxSxK, attn_mask=mask, is_causal=mask is None, enable_gqa=grouped
    )


class MLP(nn.Module):
    """SwiGLU: a gate decides how much of each inner feature passes (Shazeer 2020, arXiv 2002.05202).

    In `tanai` a GELU without a gate (Hendrycks & Gimpel 2016, arXiv 1606.08415).
    """

    def __init__(self, params: ModelParams) -> None:
        super().__init__()
        self.gate_proj: nn.Linear | None = None
        if params.arch != "tanai":
            self.gate_proj = nn.Linear(params.width, params.ffn, bias=False)
        self.up_proj = nn.Linear(params.width, params.ffn, bias=False)
        self.down_proj = nn.Linear(params.ffn, params.width, bias=False)

    def forward(self, x_BxTxD: Tensor) -> Tensor:
        """Position-wise feed-forward: [B, T, D] to [B, T, D]."""
        if self.gate_proj is None:
            return self.down_proj(F.gelu(self.up_proj(x_BxTxD)))
        return self.down_proj(F.silu(self.gate_proj(x_BxTxD)) * self.up_proj(x_BxTxD))


class Block(nn.Module):
    """One pre-norm layer: attention, then the feed-forward; each adds its output to the residual stream."""

    def __init__(self, params: ModelParams, layer: int) -> None:
        super().__init__()
        self.checkpoints_activations = False  # see `Decoder.set_activation_checkpointing`
        self.input_layernorm = RMSNorm(params.width, params.norm_eps)
        self.self_attn = Attention(params, layer)
        self.post_attention_layernorm = RMSNorm(params.width, params.norm_eps)
        self.mlp = MLP(params)

    def forward(self, x_BxTxD: Tensor, cos_sin: CosSin | None, cache: KVCache | None, mask: Mask) -> Tensor:
        """Return the residual stream after this layer."""
        if self.checkpoints_activations and torch.is_grad_enabled():
            # Nothing here is drawn at random, so no state of a generator is kept.
            return checkpoint(
                self._forward, x_BxTxD, cos_sin, cache, mask, use_reentrant=False, preserve_rng_state=False
            )
        return self._forward(x_BxTxD, cos_sin, cache, mask)

    def _forward(self, x_BxTxD: Tensor, cos_sin: CosSin | None, cache: KVCache | None, mask: Mask) -> Tensor:
        x_BxTxD = x_BxTxD + self.self_attn(self.input_layernorm(x_BxTxD), cos_sin, cache, mask)
        return x_BxTxD + self.mlp(self.post_attention_layernorm(x_BxTxD))


class Body(nn.Module):
    """Everything between token ids and the last hidden states (the stock name is `model`)."""

    def __init__(self, params: ModelParams, vocab_size: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, params.width)
        if params.arch == "tanai":
            self.embed_positions = nn.Embedding(params.context, params.width)
        self.layers = nn.ModuleList(Block(params, layer) for layer in range(params.layers))
        self.norm = RMSNorm(params.width, params.norm_eps)


class Decoder(nn.Module):
    """A causal language model: for every token, a score for each possible next one."""

    def __init__(self, params: ModelParams, vocab_size: int) -> None:
        super().__init__()
        self.params = params
        self.context = params.context
        self.vocab_size = vocab_size
        self.compile_backend: str | None = None  # of torch.compile, once the layers are compiled
        self.model = Body(params, vocab_size)
        self.lm_head = nn.Linear(params.width, vocab_size, bias=False)
        if params.tie_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.register_buffer("cos", None, persistent=False)
        self.register_buffer("sin", None, persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        if params.arch != "tanai":
            self.compute_rotary_tables()

    def compute_rotary_tables(self) -> None:
        """Compute the rotary angles of all positions, which no file of weights holds."""
        params = self.params
        self.cos, self.sin = rotary_tables(
            params.context, params.head_dim, params.rope_theta, params.rope_scaling
        )

    def hidden_states(
        self,
        ids_BxT: Tensor,
        cache: KVCache | None = None,
        positions_BxT: Tensor | None = None,
        document_BxT: Tensor | None = None,
        rows: PackedRows | None = None,
    ) -> Tensor:
        """Return the last hidden states [B, T, D], normalized, ready for the output matrix.

        With a `cache`, the T tokens follow those that its slots hold and are added to it (`KVCache.place`).
        `document_BxT` numbers the documents of a row (no cache then): a token attends to its own document
        alone. Positions do not restart at each document: rotary scores depend on distances only, and so
        training meets all learned positions of `tanai`. `rows` tells apart rows that are packed into one,
        whose `positions_BxT` do restart.
        """
        x_BxTxD = self.model.embed_tokens(ids_BxT)
        mask: Mask = rows
        if cache is not None:
            positions_BxT, mask = cache.positions_BxT, cache.mask
        elif positions_BxT is None:
            positions_BxT = torch.arange(ids_BxT.shape[1], device=ids_BxT.device)[None]
        cos_sin = None
        if self.params.arch == "tanai":
            x_BxTxD = x_BxTxD + self.model.embed_positions(positions_BxT)
        else:
            cos, sin = self.cos[positions_BxT][:, None], self.sin[positions_BxT][:, None]
            cos_sin = cos.to(self.dtype), sin.to(self.dtype)
        if document_BxT is not None:
            as_blocks = self.compile_backend is not None and torch.is_grad_enabled()
            mask = document_mask(document_BxT, as_blocks=as_blocks)
        for block in self.model.layers:
            x_BxTxD = block(x_BxTxD, cos_sin, cache, mask)
        return self.model.norm(x_BxTxD)

    def forward(
        self,
        ids_BxT: Tensor,
        cache: KVCache | None = None,
        positions_BxT: Tensor | None = None,
        document_BxT: Tensor | None = None,
    ) -> Tensor:
        """Return the logits [B, T, V] of the token after each (arguments: see `hidden_states`)."""
        return self.lm_head(self.hidden_states(ids_BxT, cache, positions_BxT, document_BxT))

    def set_activation_checkpointing(self, enabled: bool) -> None:
        """Turn activation checkpointing on or off (Chen et al. 2016, arXiv 1604.06174).

        Training then keeps only the input of each layer and recomputes the rest in the backward pass: a
        third more work, the same numbers.
        """
        for module in self.modules():
            if isinstance(module, Block):
                module.checkpoints_activations = enabled

    def compile_layers(self, backend: str = "inductor") -> None:
        """Compile every layer in place, and in training the loss. Names and weights stay as they are.

        All layers are alike, so one is compiled and serves for all
        (https://docs.pytorch.org/tutorials/recipes/regional_compilation.html).
        """
        for layer in self.model.layers:
            layer.compile(backend=backend, dynamic=False)
        self.compile_backend = backend

    @property
    def dtype(self) -> torch.dtype:
        """The precision in which matrix products run now."""
        device = self.lm_head.weight.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        return self.lm_head.weight.dtype


def initialize(model: Decoder, seed: int) -> None:
    """Draw all weights. The same seed gives the same model on every machine.

    - Embeddings: normal, standard deviation EMBEDDING_STD. Only these initial values tell apart words
      that are used alike, such as first names, until the model has learned to look back for the one that
      was named. With 0.02, which training soon covers up, it learns that much later
      (experiments/names-looked-back-for.md).
    - Matrices that read the residual stream: normal, standard deviation 1 / sqrt(inputs), which keeps the
      scale of the activations.
    - Matrices that write to the residual stream (`o_proj`, `down_proj`): zero. Every layer starts as the
      identity, which at this size trains faster (Zhang et al. 2019, arXiv 1901.09321, zero the last
      matrix of each branch; nanochat does the same).
    - An untied output matrix: zero, so that training starts from uniform predictions.
    - Norm scales: one. Biases: zero.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)
            elif name.endswith(("embed_tokens.weight", "embed_positions.weight")):
                weight.copy_(torch.randn(weight.shape, generator=generator) * EMBEDDING_STD)
            elif name.endswith(("o_proj.weight", "down_proj.weight", "lm_head.weight")):
                weight.zero_()
            else:
                weight.copy_(torch.randn(weight.shape, generator=generator) * weight.shape[1] ** -0.5)


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable parameters. A tied matrix counts once."""
    return sum(weight.numel() for weight in model.parameters())
