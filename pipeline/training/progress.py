"""What a training run tells while it runs: a live bar on a terminal, plain lines in a pipe."""

import resource
import sys
import time
from types import TracebackType

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def peak_memory_gib(device: torch.device) -> float:
    """Most memory this process has held so far: the GPU's where it trains there, else its own."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def duration(seconds: float) -> str:
    """`75` as `1:15`, `4000` as `1:06:40`."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class Reporter:
    """Shows steps, loss, speed, memory and the time left."""

    def __init__(self, steps: int, start: int, unit: str, units_per_step: int, device: torch.device) -> None:
        self.steps, self.start = steps, start
        self.unit, self.units_per_step = unit, units_per_step
        self.device = device
        self.began = time.perf_counter()
        self.bar: Progress | None = None
        if Console().is_terminal:
            self.bar = Progress(
                TextColumn("step"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.fields[status]}"),
                TimeRemainingColumn(),
            )
            self.row = self.bar.add_task("", total=steps, completed=start, status="")

    def __enter__(self) -> "Reporter":
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    @property
    def seconds(self) -> float:
        """Since this process began to train."""
        return time.perf_counter() - self.began

    def speed(self, step: int) -> float:
        """Units a second since this process began to train."""
        return (step - self.start) * self.units_per_step / max(1e-9, self.seconds)

    def report(self, step: int, loss: float, learning_rate: float) -> None:
        """After `step` steps."""
        speed = self.speed(step)
        status = (
            f"loss {loss:.4f}  lr {learning_rate:.2e}  {speed:,.0f} {self.unit}/s"
            f"  {peak_memory_gib(self.device):.2f} GiB"
        )
        if self.bar:
            self.bar.update(self.row, completed=step, status=status)
        else:
            left = duration((self.steps - step) * self.units_per_step / max(1e-9, speed))
            print(f"step {step}/{self.steps}  {status}  {left} left", flush=True)

    def say(self, text: str) -> None:
        """A line above the bar."""
        if self.bar:
            self.bar.console.print(text, highlight=False)
        else:
            print(text, flush=True)
