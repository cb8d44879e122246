"""The training loop that pretraining, instruction tuning and the encoder share."""

import math
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean
from types import FrameType

import torch
from dvclive import Live
from torch import nn

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import Fingerprint
from pipeline.common.i18n import translate
from pipeline.common.metrics import REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.device.select import pick_device
from pipeline.training import distributed
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.compile import Pace
from pipeline.training.diagnostics import Watch
from pipeline.training.params import LoopParams
from pipeline.training.progress import Reporter, peak_memory_gib
from pipeline.training.schedule import rate
from pipeline.training.trainer import Diverged, Task, Trainer

AVERAGED_LOSSES = 50  # that the training loss of the metrics is the mean of


@dataclass
class History:
    """What a training run leaves behind besides the weights."""

    train_loss: float = math.nan  # mean over the last AVERAGED_LOSSES steps
    last: dict[str, float] = field(default_factory=dict)  # the last validation
    best_val_loss: float = math.inf
    timing: dict[str, float] = field(default_factory=dict)


def fit(
    model: nn.Module,
    task: Task,
    settings: LoopParams,
    *,
    steps: int,
    runtime: RuntimeParams,
    mark: Fingerprint,
    reports: Path = REPORTS,
    write: Callable[[nn.Module], str] | None = None,
) -> History:
    """Train `model` in place for `steps` optimiser steps, resuming where an equal run stopped.

    Writes curves to `reports/<stage>/live`, and to its samples.md what `write` makes of the model at each
    validation. The caller holds `scratch.locked(stage)`. Of processes that train together (distributed.py)
    all call this with equal arguments, and `model` is the trained one in the first.

    Raises UserError when memory runs out (with the batch size to try), when a loss is not finite (the last
    good checkpoint stays), and when a signal stops it (after saving).
    """
    checkpoints = Checkpoints(mark)
    with out_of_memory_named(task.batch_size_key, task.batch_size), stop_signals() as stopped:
        run = Run(model, task, settings, steps, runtime, checkpoints, reports / mark.stage / "live", write)
        run.resume()
        run.train(stopped)
        checkpoints.finish()
        if stop := distributed.agreed(max(stopped, default=0)):
            raise UserError(
                f"{signal.Signals(stop).name}: trained to the end and saved; `dvc repro` writes the model"
            )
        return run.history


class NoCurves:
    """Stands where DVCLive does, in processes that write none."""

    step = 0

    def log_metric(self, name: str, value: float) -> None:
        """Do nothing."""

    def make_summary(self) -> None:
        """Do nothing."""


