"""The `sft` section, and the files of its conversations."""

from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.autobatch.memory_limit import LEAST_BYTES, check_weights
from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.hub_set import HubSet
from pipeline.common.i18n import Translatable, join_words
from pipeline.common.params import Section
from pipeline.common.paths import BASE_MODEL, MINIWORLD, RAW_MODEL, RAW_SFT
from pipeline.common.runtime import RuntimeParams
from pipeline.model.config import ModelParams
from pipeline.pretrained.params import LoraParams
from pipeline.readers.files import check_format
from pipeline.training.params import DecoderLoopParams

MINIWORLD_CONVERSATIONS = MINIWORLD / "conversations.jsonl"


class Source(Section):
    """A source of conversations."""

    # miniworld: the generated ones; local: your own files; hub: a data set on the hub, which `hub` names
    kind: Literal["miniworld", "local", "hub"]
    path: str | list[str] | None = Field(default=None, validate_default=True)  # globs under data/raw/sft
    hub: HubSet | None = Field(default=None, validate_default=True)
    # templates of the user's, the assistant's and the system's message; null: the names of the keys tell
    columns: dict[Literal["user", "assistant", "system"], str] | None = None
    max_rows: int | None = Field(default=None, gt=0)  # conversations, drawn from all; null: all of them
    license: str | None = None  # of the conversations, for the model cards alone
    # share of the trained tokens, over the sum of all weights; null everywhere: each is read once an epoch
    weight: float | None = Field(default=None, gt=0)

    @field_validator("path")
    @classmethod
    def check_path(cls, path: str | list[str] | None, info: ValidationInfo) -> Any:
        """Raise ValueError unless a local source has a path and others have none."""
        kind = info.data.get("kind")
        if kind == "local" and not path:
            raise UserError("kind local needs a path, such as {raw_sft}/*.jsonl", raw_sft=RAW_SFT)
        if kind in ("miniworld", "hub") and path is not None:
            raise UserError("kind {kind} takes no path; remove it or use kind: local", kind=kind)
        return path

    @field_validator("hub")
    @classmethod
    def check_hub(cls, hub: HubSet | None, info: ValidationInfo) -> HubSet | None:
        """Raise ValueError unless a hub source has a set and others have none."""
        kind = info.data.get("kind")
        if kind == "hub" and hub is None:
            raise UserError("kind hub needs a set: hub: {dataset: owner/name, split: train, revision: null}")
        if kind in ("miniworld", "local") and hub is not None:
            raise UserError("kind {kind} takes no set of the hub; remove it or use kind: hub", kind=kind)
        return hub

    @field_validator("columns")
    @classmethod
    def check_columns(cls, columns: dict[str, str] | None) -> dict[str, str] | None:
        """Raise ValueError unless there are templates of a question and its answer."""
        if columns is not None and (missing := {"user", "assistant"} - columns.keys()):
            raise UserError("give a column or a template for {roles} too", roles=join_words(sorted(missing)))
        return columns

    @property
    def templates(self) -> dict[str, str] | None:
        """The templates of messages by their roles; None: the names of the keys tell."""
        return None if self.columns is None else {str(role): text for role, text in self.columns.items()}

    @property
    def patterns(self) -> list[str]:
        """The globs of a local source."""
        return [self.path] if isinstance(self.path, str) else list(self.path or [])


