"""Write and read a decoder's model folder, in the Hugging Face format that `transformers` opens."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from pipeline.common.errors import UserError, one_line
from pipeline.common.io import write_atomic, write_json
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS, PAD, UNK

# The model class by architecture. `tanai` is no stock one: nothing but this program opens it.
HF_CLASSES = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM", "tanai": "TanaiForCausalLM"}
TOKENIZER_FILES = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json")


def to_hf_config(params: ModelParams, vocab_size: int) -> dict[str, Any]:
    """Return the `config.json` of the stock architecture."""
    hf_config = {
        "architectures": [HF_CLASSES[params.arch]],
        "model_type": params.arch,
        "vocab_size": vocab_size,
        "hidden_size": params.width,
        "intermediate_size": params.ffn,
        "num_hidden_layers": params.layers,
        "num_attention_heads": params.heads,
        "num_key_value_heads": params.kv_heads,
        "head_dim": params.head_dim,
        "hidden_act": "gelu" if params.arch == "tanai" else "silu",
        "max_position_embeddings": params.context,
        "rms_norm_eps": params.norm_eps,
        # transformers 4 reads the first, 5 the second.
        "rope_theta": params.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": params.rope_theta},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": params.tie_embeddings,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "torch_dtype": "float32",
    }
    if params.arch == "llama":
        hf_config["mlp_bias"] = False
    elif params.arch == "qwen3":
        hf_config["use_sliding_window"] = False
    return hf_config


def from_hf_config(hf_config: Any, path: Path) -> tuple[ModelParams, int]:
    """Return our params and the vocabulary size from the parsed `config.json` at `path`.

    Raises UserError where it is no configuration that this program writes.
    """
    if not isinstance(hf_config, dict):
        raise UserError(f"{path}: holds a {type(hf_config).__name__}, no configuration; name a model folder")
    vocab_size = hf_config.get("vocab_size")
    if type(vocab_size) is not int or vocab_size < 1:
        raise UserError(f"{path}: vocab_size: {vocab_size!r}: not a number of pieces; name a model folder")
    if hf_config.get("model_type") not in HF_CLASSES:
        raise UserError(
            f"{path}: model_type: {hf_config.get('model_type')!r}: not one of {', '.join(HF_CLASSES)}"
        )
    try:
        params = ModelParams(
            arch=hf_config["model_type"],
            width=hf_config["hidden_size"],
            layers=hf_config["num_hidden_layers"],
            heads=hf_config["num_attention_heads"],
            kv_heads=hf_config["num_key_value_heads"],
            head_dim=hf_config["head_dim"],
            ffn=hf_config["intermediate_size"],
            context=hf_config["max_position_embeddings"],
            rope_theta=hf_config["rope_theta"],
            norm_eps=hf_config["rms_norm_eps"],
            tie_embeddings=hf_config["tie_word_embeddings"],
        )
    except (KeyError, ValidationError) as error:
        raise UserError(f"{path}: no configuration that this program writes: {one_line(error)}") from None
    return params, vocab_size


def write_model_folder(folder: Path, weights: dict[str, torch.Tensor], hf_config: dict[str, Any]) -> None:
    """Write the weights under their stock names (no `lm_head.weight` when tied) and their `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "model.safetensors", save(weights, metadata={"format": "pt"}))
    write_json(folder / "config.json", hf_config)


def save_decoder(folder: Path, model: Decoder, tokenizer_folder: Path) -> None:
    """Write `model` in fp32, its configuration and a copy of the tokenizer's files."""
    weights = {
        name: weight.detach().float().cpu().contiguous() for name, weight in model.state_dict().items()
    }
    if model.params.tie_embeddings:
        del weights["lm_head.weight"]
    write_model_folder(folder, weights, to_hf_config(model.params, model.vocab_size))
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
        shutil.copyfile(tokenizer_folder / name, folder / name)


def load_decoder(folder: Path | str, device: torch.device | str = "cpu") -> Decoder:
    """Load the decoder of a model folder, in eval mode.

    Raises UserError where the folder does not exist, its architecture is unknown, or its weights do not fit
    its configuration.
    """
    folder = Path(folder)
    model = Decoder(*read_config(folder))
    read_weights(model, folder)
    return model.to(device).eval()


def read_config(folder: Path) -> tuple[ModelParams, int]:
    """Return the params and vocabulary size of a model folder. Raises UserError where it has none."""
    path = folder / "config.json"
    if not path.exists():
        raise UserError(f"{path}: no such file; run `dvc repro`, or name a model folder")
    try:
        return from_hf_config(json.loads(path.read_text(encoding="utf-8")), path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise damaged_error(folder, error) from None


def read_weights(model: Decoder, folder: Path) -> None:
    """Load the weights of a model folder into `model`. Raises UserError for damaged or other weights."""
    path = folder / "model.safetensors"
    try:
        copy_weights(model, load_file(path), path)
    except SafetensorError as error:
        raise damaged_error(folder, error) from None


def damaged_error(folder: Path, error: Exception) -> UserError:
    """Return the error for a model folder that cannot be read."""
    return UserError(
        f"{folder}: damaged: {error}; run `dvc checkout --force {folder}`, or import it again if you did"
    )


def copy_weights(model: Decoder, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Copy `weights`, read from `path`, into `model`. Raises UserError where names or shapes differ."""
    if model.params.tie_embeddings and "model.embed_tokens.weight" in weights:
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
