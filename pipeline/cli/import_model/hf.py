"""Models of the Llama and Qwen3 architectures, as `transformers` saves them; names of weights are ours."""

from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model.weights import layers_in, model_params, sizes, tied
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.model.config import ModelParams

EMBEDDING = "model.embed_tokens.weight"  # by which a state_dict with stock names is recognised
LAYER = "model.layers.0"
HEAD = 64  # width of a head, where weights do not tell it: the usual one
# Settings that change what a model computes, and the only value that our decoder knows.
ONLY = {
    "attention_bias": False,
    "mlp_bias": False,
    "hidden_act": "silu",
    "use_sliding_window": False,
    "partial_rotary_factor": 1.0,
    "quantization_config": None,
}
SIZES = {  # their keys to ours
    "hidden_size": "width",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "intermediate_size": "ffn",
    "max_position_embeddings": "context",
}
# What transformers takes where config.json does not say.
DEFAULTS = {
    "llama": {"max_position_embeddings": 2048},
    "qwen3": {"max_position_embeddings": 32768, "head_dim": 128, "num_key_value_heads": 32},
}


def configuration(
    stock: dict[str, Any], weights: dict[str, Tensor], path: Path, source: Path
) -> tuple[ModelParams, int]:
    """Our configuration and the number of pieces of a config.json; takes a tied `lm_head` out of `weights`.

    `path` is of the configuration, `source` of the weights. Raises UserError, naming key and value, for
    another architecture and for settings that our decoder lacks.
    """
    arch = stock.get("model_type")
    if arch not in DEFAULTS:
        raise UserError(
            f"{path}: model_type: {arch!r}: not one of {', '.join(DEFAULTS)}; choose another model"
        )
    theta = rope_theta(stock, path)
    check_settings(stock, path)
    values = {**DEFAULTS[arch], **{key: value for key, value in stock.items() if value is not None}}
    for key in ("vocab_size", *SIZES):
        if key == "num_key_value_heads":
            values.setdefault(key, values["num_attention_heads"])
        elif key == "head_dim":
            values.setdefault(key, values["hidden_size"] // values["num_attention_heads"])
        if type(values.get(key)) is not int or values[key] < 1:
            raise UserError(f"{path}: {key}: {values.get(key)!r}: not a whole number above 0")
    sizes(weights, EMBEDDING, source)
    one_matrix = tied(weights, EMBEDDING)
    if stock.get("tie_word_embeddings") is True and not one_matrix:
        raise UserError(
            f"{source}: lm_head.weight differs from {EMBEDDING}, but {path} has tie_word_embeddings: true;"
            " set it to false there"
        )
    config = model_params(
        path,
        arch=arch,
        rope_theta=theta,
        norm_eps=values.get("rms_norm_eps", 1e-6),
        tie_embeddings=one_matrix,
        **{ours: values[theirs] for theirs, ours in SIZES.items()},
    )
    return config, values["vocab_size"]


def check_settings(stock: dict[str, Any], path: Path) -> None:
    """Raise UserError for a setting with which a model computes what our decoder does not."""
    for key, only in ONLY.items():
        if stock.get(key) is not None and stock[key] != only:
            raise lacking(path, key, stock[key], only)
    # Qwen3 notes a window that it does not use.
    if "use_sliding_window" not in stock and stock.get("sliding_window") is not None:
        raise lacking(path, "sliding_window", stock["sliding_window"], None)
    for kind in stock.get("layer_types") or []:
        if kind != "full_attention":
            raise lacking(path, "layer_types", kind, "full_attention")


def rope_theta(stock: dict[str, Any], path: Path) -> Any:
    """The base of the rotary angles: `rope_theta` of transformers 4, `rope_parameters` of 5.

    Raises UserError where angles are scaled, or turn a part of each head alone.
    """
    theta = stock.get("rope_theta") or 10000.0
    for key in ("rope_scaling", "rope_parameters"):
        given = stock.get(key)
        if given is None:
            continue
        if not isinstance(given, dict) or any(isinstance(value, dict) for value in given.values()):
            raise lacking(path, key, given, "rope_type default")
        if given.get("rope_type", given.get("type", "default")) != "default":
            raise lacking(path, key, given, "rope_type default")
        if given.get("partial_rotary_factor") not in (None, 1.0):
            raise lacking(path, f"{key}.partial_rotary_factor", given["partial_rotary_factor"], 1.0)
        theta = given.get("rope_theta") or theta
    return theta


def lacking(path: Path, key: str, value: object, only: object) -> UserError:
    """What to say of a setting that our decoder does not have."""
    return UserError(f"{path}: {key}: {value!r}: this decoder knows {only!r} alone; choose another model")


def told_by(weights: dict[str, Tensor], heads: int | None, path: Path) -> dict[str, Any]:
    """A config.json for weights that came without one; what they do not tell is taken to be usual, and said.

    Raises UserError where weights that tell the shape are missing, or heads do not fit.
    """
    vocab_size, width = sizes(weights, EMBEDDING, path)
    ffn, _ = sizes(weights, f"{LAYER}.mlp.gate_proj.weight", path)
    queries, _ = sizes(weights, f"{LAYER}.self_attn.q_proj.weight", path)
    keys, _ = sizes(weights, f"{LAYER}.self_attn.k_proj.weight", path)
    normed = f"{LAYER}.self_attn.q_norm.weight"
    arch = "qwen3" if normed in weights else "llama"
    if arch == "qwen3":
        (head_dim,) = sizes(weights, normed, path, axes=1)
        if heads is not None and heads * head_dim != queries:
            raise UserError(f"--heads: {heads}: {path} has {queries // head_dim}; leave the option out")
    else:
        head_dim = HEAD if heads is None else queries // max(heads, 1)
    if not head_dim or queries % head_dim or keys % head_dim or heads not in (None, queries // head_dim):
        raise UserError(
            f"{path}: heads {head_dim} wide do not make {queries} queries and {keys} keys; give --heads as"
            " trained"
        )
    found: dict[str, Any] = {
        "model_type": arch,
        "vocab_size": vocab_size,
        "hidden_size": width,
        "intermediate_size": ffn,
        "num_hidden_layers": layers_in(weights, "model.layers"),
        "num_attention_heads": queries // head_dim,
        "num_key_value_heads": keys // head_dim,
        "head_dim": head_dim,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
    }
    print(
        translate(
            f"{path}: weights alone; taken to be usual: {queries // head_dim} heads, context 2048,"
            " rope_theta 10000.0, norm_eps 1e-06; other heads: --heads; the others: edit config.json"
        )
    )
    return found