class SftParams(DecoderLoopParams):
    """Params of instruction tuning: the training loop's, the conversations and their batches."""

    # models/base, or a folder under data/raw/model of the Llama, Qwen2, Qwen3 or Mistral architecture
    init_from: str
    lora: LoraParams
    checkpointing: bool  # recompute activations in the backward pass
    sources: dict[str, Source] = Field(min_length=1)
    on_error: Literal["fail", "skip"]  # a conversation that cannot be read
    # a source that is read to its end before the others, where sources have weights: end there, or again
    on_source_end: Literal["stop", "repeat"]
    val_fraction: float = Field(gt=0, lt=1)  # of the conversations, for validation alone
    careless_fraction: float = Field(ge=0, le=1)  # of the user's messages in training, typed carelessly
    context: int = Field(gt=1)  # longest conversation (tokens)
    epochs: float = Field(gt=0)  # times each conversation is read
    conversations_per_step: int = Field(gt=0)  # in an optimizer step
    batch_size: int = Field(gt=0)  # conversations in a forward pass; memory, not the result
    max_new_tokens: int = Field(gt=0)  # of an answer, when answers are compared

    @field_validator("init_from")
    @classmethod
    def check_init_from(cls, init_from: str) -> str:
        """Raise ValueError unless DVC sees the folder change."""
        path = PurePosixPath(init_from)
        if path != PurePosixPath(BASE_MODEL) and (".." in path.parts or RAW_MODEL not in path.parents):
            raise UserError(
                "name {base_model}, or a model folder under {raw_model}",
                base_model=BASE_MODEL,
                raw_model=RAW_MODEL,
            )
        return path.as_posix()

    @field_validator("lora")
    @classmethod
    def check_lora(cls, lora: LoraParams, info: ValidationInfo) -> LoraParams:
        """Raise ValueError for what trains whole models alone."""
        for key, needed in (("optimizer", "adamw"), ("sharding", "none")):
            if lora.rank and info.data.get(key, needed) != needed:
                raise UserError(
                    "LoRA needs sft.{key}: {needed}, not {value}",
                    key=key,
                    needed=needed,
                    value=info.data[key],
                )
        return lora

    @field_validator("batch_size")
    @classmethod
    def check_batch_size(cls, batch_size: int, info: ValidationInfo) -> int:
        """Raise ValueError unless an optimizer step is a whole number of forward passes."""
        step = info.data.get("conversations_per_step", batch_size)
        if step % batch_size:
            below = step // batch_size * batch_size
            nearest = str(batch_size)
            if below:
                nearest = Translatable("{below} or {above}", below=below, above=below + batch_size)
            raise UserError(
                "sft.conversations_per_step: {step}: must be a multiple of it; nearest: {nearest}",
                step=step,
                nearest=nearest,
            )
        return batch_size


def check_batches(params: SftParams, runtime: RuntimeParams) -> None:
    """Raise UserError unless all processes have equally many forward passes in an optimizer step."""
    passes = params.conversations_per_step // params.batch_size
    if passes % runtime.process_count:
        unit = params.batch_size * runtime.process_count
        nearest = max(1, round(params.conversations_per_step / unit)) * unit
        raise UserError(
            "params.yaml: sft.conversations_per_step: {conversations_per_step}: must be a "
            "multiple of sft.batch_size x runtime.processes = {unit}; nearest: {nearest}",
            conversations_per_step=params.conversations_per_step,
            unit=unit,
            nearest=nearest,
        )


def check_memory(
    params: SftParams, model_params: ModelParams, vocab_size: int, runtime: RuntimeParams
) -> None:
    """Raise UserError where the weights of the model to tune cannot be tuned here."""
    weights = model_params.count_weights(vocab_size)
    least = params.lora.bits / 8 if params.lora.rank else LEAST_BYTES
    check_weights(params.init_from, weights, params, runtime, least)


def check_context(params: SftParams, model_context: int) -> None:
    """Raise UserError where conversations may be longer than the context of their model (tokens)."""
    if params.context <= model_context:
        return
    if params.init_from == str(BASE_MODEL):
        raise UserError(
            "params.yaml: sft.context: {context}: longer than model.context {model_context}; "
            "set sft.context to {model_context} or less, or train with a longer model.context",
            context=params.context,
            model_context=model_context,
        )
    raise UserError(
        "params.yaml: sft.context: {context}: longer than the {model_context} of "
        "{init_from}; set sft.context to {model_context} or less, or name a model with a "
        "longer context",
        context=params.context,
        model_context=model_context,
        init_from=params.init_from,
    )


def check_miniworld(params: SftParams, corpus_has_miniworld: bool) -> None:
    """Raise UserError where a source is the miniworld but no corpus source generates it."""
    for name, source in params.sources.items():
        if source.kind == "miniworld" and not corpus_has_miniworld:
            raise UserError(
                "params.yaml: sft.sources.{name}: kind: 'miniworld': no source under "
                "corpus.sources is of kind miniworld; add one there, or remove sft.sources.{name}",
                name=name,
            )


def check_inputs(params: SftParams, root: Path = Path()) -> None:
    """Raise UserError where a local source names no file, or one that may not be used.

    `root` is the project's folder. No file is opened: `tezgah check` calls this.
    """
    for name, source in params.sources.items():
        if source.kind == "local":
            list_local_files(name, source, root)


def list_local_files(name: str, source: Source, root: Path = Path()) -> list[Path]:
    """Return the files of a local source in a fixed order, each once.

    Raises UserError where there is none, or one of an unknown format.
    """
    files = matching_files(f"params.yaml: sft.sources.{name}.path", source.patterns, RAW_SFT, root)
    for file in files:
        check_format(file)
    return files
