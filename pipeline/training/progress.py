"""Progress of a training run: a live bar on a terminal, plain lines in a pipe."""

import resource
import sys
import time
from types import TracebackType

import torch
from rich import progress
from rich.console import Console

from pipeline.common.i18n import Translatable, print_message, translate


def peak_memory_gib(device: torch.device) -> float:
    """Return the peak memory of this process so far (GiB): on the GPU where it trains there, else in RAM."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def format_duration(seconds: float) -> str:
    """Format seconds: `75` as `1:15`, `4000` as `1:06:40`."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class Progress:
    """Prints steps, loss, speed, memory and the time left. Other lines may be printed meanwhile."""

    def __init__(self, steps: int, start: int, unit: str, units_per_step: int, device: torch.device) -> None:
        self.steps, self.start = steps, start
        self.unit, self.units_per_step = unit, units_per_step
        self.device = device
        self.start_time = time.perf_counter()
        self.bar: progress.Progress | None = None
        if Console().is_terminal:
            self.bar = progress.Progress(
                progress.TextColumn(translate("step")),
                progress.MofNCompleteColumn(),
                progress.BarColumn(),
                progress.TextColumn("{task.fields[status]}"),
                progress.TimeRemainingColumn(),
            )
            self.bar_task = self.bar.add_task("", total=steps, completed=start, status="")

    def __enter__(self) -> "Progress":
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
        """Seconds since this process began to train."""
        return time.perf_counter() - self.start_time

    def speed(self, step: int) -> float:
        """Return units a second since this process began to train."""
        return (step - self.start) * self.units_per_step / max(1e-9, self.seconds)

    def report(self, step: int, loss: float, learning_rate: float) -> None:
        """Update the bar, or print a line, after `step` steps."""
        speed = self.speed(step)
        status = Translatable(
            "loss {loss:.4f}  lr {learning_rate:.2e}  {speed:,.0f} {unit}/s  {memory:.2f} GiB",
            loss=loss,
            learning_rate=learning_rate,
            speed=speed,
            unit=Translatable(self.unit),
            memory=peak_memory_gib(self.device),
        )
        if self.bar:
            self.bar.update(self.bar_task, completed=step, status=translate(status))
        else:
            time_left = format_duration((self.steps - step) * self.units_per_step / max(1e-9, speed))
            print_message(
                "step {step}/{steps}  {status}  {time_left} left",
                step=step,
                steps=self.steps,
                status=status,
                time_left=time_left,
            )
