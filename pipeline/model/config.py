"""The `model` section: the shape of the decoder."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.common.params import Section, nearest_divisors


class ModelParams(Section):
    """Shape of a decoder. Widths count numbers in a vector; `context` counts tokens."""

    # qwen3 is llama with a norm on queries and keys; tanai has learned positions and a GELU between
    # two matrices instead of rotary embedding and SwiGLU
    arch: Literal["qwen3", "llama", "tanai"]
    width: int = Field(gt=0)  # D
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)  # H, of the queries
    kv_heads: int = Field(gt=0)  # heads of keys and values; each serves heads / kv_heads query heads
    head_dim: int = Field(gt=0)  # K
    ffn: int = Field(gt=0)  # F
    context: int = Field(gt=1)  # longest T
    rope_theta: float = Field(gt=0)
    norm_eps: float = Field(gt=0)
    tie_embeddings: bool

    @model_validator(mode="after")
    def check_shapes(self) -> "ModelParams":
        """Raise ValueError where heads do not divide as attention needs, or head_dim is odd."""
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim {self.head_dim} is odd; rotary embedding turns pairs")
        if self.arch != "qwen3" and self.heads * self.head_dim != self.width:
            raise ValueError(
                f"arch {self.arch} needs heads x head_dim = width, not {self.heads} x {self.head_dim}"
                f" = {self.heads * self.head_dim} against {self.width}"
            )
        if self.width % self.heads:
            (nearest,) = nearest_divisors(self.width, self.heads)
            raise ValueError(f"heads {self.heads} does not divide width {self.width}; try heads: {nearest}")
        return self
