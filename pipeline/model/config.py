"""The `model` section: the shape of the decoder."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.common.errors import UserError
from pipeline.common.params import Section, nearest_divisors


class NgramParams(Section):
    """n-gram counts of the training text beside the network."""

    order: int = Field(ge=0, le=12)  # tokens of the longest n-grams; 0: none


class RopeScaling(Section):
    """Slower rotary angles, with which a model reads longer texts than it was first trained on."""

    kind: Literal["linear", "llama3"]
    factor: float = Field(ge=1)  # by which angles are divided
    # llama3 alone: the context of the first training, and how many turns over it make an angle that stays
    # as it is (high) or is divided by all of `factor` (low)
    original_context: int = Field(default=1, gt=0)
    low_turns: float = Field(default=1.0, gt=0)
    high_turns: float = Field(default=4.0, gt=0)


class ModelParams(Section):
    """Shape of a decoder. Widths count numbers in a vector; `context` counts tokens."""

    WITHOUT_EFFECT = ("ngram",)  # on the network

    # qwen3 is llama with a norm on queries and keys, qwen2 llama with a bias on queries, keys and values,
    # mistral llama with heads of any size; tanai has learned positions and a GELU between two matrices
    # instead of rotary embedding and SwiGLU
    arch: Literal["qwen3", "llama", "qwen2", "mistral", "tanai"]
    width: int = Field(gt=0)  # D
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)  # H, of the queries
    kv_heads: int = Field(gt=0)  # heads of keys and values; each serves heads / kv_heads query heads
    head_dim: int = Field(gt=0)  # K
    ffn: int = Field(gt=0)  # F
    context: int = Field(gt=1)  # longest T
    rope_theta: float = Field(gt=0)
    rope_scaling: RopeScaling | None = None
    norm_eps: float = Field(gt=0)
    tie_embeddings: bool
    ngram: NgramParams = NgramParams(order=0)  # not part of the network: its config.json does not have it

    def count_weights(self, vocab_size: int) -> int:
        """Return the number of weights in matrices, embeddings included."""
        return self.layers * self.count_layer_weights() + vocab_size * self.width * (2 - self.tie_embeddings)

    def count_layer_weights(self) -> int:
        """Return the number of weights in a layer's matrices."""
        attention = self.width * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        return attention + (2 if self.arch == "tanai" else 3) * self.width * self.ffn

    @model_validator(mode="after")
    def check_shapes(self) -> "ModelParams":
        """Raise ValueError where heads do not divide as attention needs, or head_dim is odd."""
        if self.heads % self.kv_heads:
            raise UserError(
                "kv_heads {kv_heads} does not divide heads {heads}", kv_heads=self.kv_heads, heads=self.heads
            )
        if self.head_dim % 2:
            raise UserError(
                "head_dim {head_dim} is odd; rotary embedding turns pairs", head_dim=self.head_dim
            )
        if self.arch == "tanai" and self.heads * self.head_dim != self.width:
            raise UserError(
                "arch {arch} needs heads x head_dim = width, not {heads} x {head_dim} = {product} "
                "against {width}",
                arch=self.arch,
                heads=self.heads,
                head_dim=self.head_dim,
                product=self.heads * self.head_dim,
                width=self.width,
            )
        if self.width % self.heads:
            (nearest,) = nearest_divisors(self.width, self.heads)
            raise UserError(
                "heads {heads} does not divide width {width}; try heads: {nearest}",
                heads=self.heads,
                width=self.width,
                nearest=nearest,
            )
        return self
