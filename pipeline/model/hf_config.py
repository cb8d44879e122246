"""The `config.json` of the stock architectures: what this program writes, and what it reads of others'."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.params import describe_validation_error
from pipeline.model.config import ModelParams, RopeScaling
from pipeline.tokenizer.special import BOS, EOS, PAD

# The model class by architecture. `tanai` is no stock one: nothing but this program opens it.
HF_CLASSES = {
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "mistral": "MistralForCausalLM",
    "tanai": "TanaiForCausalLM",
}
SIZE_NAMES = {  # our names of sizes to the keys of config.json
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "ffn": "intermediate_size",
    "context": "max_position_embeddings",
}
# Defaults of transformers for keys that config.json lacks.
DEFAULTS: dict[str, dict[str, int]] = {
    "llama": {"max_position_embeddings": 2048},
    "qwen2": {"max_position_embeddings": 32768, "num_key_value_heads": 32},
    "qwen3": {"max_position_embeddings": 32768, "head_dim": 128, "num_key_value_heads": 32},
    "mistral": {"max_position_embeddings": 131072, "num_key_value_heads": 8},
    "tanai": {},
}
DEFAULT_WINDOWS = {"mistral": 4096}  # likewise, of tokens that a layer reads back
# Settings that change what a model computes, and the only value that our decoder supports.
SUPPORTED_VALUES = {
    "attention_bias": False,  # of qwen2 it is not a setting
    "mlp_bias": False,
    "use_sliding_window": False,
    "partial_rotary_factor": 1.0,
    "quantization_config": None,
}
ROPE_TYPES = Translatable("'rope_type default, linear or llama3'")


def to_hf_config(params: ModelParams, vocab_size: int) -> dict[str, Any]:
    """Return the `config.json` of the stock architecture."""
    rope_parameters: dict[str, Any] = {"rope_type": "default", "rope_theta": params.rope_theta}
    if params.rope_scaling is not None:
        rope_parameters |= scaling_to_hf(params.rope_scaling)
    hf_config: dict[str, Any] = {
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
        "rope_parameters": rope_parameters,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": params.tie_embeddings,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "torch_dtype": "float32",
    }
    if params.rope_scaling is not None:
        hf_config["rope_scaling"] = scaling_to_hf(params.rope_scaling)  # for transformers 4
    if params.arch == "llama":
        hf_config["mlp_bias"] = False
    elif params.arch in ("qwen2", "qwen3"):
        hf_config["use_sliding_window"] = False
    elif params.arch == "mistral":
        hf_config["sliding_window"] = None
    return hf_config


def scaling_to_hf(scaling: RopeScaling) -> dict[str, Any]:
    """Return the keys of a rotary scaling in config.json."""
    if scaling.kind == "linear":
        return {"rope_type": "linear", "factor": scaling.factor}
    return {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_turns,
        "high_freq_factor": scaling.high_turns,
        "original_max_position_embeddings": scaling.original_context,
    }


def from_hf_config(stock: dict[str, Any], path: Path) -> tuple[ModelParams, int]:
    """Return the model params and the vocabulary size of a config.json, which `path` names in errors.

    Keys that it lacks have the defaults of transformers. Raises UserError, naming key and value, for another
    architecture and for settings that our decoder does not support.
    """
    arch = stock.get("model_type")
    if arch not in HF_CLASSES:
        raise UserError(
            "{path}: model_type: {arch}: not one of {known}; choose another model",
            path=path,
            arch=repr(arch),
            known=", ".join(HF_CLASSES),
        )
    check_settings(stock, path)
    theta, scaling = read_rope(stock, path)
    values = {**DEFAULTS[arch], **{key: value for key, value in stock.items() if value is not None}}
    if "num_key_value_heads" in stock and stock["num_key_value_heads"] is None:
        del values["num_key_value_heads"]
    for key in ("vocab_size", *SIZE_NAMES.values()):
        if key == "num_key_value_heads":
            values.setdefault(key, values["num_attention_heads"])
        elif key == "head_dim":
            values.setdefault(key, values["hidden_size"] // values["num_attention_heads"])
        if type(values.get(key)) is not int or values[key] < 1:
            raise UserError(
                "{path}: {key}: {value}: not a whole number above 0",
                path=path,
                key=key,
                value=repr(values.get(key)),
            )
    params = make_model_params(
        path,
        arch=arch,
        rope_theta=theta,
        rope_scaling=scaling,
        norm_eps=values.get("rms_norm_eps", 1e-6),
        tie_embeddings=values.get("tie_word_embeddings", False),
        **{ours: values[theirs] for ours, theirs in SIZE_NAMES.items()},
    )
    if window := find_window(stock):  # shorter texts never reach its edge
        params = params.model_copy(update={"context": min(params.context, window)})
    return params, values["vocab_size"]


def check_settings(stock: dict[str, Any], path: Path) -> None:
    """Raise UserError for a setting that our decoder does not support."""
    supported_values = {
        **SUPPORTED_VALUES,
        "hidden_act": "gelu" if stock["model_type"] == "tanai" else "silu",
    }
    for key, supported in supported_values.items():
        if stock.get(key) is not None and stock[key] != supported:
            raise unsupported_setting(path, key, stock[key], repr(supported))
    if find_window(stock):
        return
    for kind in stock.get("layer_types") or []:
        if kind != "full_attention":
            raise unsupported_setting(path, "layer_types", kind, "'full_attention'")


def find_window(stock: dict[str, Any]) -> int | None:
    """Return the tokens that every layer reads back, None for all."""
    window = stock.get("sliding_window", DEFAULT_WINDOWS.get(stock["model_type"]))
    # Configurations of Qwen hold a window that is not used.
    return None if "use_sliding_window" in stock or type(window) is not int else window


def read_rope(stock: dict[str, Any], path: Path) -> tuple[Any, dict[str, Any] | None]:
    """Return the base of the rotary angles, and their scaling as `RopeScaling` takes it.

    They are `rope_theta` and `rope_scaling` of transformers 4, both in `rope_parameters` of 5. Raises
    UserError for another scaling than our decoder knows, and where only a part of each head is rotated.
    """
    theta, scaling = stock.get("rope_theta") or 10000.0, None
    for key in ("rope_scaling", "rope_parameters"):
        settings = stock.get(key)
        if settings is None:
            continue
        if not isinstance(settings, dict) or any(isinstance(value, dict) for value in settings.values()):
            raise unsupported_setting(path, key, settings, ROPE_TYPES)
        if settings.get("partial_rotary_factor") not in (None, 1.0):
            factor = settings["partial_rotary_factor"]
            raise unsupported_setting(path, f"{key}.partial_rotary_factor", factor, "1.0")
        theta = settings.get("rope_theta") or theta
        kind = settings.get("rope_type", settings.get("type", "default"))
        if kind == "default":
            continue
        try:
            scaling = {"kind": kind, "factor": settings["factor"]}
            if kind == "llama3":
                scaling |= {
                    "original_context": settings["original_max_position_embeddings"],
                    "low_turns": settings["low_freq_factor"],
                    "high_turns": settings["high_freq_factor"],
                }
            RopeScaling(**scaling)
        except (KeyError, ValidationError):
            raise unsupported_setting(path, key, settings, ROPE_TYPES) from None
    return theta, scaling


def unsupported_setting(path: Path, key: str, value: object, supported: str) -> UserError:
    """Return the error about a setting that our decoder does not support. `supported` says which it does."""
    return UserError(
        "{path}: {key}: {value}: this decoder knows {supported} alone; choose another model",
        path=path,
        key=key,
        value=repr(value),
        supported=supported,
    )


def make_model_params(path: Path, **values: Any) -> ModelParams:
    """Return the params of a decoder. Raises UserError where the values of `path` are not valid."""
    try:
        return ModelParams(**values)
    except ValidationError as error:
        fault = describe_validation_error(error, "model", ModelParams, values)
        raise UserError(
            "{path}: {fault}; this decoder cannot hold the model", path=path, fault=fault
        ) from None
