"""`tezgah import …`: conversion of a model of another program into a model folder of ours."""

import json
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model import hf, tanai
from pipeline.cli.import_model.weights import (
    damaged_file_error,
    find_weights,
    map_weights,
    read_file,
    read_folder_weights,
)
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.io import atomic_folder
from pipeline.common.params import read_params
from pipeline.common.paths import PARAMS_FILE, RAW_MODEL
from pipeline.model.config import ModelParams
from pipeline.model.hf_config import to_hf_config
from pipeline.model.hf_folder import read_json, require_file
from pipeline.model.hf_io import COMPANION_FILES, write_model_folder
from pipeline.pretrain.init_from import find_differing_params

MARKER_KEYS = ("bos_token_id", "eos_token_id", "pad_token_id")


def import_model(source: Path, to: Path | None, heads: int | None) -> None:
    """Write the model in `source`, a Hugging Face folder or a file of weights, to the folder `to`.

    `to` is data/raw/model/<its name> by default. `heads` is for files that do not hold it. Raises UserError,
    with nothing written, where the model is damaged or of an unsupported architecture.
    """
    to = to or RAW_MODEL / (source.resolve().name if source.is_dir() else source.stem)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError("{to}: already exists; remove it, or name another folder with --to", to=to)
    if source.is_dir():
        if heads is not None:
            raise UserError(
                "--heads: {heads}: {source} tells it; leave the option out",
                heads=heads,
                source=source / "config.json",
            )
        config, vocab_size, weights, markers = read_hf_folder(source)
    else:
        config, vocab_size, weights = read_weights_file(source, heads)
        markers = {}
    parameters = sum(weight.numel() for weight in weights.values())
    with atomic_folder(to) as folder:
        write_model_folder(folder, weights, {**to_hf_config(config, vocab_size), **markers})
        if source.is_dir():
            for name in COMPANION_FILES:
                if (source / name).is_file():
                    shutil.copyfile(source / name, folder / name)
    print_message(
        "{to}: {arch}, {parameters:,} parameters, {vocab_size:,} pieces",
        to=to,
        arch=config.arch,
        parameters=parameters,
        vocab_size=vocab_size,
    )
    if not (to / "tokenizer.model").exists():
        print_message(
            "note: {to} has no tokenizer.model; put there the one it was trained with, if you have it", to=to
        )
    if to.is_relative_to(RAW_MODEL):
        print_message(
            "to start from it: dvc exp run -S train.init_from={to}{flags}",
            to=to.as_posix(),
            flags=shape_flags(config),
        )


def read_hf_folder(source: Path) -> tuple[ModelParams, int, dict[str, Tensor], dict[str, Any]]:
    """Return the model params, vocabulary size, weights and marker ids of a Hugging Face folder."""
    path = require_file(source / "config.json", Translatable("name a folder that transformers has saved"))
    stock = read_json(path, damaged_file_error)
    file, weights = read_folder_weights(source)
    config, vocab_size = hf.parse_config(stock, weights, path, file)
    markers = {key: stock.get(key) for key in MARKER_KEYS}
    return config, vocab_size, map_weights(weights, {}, config, vocab_size, file), markers


def read_weights_file(path: Path, heads: int | None) -> tuple[ModelParams, int, dict[str, Tensor]]:
    """Return the model params, vocabulary size and weights of a TanAI-Lite checkpoint or a state_dict."""
    content = read_file(path)
    weights = find_weights(content, path)
    if tanai.EMBEDDING in weights:
        config, vocab_size = tanai.infer_config(weights, content, heads, path)
        names = tanai.weight_names(config.layers)
        return config, vocab_size, map_weights(weights, names, config, vocab_size, path)
    if hf.EMBEDDING in weights:
        config, vocab_size = hf.parse_config(hf.infer_config(weights, heads, path), weights, path, path)
        return config, vocab_size, map_weights(weights, {}, config, vocab_size, path)
    raise UserError(
        "{path}: no model of TanAI-Lite ({tanai}), Llama or Qwen3 ({llama}): it holds {weights}; "
        "name another file",
        path=path,
        tanai=tanai.EMBEDDING,
        llama=hf.EMBEDDING,
        weights=", ".join(sorted(weights)[:3]),
    )


def shape_flags(config: ModelParams) -> str:
    """Return the flags of `dvc exp run` for the values of a model's shape that differ from params.yaml."""
    section = read_params().get("model") if PARAMS_FILE.exists() else None
    if not isinstance(section, dict):
        return ""
    changes = find_differing_params(config, section)
    return "".join(f" -S model.{key}={json.dumps(value)}".replace('"', "") for key, value in changes.items())