class Run:
    """The state of one training run and how it moves on."""

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        settings: LoopParams,
        steps: int,
        runtime: RuntimeParams,
        checkpoints: Checkpoints,
        live_folder: Path,
        write: Callable[[nn.Module], str] | None = None,
    ) -> None:
        self.trainer = Trainer(model, task, settings, pick_device(runtime.device))
        self.task, self.settings, self.steps, self.runtime = task, settings, steps, runtime
        self.checkpoints = checkpoints
        self.live_folder, self.write = live_folder, write
        self.watch = Watch(self.trainer.model, sharded=bool(self.trainer.in_shards))
        compile = None if self.trainer.in_shards else task.compile  # FSDP's hooks were not tried with it
        self.pace = Pace(self.trainer.device, compile and partial(compile, self.trainer.model))
        self.writes = distributed.rank() == 0
        self.step = 0
        self.losses: list[float] = []  # of the last steps
        self.history = History()

    def resume(self) -> None:
        """Take up the checkpoint of an equal run, if there is one."""
        state = self.checkpoints.load()
        if self.writes:
            shutil.rmtree(self.live_folder, ignore_errors=True)
        self._check_same_start(state["step"] if state else 0)
        if state is None:
            return
        try:
            if "shards" in state:
                state |= self.checkpoints.read_shards(state["shards"], self.trainer.allocated())
            self.trainer.load_state_dict(state)
        except (RuntimeError, ValueError, KeyError) as error:
            raise self.checkpoints.misfit(error) from None
        torch.set_rng_state(state["rng"])
        self.step, self.losses = state["step"], state["losses"]
        self.history.best_val_loss = state["best_val_loss"]
        for name, content in state["live"].items() if self.writes else ():
            path = self.live_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _check_same_start(self, step: int) -> None:
        """Raise UserError where another process has found another checkpoint."""
        if (latest := distributed.agreed(step)) != step:
            raise UserError(
                f"{self.checkpoints.folder}: process {distributed.rank()} finds a checkpoint of step {step},"
                f" another one of step {latest}; set TEZGAH_SCRATCH to a folder that all machines share"
            )

    def save(self) -> None:
        """Write the checkpoint: weights, optimisers, random state, step and curves."""
        self.settle()
        live = {
            path.relative_to(self.live_folder).as_posix(): path.read_bytes()
            for path in sorted(self.live_folder.rglob("*"))
            if path.is_file()
        }
        self.checkpoints.save(
            {
                **self.trainer.state_dict(),
                "rng": torch.get_rng_state(),
                "step": self.step,
                "losses": self.losses,
                "best_val_loss": self.history.best_val_loss,
                "live": live,
            },
            self.trainer.in_shards,
        )

    def train(self, stopped: list[int]) -> None:
        """Run the remaining steps; `stopped` holds a signal's number once one has come."""
        start = self.step
        live: Live | NoCurves = NoCurves()
        if self.writes:
            folder = str(self.live_folder)
            live = Live(folder, resume=start > 0, report=None, save_dvc_exp=False, dvcyaml=None)
        reporter = Reporter(self.steps, start, self.task.unit, self.task.units_per_step, self.trainer.device)
        with reporter:
            if start == self.steps:
                reporter.say("taken from the finished run in .scratch; `tezgah clean` before, to train anew")
            else:
                where = f", resumed at step {start}" if start else ""
                reporter.say(f"training on {self.trainer.place}, {self.trainer.precision}{where}")
            while self.step < self.steps:
                share = rate(self.step, self.steps, self.settings)
                last = self.step + 1 == self.steps
                log = last or (self.step + 1) % self.runtime.log_every == 0
                self.update(share, log)
                self.step += 1
                if decided := self.pace.after_step(self.steps - self.step):
                    reporter.say(translate(decided))
                live.step = self.step
                if log:
                    self.settle()
                    recent = mean(self.losses[-self.runtime.log_every :])
                    learning_rate = share * self.settings.learning_rate
                    live.log_metric("train_loss", recent)
                    live.log_metric("learning_rate", learning_rate)
                    for name, value in self.watch.seen.items():
                        live.log_metric(name, value)
                    reporter.report(self.step, recent, learning_rate)
                if last or self.step % self.settings.eval_every == 0:
                    self.validate(live, reporter)
                # Read once, as a signal may come at any time, and agreed on, as it may not come to all.
                stop = distributed.agreed(max(stopped, default=0))
                if last or stop or self.step % self.runtime.save_every == 0:
                    live.make_summary()
                    self.save()
                if stop and not last:
                    raise UserError(
                        f"{signal.Signals(stop).name}: stopped at step {self.step} of {self.steps}, saved;"
                        " `dvc repro` goes on from here"
                    )
        if not self.history.last:  # a finished run taken up again
            self.history.last = self.trainer.validation()
        self.trainer.give_back()
        self.history.train_loss = mean(self.losses)
        if start < self.steps:
            self.history.timing = {
                "seconds": reporter.seconds,
                f"{self.task.unit}_per_second": reporter.speed(self.step),
                "peak_memory_gib": peak_memory_gib(self.trainer.device),
            }

    def update(self, share: float, log: bool = False) -> None:
        """Take the next step and remember what losses are known by now."""
        with self.divergence_named():
            self.add(self.trainer.update(self.step, share, self.watch if log else None))

    def settle(self) -> None:
        """Wait for the losses of all steps taken: before anything of the model is kept or shown."""
        with self.divergence_named():
            self.add(self.trainer.settled())

    def add(self, losses: list[float]) -> None:
        """Remember the last ones."""
        self.losses = [*self.losses, *losses][-AVERAGED_LOSSES:]

    @contextmanager
    def divergence_named(self) -> Iterator[None]:
        """A loss that is no number any more ends the run, in one line."""
        try:
            yield
        except Diverged as error:
            kept = (
                "the checkpoint before it is kept"
                if self.checkpoints.path.exists()
                else "nothing was saved yet"
            )
            raise UserError(
                f"loss is not finite at step {error.step + 1} ({error.loss}, gradient norm {error.norm});"
                f" {kept}; lower the learning rates or clip"
            ) from None

    def validate(self, live: Live | NoCurves, reporter: Reporter) -> None:
        """Validate, log, and remember the best; keep what the model writes by now."""
        self.settle()
        self.history.last = self.trainer.validation()
        for name, value in self.history.last.items():
            live.log_metric(name, value)
        self.history.best_val_loss = min(self.history.best_val_loss, self.history.last["val_loss"])
        shown = {name: value for name, value in self.history.last.items() if "/" not in name}
        figures = "  ".join(f"{name} {value:.4f}" for name, value in shown.items())
        reporter.say(f"step {self.step}/{self.steps}  {figures}")
        if self.write and self.writes and not self.trainer.in_shards:  # which no process can run alone
            with open(self.live_folder / "samples.md", "a", encoding="utf-8") as file:
                file.write(f"## Step {self.step}\n\n{self.trainer.shown(self.write)}\n\n")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM inside the block instead of dying of them; a second SIGINT kills."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def out_of_memory_named(key: str, batch_size: int) -> Iterator[None]:
    """Turn running out of memory into one line that names the param to lower."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        on_cpu = "DefaultCPUAllocator" in str(error)  # on processors it is a RuntimeError
        if not on_cpu and not isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            raise
        smaller = f"set it to {batch_size // 2}" if batch_size > 1 else "choose a smaller model or context"
        raise UserError(
            f"params.yaml: {key}: {batch_size}: out of memory; {smaller} and run `dvc repro` again"
        ) from None
