"""The `train` section of params.yaml, and the params that every training loop shares."""

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.params import Section, describe_nearest, nearest_divisors
from pipeline.common.runtime import RuntimeParams
from pipeline.model.config import ModelParams


class LoopParams(Section):
    """AdamW, schedule and precision: what every training loop has."""

    learning_rate: float = Field(gt=0)  # peak, of AdamW
    beta1: float = Field(ge=0, lt=1)  # AdamW
    beta2: float = Field(ge=0, lt=1)  # AdamW
    weight_decay: float = Field(ge=0)
    schedule: Literal["wsd", "cosine", "linear"]  # of the learning rate
    warmup_steps: int = Field(ge=0)
    clip: float = Field(gt=0)  # max gradient norm
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    eval_every: int = Field(gt=0)  # steps


class DecoderLoopParams(LoopParams):
    """What the loops of pretraining and instruction tuning have besides."""

    # `eval_every` is not among them: it changes the curves and the best loss.
    WITHOUT_EFFECT = ("batch_size", "checkpointing", "loss_chunks", "sharding")

    optimizer: Literal["muon", "adamw"]  # muon: hidden matrices only, AdamW for the rest
    matrix_learning_rate: float = Field(gt=0)  # peak, of Muon
    momentum: float = Field(ge=0, lt=1)  # Muon
    decay_fraction: float = Field(ge=0, le=1)  # wsd
    final_fraction: float = Field(ge=0, le=1)  # of the peak learning rate
    sharding: Literal["none", "fsdp"]  # each process holds all of the model, or a shard


class TrainParams(DecoderLoopParams):
    """Pretraining: the loop's params, initial weights and the amount of text."""

    init_from: str | None  # a model folder under data/raw/model, or null: random weights
    steps: int = Field(gt=0)
    # sequences in a forward pass on one device; auto: as many as fit (pipeline/autobatch/choose.py)
    batch_size: int | Literal["auto"]
    checkpointing: bool  # recompute activations in the backward pass
    loss_chunks: int = Field(gt=0)  # chunks of the loss: more chunks, less memory
    tokens_per_step: int = Field(gt=0)  # tokens in an optimizer step
    packing: Literal["stream", "best_fit"]  # windows of the token stream, or rows of whole documents
    document_mask: bool  # tokens attend to their own document only
    # targets drawn from n-gram counts for each token, beside its own; 0: none
    ngram_draws: int = Field(ge=0, le=64)
    ngram_share: float = Field(gt=0, lt=1)  # what they count
    eval_tokens: int = Field(gt=0)  # validation tokens read at each validation

    @field_validator("batch_size", mode="plain")
    @classmethod
    def check_batch_size(cls, value: Any) -> Any:
        """Validate with one message, where a union of types would give two."""
        if value == "auto" or (type(value) is int and value > 0):
            return value
        raise UserError("must be a whole number from 1 on, or auto")


def check_batches(train_params: TrainParams, model_params: ModelParams, runtime: RuntimeParams) -> None:
    """Raise UserError unless an optimizer step is a whole number of forward passes in each process."""
    # Tokens of one sequence, and of one forward pass, in every process.
    sequence_tokens = model_params.context * runtime.process_count
    batch_size = 1 if train_params.batch_size == "auto" else train_params.batch_size
    pass_tokens = batch_size * sequence_tokens
    if train_params.tokens_per_step % sequence_tokens == 0 and train_params.tokens_per_step % pass_tokens:
        sequences = train_params.tokens_per_step // sequence_tokens
        count = runtime.process_count
        each = Translatable(" for each of {count} processes", count=count) if count > 1 else ""
        raise UserError(
            "params.yaml: train.batch_size: {batch_size}: a step of train.tokens_per_step "
            "{tokens_per_step} has {sequences} sequences{each}, no multiple of it; nearest: "
            "{nearest}",
            batch_size=batch_size,
            tokens_per_step=train_params.tokens_per_step,
            sequences=sequences,
            each=each,
            nearest=describe_nearest(*nearest_divisors(sequences, batch_size, 2)),
        )
    if train_params.tokens_per_step % pass_tokens:
        below = train_params.tokens_per_step // pass_tokens * pass_tokens
        raise UserError(
            "params.yaml: train.tokens_per_step: {tokens_per_step}: must be a multiple of "
            "train.batch_size x model.context x runtime.processes = {pass_tokens}; nearest: "
            "{nearest}",
            tokens_per_step=train_params.tokens_per_step,
            pass_tokens=pass_tokens,
            nearest=describe_nearest(*filter(None, [below, below + pass_tokens])),
        )
