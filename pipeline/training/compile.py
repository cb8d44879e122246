"""torch.compile of a model's layers and loss, where it is worthwhile."""

import importlib.util
import os
import shutil
import time
from collections.abc import Callable

from pipeline.common.i18n import Translatable, print_message
from pipeline.training.loop import Hook, Trainer

WARMUP_STEPS = 5  # the first ones, which warm up caches and allocators
TIMED_STEPS = 15  # the next ones
MIN_SECONDS_LEFT = 180.0  # of training, from which on to compile; compiling takes about a minute


def has_compiler() -> bool:
    """Return whether GPU kernels can be compiled: by Triton, which itself needs a C compiler."""
    c_compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    return c_compiler is not None and importlib.util.find_spec("triton") is not None


class CompileWhenWorthwhile(Hook):
    """Times the first steps of a run on a GPU and then decides whether to compile."""

    def __init__(self, compile_model: Callable[[], None]) -> None:
        self.compile_model = compile_model
        self.steps, self.start_time = 0, 0.0

    def after_step(self, trainer: Trainer) -> None:
        """Count a step, and print the decision once it is made."""
        if decision := self.decide(trainer.steps - trainer.step):
            print_message(decision)

    def decide(self, steps_left: int) -> Translatable | None:
        """Count a step and decide once enough are timed. Returns the decision as a message, else None."""
        self.steps += 1
        if self.steps == WARMUP_STEPS:
            self.start_time = time.perf_counter()
        if self.steps != WARMUP_STEPS + TIMED_STEPS:
            return None
        seconds_left = steps_left * (time.perf_counter() - self.start_time) / TIMED_STEPS
        if not has_compiler():
            return Translatable("not compiled: no Triton here, or no C compiler for it")
        if seconds_left < MIN_SECONDS_LEFT:
            return Translatable(
                "not compiled: the {seconds:.0f} s that are left would not pay it back", seconds=seconds_left
            )
        self.compile_model()
        return Translatable(
            "compiled: about {minutes:.0f} min are left; the next step waits for it",
            minutes=seconds_left / 60,
        )
