"""LoRA (Hu et al. 2021, arXiv 2106.09685) by `peft`, beside the weights of a decoder.

A frozen matrix W computes x W^T. With trained matrices A [rank, inputs] and B [outputs, rank] beside it that
becomes x W^T + alpha / rank x A^T B^T. B is zero at first, so training starts from the model as it was.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.model.decoder import Decoder
from pipeline.model.hf_folder import read_json, read_safetensors, require_file
from pipeline.pretrained.params import LORA_EXTRA, LoraParams
from pipeline.pretrained.quantize import dequantize, quantize_layers

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
NAME = "default"  # of the adapter inside peft
PREFIX = "base_model.model."  # of the names in an adapter's file
CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"


def add_adapter(model: Decoder, params: LoraParams, seed: int, device: torch.device) -> None:
    """Freeze the weights of `model` and put new trainable matrices beside those of its layers.

    The frozen matrices stay on `device`, with `bits: 4` in 4 bits. Raises UserError where `peft` is missing,
    or an adapter of the params does not fit.
    """
    peft = import_peft()
    model.requires_grad_(False)
    if params.bits == 4:
        quantize_layers(model, device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(make_config(params), model, adapter_name=NAME)
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            module.cast_input_dtype_enabled = False  # autocast does it, once
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    if params.adapter is not None:
        read_adapter(model, Path(params.adapter), params)


def import_peft() -> ModuleType:
    """Return the module `peft`. Raises UserError where it is not installed."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it names each kernel that a machine lacks
    try:
        import peft
        import peft.tuners.lora
    except ImportError:
        raise UserError(
            "params.yaml: sft.lora.rank: LoRA needs peft; install the extra: {command}",
            command=LORA_EXTRA,
        ) from None
    return peft


def make_config(params: LoraParams, base: str | None = None) -> Any:
    """Return the configuration of the adapter as `peft` has it. `base`: the folder of its model."""
    return import_peft().LoraConfig(
        r=params.rank,
        lora_alpha=params.alpha,
        target_modules=list(TARGETS),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base,
    )


def check_adapter(folder: Path, params: LoraParams) -> None:
    """Raise UserError where the folder of `sft.lora.adapter` holds no adapter that can be gone on from."""
    key = f"params.yaml: sft.lora.adapter: {folder}"
    require_file(folder / WEIGHTS_FILE, "name the folder of an adapter")
    noted = read_json(require_file(folder / CONFIG_FILE, "name the folder of an adapter"))
    for name, own, value in (("rank", "r", params.rank), ("alpha", "lora_alpha", params.alpha)):
        if noted.get(own) != value:
            raise UserError(
                "{key}: its {own} is {noted}; set sft.lora.{name} to that",
                key=key,
                own=own,
                noted=repr(noted.get(own)),
                name=name,
            )
    ours = make_config(params).to_dict()
    targets = noted.get("target_modules")
    for name in ("peft_type", "use_rslora", "use_dora", "alpha_pattern", "rank_pattern", "bias"):
        if (noted.get(name) or None) != (ours.get(name) or None):
            raise UserError(
                "{key}: its {name} is {noted}, which cannot be gone on from here",
                key=key,
                name=name,
                noted=repr(noted[name]),
            )
    if not isinstance(targets, list) or sorted(targets) != sorted(TARGETS):
        raise UserError(
            "{key}: its target_modules are {targets}; to go on from it, it must have {needed}",
            key=key,
            targets=repr(targets),
            needed=", ".join(TARGETS),
        )


def read_adapter(model: Decoder, folder: Path, params: LoraParams) -> None:
    """Load the matrices of an adapter folder into the adapter of `model`.

    Raises UserError where it is another kind of adapter, or was made for another base.
    """
    check_adapter(folder, params)
    weights = read_safetensors(folder / WEIGHTS_FILE)
    ours = {adapter_name(name): weight for name, weight in trainable_weights(model).items()}
    for name in sorted(ours.keys() | weights.keys()):
        shape, expected = (
            str(tuple(w[name].shape)) if name in w else Translatable("none") for w in (weights, ours)
        )
        if shape != expected:
            raise UserError(
                "params.yaml: sft.lora.adapter: {folder}: made for another base: {name} is "
                "{shape}, and the model of sft.init_from has {expected}; name the base that it "
                "was made for",
                folder=folder,
                name=name.removeprefix(PREFIX),
                shape=shape,
                expected=expected,
            )
        ours[name].data.copy_(weights[name])


def write_adapter(folder: Path, model: Decoder, params: LoraParams, base: str) -> None:
    """Write the adapter of `model` to a folder that `peft` opens. `base`: the folder of its model."""
    folder.mkdir(parents=True)
    config = make_config(params, base)
    config.inference_mode = True
    values = {
        key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()
    }
    (folder / CONFIG_FILE).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {adapter_name(name): weight.detach().cpu() for name, weight in trainable_weights(model).items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})


def trainable_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights that are not frozen, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def adapter_name(name: str) -> str:
    """Return how an adapter's file names a matrix of `model`."""
    return PREFIX + name.replace(f".{NAME}.", ".")


@torch.no_grad()
def merged_weights(model: Decoder) -> Iterator[tuple[str, Tensor]]:
    """Yield the matrices that have trained ones beside them with those added: stock names, fp32, on the CPU.

    With 4 bits, the frozen weights are those that training saw.
    """
    lora = import_peft().tuners.lora
    for name, module in model.named_modules():
        if isinstance(module, lora.LoraLayer):
            delta: Tensor = module.get_delta_weight(NAME)
            yield f"{name}.weight", dequantize(module.get_base_layer()).cpu().float() + delta.cpu().float()
