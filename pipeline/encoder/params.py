"""The `encoder` section: the sentence encoder's shape, its training and its gate."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.common.params import nearest_divisors
from pipeline.training.params import LoopParams


class EncoderParams(LoopParams):
    """Shape, training and gate of the sentence encoder. Widths count numbers in a vector."""

    WITHOUT_EFFECT = ("gate", "min_recall_at_1", "min_mrr", "min_margin")  # read after training alone

    width: int = Field(gt=0)  # D, of the hidden vectors and of the sentence vector
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)  # H
    ffn: int = Field(gt=0)  # F, inner width of the GeGLU layer
    context: int = Field(gt=1)  # longest text it reads (tokens, the start token included)
    rope_theta: float = Field(gt=0)  # base of the rotary angles
    steps: int = Field(gt=0)  # optimizer steps
    batch_size: int = Field(gt=1)  # pairs in a step; each one's negatives are the others' texts
    span_tokens: int = Field(gt=0)  # longest span taken from a document (tokens)
    temperature: float = Field(gt=0)  # divides the cosines before the softmax
    schedule: Literal["cosine", "linear"]  # of the learning rate's decay to zero
    pool_size: int = Field(gt=1)  # held-out candidates of a query
    gate: Literal["warn", "strict"]  # on a missed threshold: warn, or fail
    min_recall_at_1: float = Field(ge=0, le=1)
    min_mrr: float = Field(ge=0, le=1)
    min_margin: float = Field(ge=-2, le=2)  # of cosines

    def count_weights(self, vocab_size: int) -> int:
        """Return the number of weights in matrices, embeddings included."""
        return self.layers * self.count_layer_weights() + vocab_size * self.width

    def count_layer_weights(self) -> int:
        """Return the number of weights in a layer's matrices."""
        return 4 * self.width**2 + 3 * self.width * self.ffn

    @field_validator("heads")
    @classmethod
    def check_heads(cls, heads: int, info: ValidationInfo) -> int:
        """Raise ValueError unless every head has the same even width, as rotary embedding needs."""
        width = info.data.get("width")
        if width and (width % heads or width // heads % 2):
            if width % 2:
                raise ValueError(f"encoder.width {width} is odd; rotary embedding turns pairs")
            (nearest,) = nearest_divisors(width // 2, heads)
            raise ValueError(f"does not cut width {width} into even heads; nearest: {nearest}")
        return heads

    @field_validator("span_tokens")
    @classmethod
    def check_span_tokens(cls, span_tokens: int, info: ValidationInfo) -> int:
        """Raise ValueError unless a span and its start token fit into the context."""
        context = info.data.get("context")
        if context and span_tokens + 1 > context:
            raise ValueError(f"a span and its start token need a context of {span_tokens + 1}, not {context}")
        return span_tokens
