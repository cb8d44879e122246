"""Frozen matrices in 4 bits, by `bitsandbytes` (NF4; Dettmers et al. 2023, arXiv 2305.14314)."""

from typing import Any

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.pretrained.params import LORA_EXTRA

BLOCK = 64  # weights that share a scale; a row of a matrix is made of whole blocks


def check_widths(params: ModelParams, subject: str) -> None:
    """Raise UserError where a width of a model is no multiple of BLOCK. `subject` names the model."""
    for name, width in find_odd_widths(params).items():
        raise UserError(
            "params.yaml: sft.lora.bits: 4: {subject} has {name} {width}, no multiple of "
            "{block}, which 4 bits need; set it to 16",
            subject=subject,
            name=name,
            width=width,
            block=BLOCK,
        )


def find_odd_widths(params: ModelParams) -> dict[str, int]:
    """Return the widths of matrices that are no multiple of BLOCK, by their names in config.json."""
    queries = params.heads * params.head_dim
    widths = {"hidden_size": params.width, "intermediate_size": params.ffn, "heads x head_dim": queries}
    return {name: width for name, width in widths.items() if width % BLOCK}


def quantize_layers(model: Decoder, device: torch.device) -> None:
    """Replace the matrices of all layers by matrices in 4 bits on `device`. Embeddings stay as they are."""
    try:
        import bitsandbytes
    except ImportError:
        raise UserError(
            "params.yaml: sft.lora.bits: 4: needs bitsandbytes; install the extra: {command}",
            command=LORA_EXTRA,
        ) from None
    for name, linear in list(model.model.layers.named_modules()):
        if not isinstance(linear, nn.Linear):
            continue
        small = bitsandbytes.nn.Linear4bit(
            linear.in_features,
            linear.out_features,
            bias=linear.bias is not None,
            compute_dtype=linear.weight.dtype,
            quant_type="nf4",
            device="meta",
        )
        # Else the first validation on a CPU would reorder the weights for a kernel that has no gradient.
        small.support_avx512bf16_for_cpu = False
        weight: Any = bitsandbytes.nn.Params4bit(
            linear.weight.data, requires_grad=False, quant_type="nf4", module=small
        )
        small.weight = weight.to(device)
        small.bias = linear.bias
        model.model.layers.set_submodule(name, small)


def dequantize(linear: nn.Module) -> Tensor:
    """Return the weights of a matrix as numbers of its usual precision."""
    weight: Any = linear.weight
    if weight.dtype != torch.uint8:
        numbers: Tensor = weight.data
        return numbers
    from bitsandbytes.functional import dequantize_4bit

    numbers = dequantize_4bit(weight.data, weight.quant_state)
    return numbers
