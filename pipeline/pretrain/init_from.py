"""The model that training starts from in place of random weights: what `train.init_from` names."""

import glob
from pathlib import Path
from typing import Any

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.common.io import sha256
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import read_config, read_weights

RAW = "data/raw/model"  # DVC sees what changes there
KEY = "params.yaml: train.init_from"
FILES = ("config.json", "model.safetensors")


def start_files(init_from: str, root: Path = Path()) -> list[Path]:
    """The files of a model folder that tell what training starts from; `root` is the project's folder.

    Raises UserError where one is missing, or lies where DVC would not see it change.
    """
    folder = init_from.rstrip("/")
    if not (root / folder).exists() and (root / f"{folder}.dvc").is_file():
        raise UserError(f"{KEY}: {init_from}: its data is absent; run `dvc pull {folder}.dvc`")
    return matching_files(KEY, [f"{glob.escape(folder)}/{name}" for name in FILES], RAW, root)


def check_start(init_from: str, shape: ModelParams, vocab_size: int, root: Path = Path()) -> None:
    """Raise UserError where the model in `init_from` is not of this shape, or not for `vocab_size` pieces."""
    start_files(init_from, root)
    config, pieces = read_config(root / init_from)
    for key, theirs in differing(config, shape.model_dump()).items():
        raise UserError(
            f"params.yaml: model.{key}: {getattr(shape, key)}: the model of train.init_from, {init_from}, has"
            f" {theirs}; set model.{key} to that, or train.init_from to null"
        )
    if pieces != vocab_size:
        raise UserError(
            f"{KEY}: {init_from}: made for {pieces} pieces, not for the {vocab_size} of this tokenizer; start"
            " from a model with the same tokenizer, or from null"
        )


def differing(config: ModelParams, section: dict[str, Any]) -> dict[str, Any]:
    """The values of a model that a `model` section must have to start from it, and has not.

    Weights do not depend on a rotary model's context, nor a model of learned positions on `rope_theta`.
    """
    free = "rope_theta" if config.arch == "tanai" else "context"
    values = config.model_dump()
    return {key: value for key, value in values.items() if key != free and section.get(key) != value}


def start_from(model: Decoder, init_from: str, tokenizer: Path) -> list[Path]:
    """Give `model` the weights in `init_from`; returns the files that they depend on.

    Raises UserError where they are another shape's, or were trained with another tokenizer than the one in
    the folder `tokenizer`. Says so where their folder does not tell which.
    """
    check_start(init_from, model.config, model.vocab_size)
    folder = Path(init_from)
    theirs, ours = folder / "tokenizer.model", tokenizer / "tokenizer.model"
    if not theirs.exists():
        print(translate(f"note: {theirs}: no such file; its model's ids are taken to be those of {ours}"))
    elif sha256(theirs) != sha256(ours):
        raise UserError(
            f"{KEY}: {theirs} is another tokenizer than {ours}, so that ids mean other pieces; start from a"
            " model with the same tokenizer, or from null"
        )
    read_weights(model, folder)
    print(f"starts from the weights in {folder}")
    return start_files(init_from)
