"""Write and read a decoder's model folder, in the Hugging Face format that `transformers` opens."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from pipeline.common.errors import UserError
from pipeline.common.io import write_atomic, write_json
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_folder import load_weights, parse_config, read_json, read_safetensors, require_file
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS, PAD, UNK

# The model class by architecture. `tanai` is no stock one: nothing but this program opens it.
HF_CLASSES = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM", "tanai": "TanaiForCausalLM"}
SIZE_NAMES = {  # our names of sizes to the keys of config.json
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "ffn": "intermediate_size",
    "context": "max_position_embeddings",
}
HF_NAMES = {
    "arch": "model_type",
    **SIZE_NAMES,
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "tie_embeddings": "tie_word_embeddings",
}
EMBEDDING = "model.embed_tokens.weight"  # also the name in the stock architectures


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


def from_hf_config(hf_config: dict[str, Any], path: Path) -> tuple[ModelParams, int]:
    """Return our params and the vocabulary size from the `config.json` at `path`.

    Raises UserError where it is no configuration that this program writes.
    """
    vocab_size = hf_config.get("vocab_size")
    if type(vocab_size) is not int or vocab_size < 1:
        raise UserError(f"{path}: vocab_size: {vocab_size!r}: not a number of pieces; name a model folder")
    if hf_config.get("model_type") not in HF_CLASSES:
        raise UserError(
            f"{path}: model_type: {hf_config.get('model_type')!r}: not one of {', '.join(HF_CLASSES)}"
        )
    return parse_config(hf_config, HF_NAMES, ModelParams, path), vocab_size


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
    for name in ("tokenizer.model", "tokenizer.json"):
        shutil.copyfile(tokenizer_folder / name, folder / name)
    tokenizer_config = read_json(tokenizer_folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {**tokenizer_config, "model_max_length": model.context})


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
    path = require_file(folder / "config.json", "run `dvc repro`, or name a model folder")
    return from_hf_config(read_json(path), path)


def read_weights(model: Decoder, folder: Path) -> None:
    """Load the weights of a model folder into `model`. Raises UserError for damaged or other weights."""
    path = require_file(folder / "model.safetensors", "run `dvc repro`, or name a model folder")
    weights = read_safetensors(path)
    if model.params.tie_embeddings and EMBEDDING in weights:
        weights["lm_head.weight"] = weights[EMBEDDING]
    load_weights(model, weights, path)
