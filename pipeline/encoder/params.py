"""The `encoder` section: the sentence encoder's shape, its pairs, its training and its gate."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.common.errors import UserError
from pipeline.common.params import Section, describe_nearest, nearest_divisors
from pipeline.common.runtime import RuntimeParams
from pipeline.encoder.pairs import KINDS, PairKind
from pipeline.encoder.vocabulary import VocabularyKind
from pipeline.training.params import LoopParams


class PairsParams(Section):
    """Shares of the kinds of pairs in a batch. They need not add up to 1; 0: none."""

    surroundings: float = Field(ge=0)  # a sentence, and the five around it
    crops: float = Field(ge=0)  # two parts of six sentences
    halves: float = Field(ge=0)  # up to six sentences, and the six before them
    headings: float = Field(ge=0)  # a heading, and what stands below it
    questions: float = Field(ge=0)  # a question, and what comes after it

    def weights(self) -> dict[PairKind, float]:
        """Return the shares by kind."""
        return {kind: getattr(self, kind) for kind in KINDS}


class EncoderParams(LoopParams):
    """Shape, pairs, training and gate of the sentence encoder. Widths count numbers in a vector."""

    WITHOUT_EFFECT = ("gate", "min_recall_at_1", "min_mrr", "min_margin")  # read after training alone

    layers: int = Field(ge=0)  # of the network; 0: a table with a vector for every token
    width: int = Field(gt=0)  # D, of the hidden vectors and of the sentence vector
    heads: int = Field(gt=0)  # H; of the network, as the next three
    ffn: int = Field(gt=0)  # F, inner width of the GeGLU layer
    context: int = Field(gt=1)  # longest text it reads (tokens, the start token included)
    rope_theta: float = Field(gt=0)  # base of the rotary angles
    vocabulary: VocabularyKind  # pieces of models/tokenizer, or words' first five letters
    vocab_size: int = Field(ge=2)  # most pieces of prefix5
    widths: list[int]  # smaller widths to which a vector may be cut
    steps: int = Field(gt=0)  # optimizer steps
    batch_size: int = Field(gt=1)  # pairs in a step; each one's negatives are the others' texts
    pairs: PairsParams
    kept_fraction: float = Field(ge=0, le=1)  # of surroundings, with the sentence itself among them
    word_dropout: float = Field(ge=0, lt=1)  # share of tokens left out of queries and passages
    teacher: str | None  # a folder or Parquet file under data/raw/model whose vectors are imitated
    teacher_weight: float = Field(ge=0)  # of the imitation, beside the loss of the pairs
    teacher_spans: int = Field(ge=0)  # spans of the training text for which a folder is asked, beside words
    temperature: float = Field(gt=0)  # divides the cosines before the softmax
    schedule: Literal["cosine", "linear"]  # of the learning rate's decay to zero
    pool_size: int = Field(gt=1)  # held-out passages of a query
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
        if info.data.get("layers") and width and (width % heads or width // heads % 2):
            if width % 2:
                raise UserError("encoder.width {width} is odd; rotary embedding turns pairs", width=width)
            (nearest,) = nearest_divisors(width // 2, heads)
            raise UserError(
                "does not cut width {width} into even heads; nearest: {nearest}", width=width, nearest=nearest
            )
        return heads

    @field_validator("widths")
    @classmethod
    def check_widths(cls, widths: list[int], info: ValidationInfo) -> list[int]:
        """Raise ValueError unless all are smaller than the width of a vector."""
        width = info.data.get("width")
        for each in widths:
            if width and not 0 < each < width:
                raise UserError("{cut} is not between 0 and encoder.width {width}", cut=each, width=width)
        return widths

    @field_validator("pairs")
    @classmethod
    def check_pairs(cls, pairs: PairsParams) -> PairsParams:
        """Raise ValueError where no kind has a share."""
        if not any(pairs.weights().values()):
            raise UserError("all shares are 0; give one kind of pairs a share")
        return pairs


def check_batches(params: EncoderParams, runtime: RuntimeParams) -> None:
    """Raise UserError unless every process has equally many pairs of a step."""
    count = runtime.process_count
    if params.batch_size % count:
        below = params.batch_size // count * count
        raise UserError(
            "params.yaml: encoder.batch_size: {batch_size}: no multiple of the {count} "
            "processes; nearest: {nearest}",
            batch_size=params.batch_size,
            count=count,
            nearest=describe_nearest(*([below] if below > 1 else []), below + count),
        )
