"""The device and the precision of a run, as the hardware supports them."""

import contextlib
from typing import Any

import torch

from pipeline.common.errors import UserError
from pipeline.common.runtime import ProcessInfo, process_info

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def pick_device(name: str) -> torch.device:
    """Return the device that `runtime.device` names; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Each of several processes on a machine takes a GPU of its own. Raises UserError where this machine has no
    such device, or too few.
    """
    if name == "auto":
        fallback = "mps" if torch.backends.mps.is_available() else "cpu"
        name = "cuda" if torch.cuda.is_available() else fallback
        return pick_process_device(torch.device(name), process_info())
    device = torch.device(name)
    is_available = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not is_available[device.type]:
        raise UserError(
            "params.yaml: runtime.device: {name}: this machine has none; use auto or cpu", name=repr(name)
        )
    return pick_process_device(device, process_info())


def pick_process_device(device: torch.device, process: ProcessInfo) -> torch.device:
    """Return the device of one of the processes that train on this machine. Raises UserError."""
    if process.local_world_size == 1 or device.type == "cpu":
        return device
    if device.type == "mps" or device.index is not None:
        raise UserError(
            "params.yaml: runtime.device: {device}: is one device, and {processes} "
            "processes train here; set runtime.processes to 1, or the device to cuda or cpu",
            device=device,
            processes=process.local_world_size,
        )
    gpus = torch.cuda.device_count()
    if process.local_world_size > gpus:
        raise UserError(
            "params.yaml: runtime.processes: {processes}: more than the GPUs of this "
            "machine, {gpus}; start as many, or set runtime.device to cpu",
            processes=process.local_world_size,
            gpus=gpus,
        )
    return torch.device("cuda", process.local_rank)


def pick_precision(name: str, device: torch.device) -> str:
    """Return the precision that the param `precision` means on this device: `bf16`, `fp16` or `fp32`.

    `auto` takes bf16 where the hardware multiplies it fast: GPUs from Ampere on, and CPUs with AVX-512 BF16
    or AMX, whose matrix products run 4 to 16 times as fast as in fp32. Older CUDA cards take fp16 with loss
    scaling, all others fp32.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        if capabilities.get("avx512_bf16") or capabilities.get("amx_tile"):
            return "bf16"
    return "fp32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Compute matrix products in `precision` inside the block. Weights and sums keep theirs."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])


def synchronize(device: torch.device) -> None:
    """Wait for the device, so that a clock read afterwards includes its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
