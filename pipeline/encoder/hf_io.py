"""Write and read the encoder's folder, which `SentenceTransformer(folder)` opens without conversion."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from pipeline.common.errors import UserError
from pipeline.common.io import write_atomic, write_json
from pipeline.encoder.model import NORM_EPS, Encoder, EncoderConfig
from pipeline.model.hf_folder import load_weights, parse_config, read_json, read_safetensors, require_file
from pipeline.tokenizer.special import BOS, EOS, PAD

HF_NAMES = {  # our names to the keys of config.json
    "vocab_size": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "ffn": "intermediate_size",
    "context": "max_position_embeddings",
    "rope_theta": "global_rope_theta",
}


def save_encoder(folder: Path, encoder: Encoder, tokenizer_folder: Path) -> None:
    """Write weights, configuration and tokenizer into the existing `folder`.

    Modules and keys have their older names throughout, which sentence-transformers 2 to 6 read.
    """
    weights = {name: weight.detach().cpu().contiguous() for name, weight in encoder.state_dict().items()}
    write_atomic(folder / "model.safetensors", save(weights, metadata={"format": "pt"}))
    write_json(folder / "config.json", make_hf_config(encoder.config, next(iter(weights.values())).dtype))
    module_types = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{module_type}"}
        for i, (path, module_type) in enumerate(module_types.items())
    ]
    write_json(folder / "modules.json", modules)
    pooling = {
        "word_embedding_dimension": encoder.config.width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "2_Normalize" / "config.json", {})
    sentence_bert = {"max_seq_length": encoder.config.context, "do_lower_case": False}
    write_json(folder / "sentence_bert_config.json", sentence_bert)
    similarity: dict[str, Any] = {
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    write_json(folder / "config_sentence_transformers.json", similarity)
    copy_tokenizer(tokenizer_folder, folder, encoder.config.context)


def make_hf_config(config: EncoderConfig, dtype: torch.dtype) -> dict[str, Any]:
    """Return ModernBERT's `config.json`, its rotary base and attention pattern for transformers 4 and 5."""
    rope = {"rope_type": "default", "rope_theta": config.rope_theta}
    return {
        "architectures": ["ModernBertModel"],
        "model_type": "modernbert",
        "dtype": str(dtype).removeprefix("torch."),
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.ffn,
        "max_position_embeddings": config.context,
        "hidden_activation": "gelu",
        "norm_eps": NORM_EPS,
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "embedding_dropout": 0.0,
        "mlp_dropout": 0.0,
        # transformers 4
        "global_attn_every_n_layers": 1,
        "global_rope_theta": config.rope_theta,
        "local_rope_theta": config.rope_theta,
        "reference_compile": False,
        # transformers 5
        "layer_types": ["full_attention"] * config.layers,
        "rope_parameters": {"full_attention": rope, "sliding_attention": dict(rope)},
        "bos_token_id": BOS,
        "cls_token_id": BOS,
        "eos_token_id": EOS,
        "sep_token_id": EOS,
        "pad_token_id": PAD,
    }


def copy_tokenizer(source: Path, target: Path, context: int) -> None:
    """Copy a tokenizer folder's files and change its configuration to what an encoder needs.

    Raises UserError where `source` is no tokenizer folder.
    """
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (source / name).exists():
            raise UserError(f"{source / name}: no such file; run `dvc repro train_tokenizer`")
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("chat_template", None)
    config |= {
        "model_max_length": context,
        "padding_side": "right",
        "truncation_side": "right",
        # Without a chat no text stands for a special token: a literal <s> is three characters.
        "split_special_tokens": True,
    }
    write_json(target / "tokenizer_config.json", config)


def load_encoder(folder: Path | str, device: torch.device | str = "cpu") -> Encoder:
    """Load an encoder that `save_encoder` wrote, in eval mode.

    Raises UserError where the folder is missing or damaged, holds another kind of model, or its weights do
    not fit its configuration.
    """
    folder = Path(folder)
    path = require_file(folder / "config.json", "run `dvc repro train_encoder`")
    hf_config = read_json(path)
    if hf_config.get("model_type") != "modernbert" or hf_config.get("global_attn_every_n_layers") != 1:
        raise UserError(f"{path}: model_type {hf_config.get('model_type')!r}: not an encoder written here")
    encoder = Encoder(parse_config(hf_config, HF_NAMES, EncoderConfig, path))
    path = require_file(folder / "model.safetensors", "run `dvc repro train_encoder`")
    load_weights(encoder, read_safetensors(path), path, assign=True)
    return encoder.to(device).eval()
