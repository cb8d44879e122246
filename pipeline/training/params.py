"""The `train` section, and the settings that every training loop shares."""

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.common.errors import UserError
from pipeline.common.params import Section
from pipeline.common.runtime import RuntimeParams
from pipeline.model.config import ModelParams

# Change memory and speed, not the result: an unfinished run resumes across them.
MEMORY_ONLY = ("batch_size", "checkpointing", "loss_chunks", "sharding")


class LoopParams(Section):
    """Optimiser, schedule and precision of one training loop."""

    optimizer: Literal["muon", "adamw"]  # muon: hidden matrices only, AdamW for the rest
    learning_rate: float = Field(gt=0)  # AdamW, at its highest
    matrix_learning_rate: float = Field(gt=0)  # Muon, at its highest
    momentum: float = Field(ge=0, lt=1)  # Muon
    beta1: float = Field(ge=0, lt=1)  # AdamW
    beta2: float = Field(ge=0, lt=1)  # AdamW
    weight_decay: float = Field(ge=0)
    schedule: Literal["wsd", "cosine", "linear"]
    warmup_steps: int = Field(ge=0)
    decay_fraction: float = Field(ge=0, le=1)  # wsd
    final_fraction: float = Field(ge=0, le=1)  # of the highest learning rate
    clip: float = Field(gt=0)  # norm of the gradient
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    sharding: Literal["none", "fsdp"]  # what each of several processes holds: all of the model, or a shard
    eval_every: int = Field(gt=0)  # steps


class TrainParams(LoopParams):
    """Pretraining: the loop's settings, what it starts from and how much is read."""

    init_from: str | None  # a model folder under data/raw/model, or null: random weights
    steps: int = Field(gt=0)
    # sequences in a forward pass on one device; auto: as many as fit (pipeline/autobatch/choose.py)
    batch_size: int | Literal["auto"]
    checkpointing: bool  # layers are computed anew on the way back, and not kept
    loss_chunks: int = Field(gt=0)  # stretches of tokens whose logits are there one after another
    tokens_per_step: int = Field(gt=0)  # tokens in an optimiser step
    packing: Literal["stream", "best_fit"]  # windows wherever documents end, or rows of whole documents
    document_mask: bool  # a token reads its own document alone, not those before it in the window
    eval_tokens: int = Field(gt=0)  # validation tokens read at each check

    @field_validator("batch_size", mode="plain")
    @classmethod
    def number_or_auto(cls, size: Any) -> Any:
        """In one message, where a union of types would give two."""
        if size == "auto" or (type(size) is int and size > 0):
            return size
        raise ValueError("must be a whole number from 1 on, or auto")


def check_batches(train: TrainParams, model: ModelParams, runtime: RuntimeParams) -> None:
    """Raise UserError unless an optimiser step is a whole number of forward passes."""
    at_once = model.context * runtime.together
    batch_size = 1 if train.batch_size == "auto" else train.batch_size
    unit = batch_size * at_once
    if train.tokens_per_step % at_once == 0 and train.tokens_per_step % unit:
        sequences = train.tokens_per_step // at_once
        fitting = [size for size in range(1, sequences + 1) if sequences % size == 0]
        nearest = sorted(sorted(fitting, key=lambda size: abs(size - batch_size))[:2])
        each = f" for each of {runtime.together} processes" if runtime.together > 1 else ""
        raise UserError(
            f"params.yaml: train.batch_size: {batch_size}: a step of train.tokens_per_step"
            f" {train.tokens_per_step} has {sequences} sequences{each}, no multiple of it; nearest:"
            f" {' or '.join(map(str, nearest))}"
        )
    if train.tokens_per_step % unit:
        below = train.tokens_per_step // unit * unit
        near = f"{below} or {below + unit}" if below else f"{unit}"
        raise UserError(
            f"params.yaml: train.tokens_per_step: {train.tokens_per_step}: must be a multiple of "
            f"train.batch_size x model.context x runtime.processes = {unit}; nearest: {near}"
        )
