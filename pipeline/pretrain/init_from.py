"""`train.init_from`: a model whose weights pretraining starts from, instead of random ones."""

import glob
from pathlib import Path
from typing import Any

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.common.io import sha256
from pipeline.common.paths import RAW_MODEL
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import read_config, read_weights

KEY = "params.yaml: train.init_from"
MODEL_FILES = ("config.json", "model.safetensors")


def find_init_files(init_from: str, root: Path = Path()) -> list[Path]:
    """Return the files of a model folder that the initial weights depend on. `root`: the project's folder.

    Raises UserError where one is missing, or is outside the folder that DVC tracks.
    """
    folder = init_from.rstrip("/")
    if not (root / folder).exists() and (root / f"{folder}.dvc").is_file():
        raise UserError(
            "{key}: {init_from}: its data is absent; run `dvc pull {folder}.dvc`",
            key=KEY,
            init_from=init_from,
            folder=folder,
        )
    return matching_files(KEY, [f"{glob.escape(folder)}/{name}" for name in MODEL_FILES], RAW_MODEL, root)


def check_init_from(init_from: str, model_params: ModelParams, vocab_size: int, root: Path = Path()) -> None:
    """Raise UserError where the model in `init_from` has other params, or another vocabulary size."""
    find_init_files(init_from, root)
    init_params, init_vocab_size = read_config(root / init_from)
    for key, value in find_differing_params(init_params, model_params.model_dump()).items():
        raise UserError(
            "params.yaml: model.{key}: {chosen}: the model of train.init_from, {init_from}, "
            "has {value}; set model.{key} to that, or train.init_from to null",
            key=key,
            chosen=getattr(model_params, key),
            init_from=init_from,
            value=value,
        )
    if init_vocab_size != vocab_size:
        raise UserError(
            "{key}: {init_from}: made for {init_vocab_size} pieces, not for the {vocab_size} "
            "of this tokenizer; start from a model with the same tokenizer, or from null",
            key=KEY,
            init_from=init_from,
            init_vocab_size=init_vocab_size,
            vocab_size=vocab_size,
        )


def find_differing_params(init_params: ModelParams, section: dict[str, Any]) -> dict[str, Any]:
    """Return the params of a model that a `model` section must have to start from it, and has not.

    Weights do not depend on a rotary model's context, nor a model of learned positions on `rope_theta`.
    """
    free = "rope_theta" if init_params.arch == "tanai" else "context"
    values = init_params.model_dump(exclude={"ngram"})
    return {key: value for key, value in values.items() if key != free and section.get(key) != value}


def load_init_weights(model: Decoder, init_from: str | None, tokenizer: Path) -> list[Path]:
    """Load the weights in `init_from`, if any, into `model`, and return the files that they depend on.

    Raises UserError where they have another shape, or another tokenizer than the one in the folder
    `tokenizer`. Prints a note where their folder has no tokenizer.
    """
    if init_from is None:
        return []
    check_init_from(init_from, model.params, model.vocab_size)
    folder = Path(init_from)
    theirs, ours = folder / "tokenizer.model", tokenizer / "tokenizer.model"
    if not theirs.exists():
        print_message(
            "note: {theirs}: no such file; its model's ids are taken to be those of {ours}",
            theirs=theirs,
            ours=ours,
        )
    elif sha256(theirs) != sha256(ours):
        raise UserError(
            "{key}: {theirs} is another tokenizer than {ours}, so that ids mean other pieces; "
            "start from a model with the same tokenizer, or from null",
            key=KEY,
            theirs=theirs,
            ours=ours,
        )
    read_weights(model, folder)
    print_message("starts from the weights in {folder}", folder=folder)
    return find_init_files(init_from)
