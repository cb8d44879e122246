"""torch.compile of a model's layers and loss, where it pays."""

import contextlib
import importlib.util
import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import torch

WARM_STEPS = 5  # the first ones, which prepare what later ones use
TIMED_STEPS = 15  # the next ones, by which the pace is told
PAYS_BACK = 180.0  # seconds of training left from which on it does; compiling takes about a minute


def has_compiler() -> bool:
    """Whether kernels for GPUs can be compiled: by Triton, which itself needs a C compiler."""
    by = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    return by is not None and importlib.util.find_spec("triton") is not None


def plainly(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Nothing compiled runs inside the block, as for validation and generation, whose shapes are others."""
    return torch.compiler.set_stance("force_eager") if device.type == "cuda" else contextlib.nullcontext()


class Pace:
    """Times the first steps of a run on a GPU and then decides whether to compile.

    On a processor compiling gained nothing (EXPERIMENTS.md, 2026-11-26).
    """

    def __init__(self, device: torch.device, compile: Callable[[], None] | None) -> None:
        """`compile` does it; None where the task's shapes vary, for each of which it would be done anew."""
        self.device, self.compile = device, compile
        self.steps, self.began = 0, 0.0

    def after_step(self, steps_left: int) -> str:
        """To be called after every step. What was decided, in words; empty where nothing was to be."""
        if self.device.type != "cuda" or self.compile is None:
            return ""
        self.steps += 1
        if self.steps == WARM_STEPS:
            self.began = time.perf_counter()
        if self.steps != WARM_STEPS + TIMED_STEPS:
            return ""
        left = steps_left * (time.perf_counter() - self.began) / TIMED_STEPS
        if not has_compiler():
            return "not compiled: no Triton here, or no C compiler for it"
        if left < PAYS_BACK:
            return f"not compiled: the {left:.0f} s that are left would not pay it back"
        self.compile()
        return f"compiled: about {left / 60:.0f} min are left; the next step waits for it"
