"""Write and read a decoder's model folder, in the Hugging Face format that `transformers` opens."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from pipeline.common.io import write_atomic, write_json
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_config import from_hf_config, to_hf_config
from pipeline.model.hf_folder import load_weights, read_index, read_json, read_safetensors, require_file
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS, PAD, UNK

# Files of a model folder beside its weights and their configuration, where they exist.
COMPANION_FILES = (
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
EMBEDDING = "model.embed_tokens.weight"  # also the name in the stock architectures


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


def load_decoder(
    folder: Path | str, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Decoder:
    """Load the decoder of a model folder, of this program or another, in eval mode.

    Raises UserError where the folder does not exist, its architecture is unknown, or its weights do not fit
    its configuration.
    """
    folder = Path(folder)
    with torch.device("meta"):
        model = Decoder(*read_config(folder))
    read_weights(model, folder, dtype)
    model.compute_rotary_tables()
    return model.to(device).eval()


def load_to_answer(folder: Path, device: torch.device) -> Decoder:
    """Load the decoder of a model folder: on a GPU in the precision of its file, so that large ones fit."""
    return load_decoder(folder, device, stored_precision(folder) if device.type == "cuda" else torch.float32)


def read_config(folder: Path) -> tuple[ModelParams, int]:
    """Return the params and vocabulary size of a model folder. Raises UserError where it has none."""
    path = require_file(folder / "config.json", "run `dvc repro`, or name a model folder")
    return from_hf_config(read_json(path), path)


def find_weight_files(folder: Path, advice: str = "run `dvc repro`, or name a model folder") -> list[Path]:
    """Return the files of weights of a model folder: one, or the parts that an index names.

    Raises UserError, which ends in `advice`, where there is none, and where a part is missing.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return [folder / name for name in read_index(index)]
    return [require_file(folder / "model.safetensors", advice)]


def read_all_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a model folder by name, as they are stored. Raises UserError for damaged ones."""
    weights = {
        name: weight for file in find_weight_files(folder) for name, weight in read_safetensors(file).items()
    }
    # Older files hold rotary angles, which follow from the configuration.
    return {name: weight for name, weight in weights.items() if not name.endswith("rotary_emb.inv_freq")}


def read_weights(model: Decoder, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Give `model` the weights of a model folder. Raises UserError for damaged or other weights."""
    weights = {name: weight.to(dtype) for name, weight in read_all_weights(folder).items()}
    if model.params.tie_embeddings and EMBEDDING in weights:
        weights["lm_head.weight"] = weights[EMBEDDING]
    load_weights(model, weights, find_weight_files(folder)[0], assign=True)
    if model.params.tie_embeddings:
        model.lm_head.weight = model.model.embed_tokens.weight


def stored_precision(folder: Path) -> torch.dtype:
    """Return the precision in which a model folder holds its embeddings, fp32 where it has none."""
    for file in find_weight_files(folder):
        with safe_open(file, framework="pt") as weights:
            if EMBEDDING in weights.keys():  # noqa: SIM118 (no mapping)
                return weights.get_tensor(EMBEDDING).dtype
    return torch.float32
