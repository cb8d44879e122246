"""Which device trains, and in which precision: asked of the hardware, not assumed."""

import contextlib
from typing import Any

import torch

from pipeline.common.errors import UserError
from pipeline.common.runtime import Place, place

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def pick_device(name: str) -> torch.device:
    """The device that `runtime.device` means; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Of several processes on a machine, each takes a GPU of its own. Raises UserError where the named device is
    not there, or too few.
    """
    if name == "auto":
        others = "mps" if torch.backends.mps.is_available() else "cpu"
        return of_process(torch.device("cuda" if torch.cuda.is_available() else others), place())
    device = torch.device(name)
    here = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not here[device.type]:
        raise UserError(f"params.yaml: runtime.device: {name!r}: this machine has none; use auto or cpu")
    return of_process(device, place())


def of_process(device: torch.device, where: Place) -> torch.device:
    """The device of one process among those that train on this machine."""
    if where.local_size == 1 or device.type == "cpu":
        return device
    if device.type == "mps" or device.index is not None:
        raise UserError(
            f"params.yaml: runtime.device: {device}: is one device, and {where.local_size} processes train"
            " here; set runtime.processes to 1, or the device to cuda or cpu"
        )
    gpus = torch.cuda.device_count()
    if where.local_size > gpus:
        raise UserError(
            f"params.yaml: runtime.processes: {where.local_size}: more than the GPUs of this machine, {gpus};"
            " start as many, or set runtime.device to cpu"
        )
    return torch.device("cuda", where.local_rank)


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
