"""The `sft` section, and where its conversations lie."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.params import Section
from pipeline.common.runtime import RuntimeParams
from pipeline.training.params import LoopParams

RAW = "data/raw/sft"
COMPRESSED = (".gz", ".xz", ".zst", ".bz2", ".zip")
MINIWORLD = Path("data/corpus/miniworld/conversations.jsonl")


class Source(Section):
    """Where conversations come from."""

    kind: Literal["miniworld", "local"]  # miniworld: the embedded ones; local: JSON lines of yours
    path: str | list[str] | None = Field(default=None, validate_default=True)  # globs under data/raw/sft

    @field_validator("path")
    @classmethod
    def path_goes_with_kind(cls, path: str | list[str] | None, info: ValidationInfo) -> Any:
        """Local files need a path; the miniworld has its own."""
        if info.data.get("kind") == "local" and not path:
            raise ValueError(f"kind local needs a path, such as {RAW}/*.jsonl")
        if info.data.get("kind") == "miniworld" and path is not None:
            raise ValueError("kind miniworld takes no path; remove it or use kind: local")
        return path

    @property
    def patterns(self) -> list[str]:
        """The globs of a local source."""
        return [self.path] if isinstance(self.path, str) else list(self.path or [])


class SftParams(LoopParams):
    """Instruction tuning: the loop's settings, the conversations and how they are read."""

    sources: dict[str, Source] = Field(min_length=1)
    val_fraction: float = Field(gt=0, lt=1)  # of the conversations, for validation alone
    context: int = Field(gt=1)  # longest conversation (tokens)
    epochs: float = Field(gt=0)  # times each conversation is read
    conversations_per_step: int = Field(gt=0)  # in an optimiser step
    batch_size: int = Field(gt=0)  # conversations in a forward pass; memory, not the result
    max_new_tokens: int = Field(gt=0)  # of an answer, when answers are compared

    @field_validator("batch_size")
    @classmethod
    def steps_are_whole_batches(cls, batch_size: int, info: ValidationInfo) -> int:
        """An optimiser step is a whole number of forward passes."""
        step = info.data.get("conversations_per_step", batch_size)
        if step % batch_size:
            below = step // batch_size * batch_size
            near = f"{below} or {below + batch_size}" if below else f"{batch_size}"
            raise ValueError(f"sft.conversations_per_step: {step}: must be a multiple of it; nearest: {near}")
        return batch_size


def check_batches(sft: SftParams, runtime: RuntimeParams) -> None:
    """Raise UserError unless all processes have equally many forward passes in an optimiser step."""
    passes = sft.conversations_per_step // sft.batch_size
    if passes % runtime.together:
        unit = sft.batch_size * runtime.together
        nearest = max(1, round(sft.conversations_per_step / unit)) * unit
        raise UserError(
            f"params.yaml: sft.conversations_per_step: {sft.conversations_per_step}: must be a multiple of"
            f" sft.batch_size x runtime.processes = {unit}; nearest: {nearest}"
        )


def check_context(sft: SftParams, model_context: int) -> None:
    """Raise UserError where conversations may be longer than the model reads (tokens)."""
    if sft.context > model_context:
        raise UserError(
            f"params.yaml: sft.context: {sft.context}: longer than model.context {model_context};"
            f" set sft.context to {model_context} or less, or train with a longer model.context"
        )


def check_miniworld(sft: SftParams, corpus_has_miniworld: bool) -> None:
    """Raise UserError where conversations are to come from a miniworld that no corpus source makes."""
    for name, source in sft.sources.items():
        if source.kind == "miniworld" and not corpus_has_miniworld:
            raise UserError(
                f"params.yaml: sft.sources.{name}: kind: 'miniworld': no source under corpus.sources is of"
                f" kind miniworld; add one there, or remove sft.sources.{name}"
            )


def check_inputs(params: SftParams, root: Path = Path()) -> None:
    """Raise UserError where a local source names no file, or one that may not be used.

    `root` is the project's folder. Nothing is opened: this is what `tezgah check` asks.
    """
    for name, source in params.sources.items():
        local_files(name, source, root)


def local_files(name: str, source: Source, root: Path = Path()) -> list[Path]:
    """The files of a source in a fixed order, each once; none for the miniworld (see `inputs`).

    Raises UserError for a compressed one, too.
    """
    files = matching_files(f"params.yaml: sft.sources.{name}.path", source.patterns, RAW, root)
    for file in files:
        if file.suffix in COMPRESSED:
            raise UserError(f"{file}: compressed files are not read here; unpack it")
    return files
