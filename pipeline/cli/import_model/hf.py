"""Reading of Llama and Qwen3 models as `transformers` saves them. The names of weights equal ours."""

from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model.weights import count_layers, make_model_params, pop_tied_head, shape_of
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.model.config import ModelParams
from pipeline.model.hf_io import EMBEDDING, SIZE_NAMES

FIRST_LAYER = "model.layers.0"
DEFAULT_HEAD_DIM = 64  # the usual one, where the weights do not show it
# Settings that change what a model computes, and the only value that our decoder supports.
SUPPORTED_VALUES = {
    "attention_bias": False,
    "mlp_bias": False,
    "hidden_act": "silu",
    "use_sliding_window": False,
    "partial_rotary_factor": 1.0,
    "quantization_config": None,
}
# Defaults of transformers for keys that config.json lacks.
DEFAULTS = {
    "llama": {"max_position_embeddings": 2048},
    "qwen3": {"max_position_embeddings": 32768, "head_dim": 128, "num_key_value_heads": 32},
}


def parse_config(
    stock: dict[str, Any], weights: dict[str, Tensor], path: Path, source: Path
) -> tuple[ModelParams, int]:
    """Return the model params and the vocabulary size of a config.json.

    Removes a tied `lm_head` from `weights`. `path` is the file of the configuration, `source` that of the
    weights. Raises UserError, naming key and
    value, for another architecture and for settings that our decoder does not support.
    """
    arch = stock.get("model_type")
    if arch not in DEFAULTS:
        raise UserError(
            f"{path}: model_type: {arch!r}: not one of {', '.join(DEFAULTS)}; choose another model"
        )
    theta = rope_theta(stock, path)
    check_settings(stock, path)
    values = {**DEFAULTS[arch], **{key: value for key, value in stock.items() if value is not None}}
    for key in ("vocab_size", *SIZE_NAMES.values()):
        if key == "num_key_value_heads":
            values.setdefault(key, values["num_attention_heads"])
        elif key == "head_dim":
            values.setdefault(key, values["hidden_size"] // values["num_attention_heads"])
        if type(values.get(key)) is not int or values[key] < 1:
            raise UserError(f"{path}: {key}: {values.get(key)!r}: not a whole number above 0")
    shape_of(weights, EMBEDDING, source)
    one_matrix = pop_tied_head(weights, EMBEDDING)
    if stock.get("tie_word_embeddings") is True and not one_matrix:
        raise UserError(
            f"{source}: lm_head.weight differs from {EMBEDDING}, but {path} has tie_word_embeddings: true;"
            " set it to false there"
        )
    config = make_model_params(
        path,
        arch=arch,
        rope_theta=theta,
        norm_eps=values.get("rms_norm_eps", 1e-6),
        tie_embeddings=one_matrix,
        **{ours: values[theirs] for ours, theirs in SIZE_NAMES.items()},
    )
    return config, values["vocab_size"]


def check_settings(stock: dict[str, Any], path: Path) -> None:
    """Raise UserError for a setting that our decoder does not support."""
    for key, supported in SUPPORTED_VALUES.items():
        if stock.get(key) is not None and stock[key] != supported:
            raise unsupported_setting(path, key, stock[key], supported)
    # Configurations of Qwen3 hold a window that is not used.
    if "use_sliding_window" not in stock and stock.get("sliding_window") is not None:
        raise unsupported_setting(path, "sliding_window", stock["sliding_window"], None)
    for kind in stock.get("layer_types") or []:
        if kind != "full_attention":
            raise unsupported_setting(path, "layer_types", kind, "full_attention")


def rope_theta(stock: dict[str, Any], path: Path) -> Any:
    """Return the base of the rotary angles: `rope_theta` of transformers 4, in `rope_parameters` of 5.

    Raises UserError where angles are scaled, or where only a part of each head is rotated.
    """
    theta = stock.get("rope_theta") or 10000.0
    for key in ("rope_scaling", "rope_parameters"):
        settings = stock.get(key)
        if settings is None:
            continue
        if not isinstance(settings, dict) or any(isinstance(value, dict) for value in settings.values()):
            raise unsupported_setting(path, key, settings, "rope_type default")
        if settings.get("rope_type", settings.get("type", "default")) != "default":
            raise unsupported_setting(path, key, settings, "rope_type default")
        if settings.get("partial_rotary_factor") not in (None, 1.0):
            factor = settings["partial_rotary_factor"]
            raise unsupported_setting(path, f"{key}.partial_rotary_factor", factor, 1.0)
        theta = settings.get("rope_theta") or theta
    return theta


def unsupported_setting(path: Path, key: str, value: object, supported: object) -> UserError:
    """Return the error about a setting that our decoder does not support."""
    return UserError(
        f"{path}: {key}: {value!r}: this decoder knows {supported!r} alone; choose another model"
    )


def infer_config(weights: dict[str, Tensor], heads: int | None, path: Path) -> dict[str, Any]:
    """Return a config.json for weights without one.

    Values that the weights do not show are the usual ones, which are printed. Raises UserError where weights
    that show the shape are missing, or heads do not fit.
    """
    vocab_size, width = shape_of(weights, EMBEDDING, path)
    ffn, _ = shape_of(weights, f"{FIRST_LAYER}.mlp.gate_proj.weight", path)
    queries, _ = shape_of(weights, f"{FIRST_LAYER}.self_attn.q_proj.weight", path)
    keys, _ = shape_of(weights, f"{FIRST_LAYER}.self_attn.k_proj.weight", path)
    query_norm = f"{FIRST_LAYER}.self_attn.q_norm.weight"
    arch = "qwen3" if query_norm in weights else "llama"
    if arch == "qwen3":
        (head_dim,) = shape_of(weights, query_norm, path, axes=1)
        if heads is not None and heads * head_dim != queries:
            raise UserError(f"--heads: {heads}: {path} has {queries // head_dim}; leave the option out")
    else:
        head_dim = DEFAULT_HEAD_DIM if heads is None else queries // max(heads, 1)
    if not head_dim or queries % head_dim or keys % head_dim or heads not in (None, queries // head_dim):
        raise UserError(
            f"{path}: heads {head_dim} wide do not make {queries} queries and {keys} keys; give --heads as"
            " trained"
        )
    config: dict[str, Any] = {
        "model_type": arch,
        "vocab_size": vocab_size,
        "hidden_size": width,
        "intermediate_size": ffn,
        "num_hidden_layers": count_layers(weights, "model.layers"),
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
    return config
