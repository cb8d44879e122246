"""The model folder that is exported, checked before anything is written."""

from collections.abc import Collection
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.encoder.hf_io import SEARCH_FILE
from pipeline.model.config import ModelParams
from pipeline.model.hf_io import find_weight_files, read_config
from pipeline.pretrained.tokenizer import has_own_tokenizer


def check_decoder(folder: Path) -> None:
    """Raise UserError for a folder that is not there, or that holds an encoder."""
    if not folder.is_dir():
        raise UserError("{folder}: no such folder; run `dvc repro`, or name a model folder", folder=folder)
    if (folder / SEARCH_FILE).is_file():
        raise UserError("{folder}: an encoder; use `tezgah export encoder`", folder=folder)


def check_encoder(folder: Path) -> None:
    """Raise UserError for a folder that holds a decoder. `load_encoder` finds all other faults."""
    if (folder / "generation_config.json").is_file():
        raise UserError("{folder}: a decoder; use `tezgah export hf`, gguf, ollama or page", folder=folder)


def check_chat_model(folder: Path) -> None:
    """Raise UserError for a base model, which does not chat."""
    if is_base_model(folder):
        raise UserError(
            "{folder}: a base model does not chat; export models/sft, or use `export gguf`", folder=folder
        )


def is_base_model(folder: Path) -> bool:
    """Tell if a folder is called as base models are: models/base, and its export base-hf."""
    return folder.resolve().name.split("-")[0] == "base"


def check_computable(folder: Path, reader: str, architectures: Collection[str], advice: str) -> ModelParams:
    """Return the params of a decoder that another program, `reader`, can compute.

    Raises UserError, which ends in `advice`, for another architecture, scaled rotary angles, and a tokenizer
    that is not of this program. Raises it also where there are no weights.
    """
    check_decoder(folder)
    params, _ = read_config(folder)
    if params.arch not in architectures:
        first, second, *_ = architectures
        raise UserError(
            "{folder}: model.arch: {arch}: {reader} does not know it; train with {first} or {second}",
            folder=folder,
            arch=params.arch,
            reader=reader,
            first=first,
            second=second,
        )
    if params.rope_scaling:
        raise UserError(
            "{folder}: rope_scaling: not exported for {reader}; {advice}",
            folder=folder,
            reader=reader,
            advice=advice,
        )
    if not has_own_tokenizer(folder):
        raise UserError(
            "{folder}: its tokenizer comes from elsewhere, which is not exported; {advice}",
            folder=folder,
            advice=advice,
        )
    find_weight_files(folder)
    return params
