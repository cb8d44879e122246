"""What `tezgah import …` does: turn a model of others into a model folder of ours."""

import json
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model import hf, tanai
from pipeline.cli.import_model.weights import fitted, read_file, read_folder, read_json, weights_in
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.common.io import whole_folder
from pipeline.common.params import PARAMS_FILE, read
from pipeline.model.config import ModelParams
from pipeline.model.hf_io import to_stock, write_folder
from pipeline.pretrain.init_from import RAW, differing

# Beside the weights of a Hugging Face folder; those that are there are copied.
COMPANIONS = (
    "tokenizer.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
)
MARKERS = ("bos_token_id", "eos_token_id", "pad_token_id")


def run(source: Path, to: Path | None, heads: int | None) -> None:
    """Write the model in `source`, a Hugging Face folder or a file of weights, to the folder `to`.

    `to` is data/raw/model/<its name> unless given; `heads` is for files that do not tell it. Raises
    UserError, with nothing written, where the model is none of ours or damaged.
    """
    to = to or Path(RAW) / (source.resolve().name if source.is_dir() else source.stem)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to}: is there already; remove it, or name another folder with --to")
    if source.is_dir():
        if heads is not None:
            raise UserError(f"--heads: {heads}: {source / 'config.json'} tells it; leave the option out")
        config, vocab_size, weights, markers = from_folder(source)
    else:
        config, vocab_size, weights = from_file(source, heads)
        markers = {}
    parameters = sum(weight.numel() for weight in weights.values())
    with whole_folder(to) as folder:
        write_folder(folder, weights, {**to_stock(config, vocab_size), **markers})
        if source.is_dir():
            for name in COMPANIONS:
                if (source / name).is_file():
                    shutil.copyfile(source / name, folder / name)
    print(translate(f"{to}: {config.arch}, {parameters:,} parameters, {vocab_size:,} pieces"))
    if not (to / "tokenizer.model").exists():
        print(
            translate(
                f"note: {to} has no tokenizer.model; put there the one it was trained with, if you have it"
            )
        )
    if to.is_relative_to(RAW):
        print(translate(f"to start from it: dvc exp run -S train.init_from={to.as_posix()}{flags(config)}"))


def from_folder(source: Path) -> tuple[ModelParams, int, dict[str, Tensor], dict[str, Any]]:
    """Configuration, number of pieces, weights and ids of the markers of a Hugging Face folder."""
    path = source / "config.json"
    if not path.is_file():
        raise UserError(f"{path}: no such file; name a folder that transformers has saved")
    stock = read_json(path)
    file, weights = read_folder(source)
    config, vocab_size = hf.configuration(stock, weights, path, file)
    markers = {key: stock.get(key) for key in MARKERS}
    return config, vocab_size, fitted(weights, {}, config, vocab_size, file), markers


def from_file(path: Path, heads: int | None) -> tuple[ModelParams, int, dict[str, Tensor]]:
    """Configuration, number of pieces and weights of a TanAI-Lite checkpoint or a bare state_dict."""
    content = read_file(path)
    weights = weights_in(content, path)
    if tanai.EMBEDDING in weights:
        config, vocab_size = tanai.configuration(weights, content, heads, path)
        return config, vocab_size, fitted(weights, tanai.names(config.layers), config, vocab_size, path)
    if hf.EMBEDDING in weights:
        config, vocab_size = hf.configuration(hf.told_by(weights, heads, path), weights, path, path)
        return config, vocab_size, fitted(weights, {}, config, vocab_size, path)
    raise UserError(
        f"{path}: no model of TanAI-Lite ({tanai.EMBEDDING}), Llama or Qwen3 ({hf.EMBEDDING}): it holds"
        f" {', '.join(sorted(weights)[:3])}; name another file"
    )


def flags(config: ModelParams) -> str:
    """What `dvc exp run` needs to be told of a model's shape, where params.yaml has another."""
    section = read().get("model") if PARAMS_FILE.exists() else None
    if not isinstance(section, dict):
        return ""
    changes = differing(config, section)
    return "".join(f" -S model.{key}={json.dumps(value)}".replace('"', "") for key, value in changes.items())
