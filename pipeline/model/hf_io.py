"""Model folders that `transformers` opens: written and read here alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from pipeline.common.errors import UserError, one_line
from pipeline.common.io import write_json, write_whole
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder

# By architecture; `tanai` is no stock one: nothing but this program opens it.
CLASSES = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM", "tanai": "TanaiForCausalLM"}
UNK, BOS, EOS, PAD, END_OF_TURN = 0, 1, 2, 3, 7  # fixed by the tokenizer folder
TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json")


def to_stock(config: ModelParams, vocab_size: int) -> dict[str, Any]:
    """`config.json` of the stock architecture."""
    stock = {
        "architectures": [CLASSES[config.arch]],
        "model_type": config.arch,
        "vocab_size": vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.ffn,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "gelu" if config.arch == "tanai" else "silu",
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.norm_eps,
        # transformers 4 reads the first, 5 the second.
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "torch_dtype": "float32",
    }
    if config.arch == "llama":
        stock["mlp_bias"] = False
    elif config.arch == "qwen3":
        stock["use_sliding_window"] = False
    return stock


def from_stock(stock: Any, path: Path) -> tuple[ModelParams, int]:
    """Our configuration and the vocabulary size from a `config.json` read from `path`."""
    if not isinstance(stock, dict):
        raise UserError(f"{path}: holds a {type(stock).__name__}, no configuration; name a model folder")
    vocab_size = stock.get("vocab_size")
    if type(vocab_size) is not int or vocab_size < 1:
        raise UserError(f"{path}: vocab_size: {vocab_size!r}: not a number of pieces; name a model folder")
    if stock.get("model_type") not in CLASSES:
        raise UserError(f"{path}: model_type: {stock.get('model_type')!r}: not one of {', '.join(CLASSES)}")
    try:
        config = ModelParams(
            arch=stock["model_type"],
            width=stock["hidden_size"],
            layers=stock["num_hidden_layers"],
            heads=stock["num_attention_heads"],
            kv_heads=stock["num_key_value_heads"],
            head_dim=stock["head_dim"],
            ffn=stock["intermediate_size"],
            context=stock["max_position_embeddings"],
            rope_theta=stock["rope_theta"],
            norm_eps=stock["rms_norm_eps"],
            tie_embeddings=stock["tie_word_embeddings"],
        )
    except (KeyError, ValidationError) as error:
        raise UserError(f"{path}: no configuration that this program writes: {one_line(error)}") from None
    return config, vocab_size


def write_folder(folder: Path, weights: dict[str, torch.Tensor], stock: dict[str, Any]) -> None:
    """Write the weights under their stock names (no `lm_head.weight` when tied) and their `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "model.safetensors", save(weights, metadata={"format": "pt"}))
    write_json(folder / "config.json", stock)


def save_decoder(folder: Path, model: Decoder, tokenizer: Path) -> None:
    """Write `model` in fp32 with its configuration and a copy of the tokenizer's files."""
    weights = {
        name: weight.detach().float().cpu().contiguous() for name, weight in model.state_dict().items()
    }
    if model.config.tie_embeddings:
        del weights["lm_head.weight"]
    write_folder(folder, weights, to_stock(model.config, model.vocab_size))
    write_json(
        folder / "generation_config.json",
        {
            "bos_token_id": BOS,
            "eos_token_id": [EOS, END_OF_TURN],
            "pad_token_id": PAD,
            "suppress_tokens": [UNK, BOS, PAD],  # as pipeline/inference/generate.py forbids them
        },
    )
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer / name, folder / name)


def load_decoder(folder: Path | str, device: torch.device | str = "cpu") -> Decoder:
    """Open a model folder for reading (eval mode).

    Raises UserError where there is none, its architecture is unknown, or its weights are others
    than its configuration says.
    """
    folder = Path(folder)
    model = Decoder(*read_config(folder))
    read_weights(model, folder)
    return model.to(device).eval()


def read_config(folder: Path) -> tuple[ModelParams, int]:
    """The configuration and the vocabulary size of a model folder. Raises UserError where there is none."""
    path = folder / "config.json"
    if not path.exists():
        raise UserError(f"{path}: no such file; run `dvc repro`, or name a model folder")
    try:
        return from_stock(json.loads(path.read_text(encoding="utf-8")), path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise damaged(folder, error) from None


def read_weights(model: Decoder, folder: Path) -> None:
    """Give `model` the weights of a model folder. Raises UserError for damaged ones, or another model's."""
    path = folder / "model.safetensors"
    try:
        load_weights(model, load_file(path), path)
    except SafetensorError as error:
        raise damaged(folder, error) from None


def damaged(folder: Path, error: Exception) -> UserError:
    """What to say of a model folder that cannot be read."""
    return UserError(
        f"{folder}: damaged: {error}; run `dvc checkout --force {folder}`, or import it again if you did"
    )


def load_weights(model: Decoder, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Copy `weights` (of `path`) into `model`; UserError where names or shapes are another model's."""
    if model.config.tie_embeddings and "model.embed_tokens.weight" in weights:
        weights = {**weights, "lm_head.weight": weights["model.embed_tokens.weight"]}
    expected = model.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        ours, theirs = expected.get(name), weights.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            shapes = [str(tuple(t.shape)) if t is not None else "none" for t in (theirs, ours)]
            raise UserError(
                f"{path}: weights of another architecture: {name} is {shapes[0]},"
                f" its configuration means {shapes[1]}"
            )
    model.load_state_dict(weights)
