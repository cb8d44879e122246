"""Which device trains, and in which precision: asked of the hardware, not assumed."""

import contextlib
from typing import Any

import torch

from pipeline.errors import UserError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def pick_device(name: str) -> torch.device:
    """The device that `runtime.device` means; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises UserError where the named device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    here = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not here[device.type]:
        raise UserError(f"params.yaml: runtime.device: {name!r}: this machine has none; use auto or cpu")
    return device


def precision_of(name: str, device: torch.device) -> str:
    """The precision that `precision` means on this device: `bf16`, `fp16` or `fp32`.

    `auto` takes bf16 where the hardware multiplies it fast (Ampere and later; processors with
    AVX-512 BF16 or AMX, on which matrix products run 4 to 16 times as fast as in fp32), fp16 with
    loss scaling on older CUDA cards, else fp32.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "bf16"
    return "fp32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Matrix products in `precision` inside the block, weights and sums as they are."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that a clock read next is honest."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
