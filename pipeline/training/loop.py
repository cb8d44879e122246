"""`fit`: the training loop that pretraining, instruction tuning and the encoder share."""

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
from pipeline.common.paths import REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.device.device import pick_device
from pipeline.training import distributed
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.compile import CompileWhenWorthwhile
from pipeline.training.diagnostics import GradientStats
from pipeline.training.params import LoopParams
from pipeline.training.progress import Reporter, peak_memory_gib
from pipeline.training.schedule import lr_multiplier
from pipeline.training.trainer import Diverged, Task, Trainer

AVERAGED_LOSSES = 50  # last steps whose mean is the training loss of the metrics


@dataclass
class History:
    """Losses and timing of a training run."""

    train_loss: float = math.nan  # mean over the last AVERAGED_LOSSES steps
    last_validation: dict[str, float] = field(default_factory=dict)  # its metrics
    best_val_loss: float = math.inf
    timing: dict[str, float] = field(default_factory=dict)


def fit(
    model: nn.Module,
    task: Task,
    params: LoopParams,
    *,
    steps: int,
    runtime: RuntimeParams,
    fingerprint: Fingerprint,
    reports: Path = REPORTS,
    write_samples: Callable[[nn.Module], str] | None = None,
) -> History:
    """Train `model` in place for `steps` optimizer steps, resuming where an equal run stopped.

    Writes curves to `reports/<stage>/live`, and to its samples.md what `write_samples` makes of the model at
    each validation. The caller holds `stage_lock(stage)` (common/fingerprint.py). Of processes that train
    together (distributed.py) all call this with equal arguments. Only that of rank 0 has the trained `model`
    afterwards.

    Raises UserError when memory runs out (with the batch size to try), when a loss is not finite (the last
    good checkpoint stays), and when a signal stops it (after saving).
    """
    checkpoints = Checkpoints(fingerprint)
    with explain_out_of_memory(task.batch_size_key, task.batch_size), catch_stop_signals() as signals:
        live_folder = reports / fingerprint.stage / "live"
        run = Run(model, task, params, steps, runtime, checkpoints, live_folder, write_samples)
        run.resume()
        run.train(signals)
        checkpoints.finish()
        if stop_signal := distributed.all_reduce_max(max(signals, default=0)):
            raise UserError(
                f"{signal.Signals(stop_signal).name}: trained to the end and saved;"
                " `dvc repro` writes the model"
            )
        return run.history


class NoOpLive:
    """No-op logger in place of DVCLive, for ranks > 0."""

    step = 0

    def log_metric(self, name: str, value: float) -> None:
        """Do nothing."""

    def make_summary(self) -> None:
        """Do nothing."""


class Run:
    """One training run: its steps, validations, curves and checkpoints."""

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        params: LoopParams,
        steps: int,
        runtime: RuntimeParams,
        checkpoints: Checkpoints,
        live_folder: Path,
        write_samples: Callable[[nn.Module], str] | None = None,
    ) -> None:
        self.trainer = Trainer(model, task, params, pick_device(runtime.device))
        self.task, self.params, self.steps, self.runtime = task, params, steps, runtime
        self.checkpoints = checkpoints
        self.live_folder, self.write_samples = live_folder, write_samples
        self.gradient_stats = GradientStats(self.trainer.model, sharded=bool(self.trainer.sharded_keys))
        # FSDP's hooks were not tried with torch.compile.
        compile_model = None if self.trainer.sharded_keys else task.compile
        self.compile_decision = CompileWhenWorthwhile(
            self.trainer.device, compile_model and partial(compile_model, self.trainer.model)
        )
        self.is_main_process = distributed.rank() == 0
        self.step = 0
        self.losses: list[float] = []  # of the last AVERAGED_LOSSES steps
        self.history = History()

    def resume(self) -> None:
        """Load the checkpoint of an equal run, if one exists."""
        state = self.checkpoints.load()
        if self.is_main_process:
            shutil.rmtree(self.live_folder, ignore_errors=True)
        self._check_same_step(state["step"] if state else 0)
        if state is None:
            return
        try:
            if "shards" in state:
                state |= self.checkpoints.read_shards(state["shards"], self.trainer.state_template())
            self.trainer.load_state_dict(state)
        except (RuntimeError, ValueError, KeyError) as error:
            raise self.checkpoints.incompatible(error) from None
        torch.set_rng_state(state["rng"])
        self.step, self.losses = state["step"], state["losses"]
        self.history.best_val_loss = state["best_val_loss"]
        for name, content in state["live"].items() if self.is_main_process else ():
            path = self.live_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _check_same_step(self, step: int) -> None:
        """Raise UserError where another process has loaded a checkpoint of another step."""
        if (latest := distributed.all_reduce_max(step)) != step:
            raise UserError(
                f"{self.checkpoints.folder}: process {distributed.rank()} finds a checkpoint of step {step},"
                f" another one of step {latest}; set TEZGAH_SCRATCH to a folder that all machines share"
            )

    def save(self) -> None:
        """Write the checkpoint: weights, optimizers, random state, step and curves."""
        self.flush_losses()
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
            self.trainer.sharded_keys,
        )

    def train(self, signals: list[int]) -> None:
        """Run the remaining steps. `signals` holds the numbers of the stop signals received so far."""
        start = self.step
        live: Live | NoOpLive = NoOpLive()
        if self.is_main_process:
            folder = str(self.live_folder)
            live = Live(folder, resume=start > 0, report=None, save_dvc_exp=False, dvcyaml=None)
        reporter = Reporter(self.steps, start, self.task.unit, self.task.units_per_step, self.trainer.device)
        with reporter:
            if start == self.steps:
                reporter.say("taken from the finished run in .scratch; `tezgah clean` before, to train anew")
            else:
                resumed = f", resumed at step {start}" if start else ""
                reporter.say(f"training on {self.trainer.device_label}, {self.trainer.precision}{resumed}")
            while self.step < self.steps:
                multiplier = lr_multiplier(self.step, self.steps, self.params)
                is_last = self.step + 1 == self.steps
                is_logged = is_last or (self.step + 1) % self.runtime.log_every == 0
                self.update(multiplier, is_logged)
                self.step += 1
                if decision := self.compile_decision.after_step(self.steps - self.step):
                    reporter.say(translate(decision))
                live.step = self.step
                if is_logged:
                    self.flush_losses()
                    train_loss = mean(self.losses[-self.runtime.log_every :])
                    learning_rate = multiplier * self.params.learning_rate
                    live.log_metric("train_loss", train_loss)
                    live.log_metric("learning_rate", learning_rate)
                    for name, value in self.gradient_stats.metrics.items():
                        live.log_metric(name, value)
                    reporter.report(self.step, train_loss, learning_rate)
                if is_last or self.step % self.params.eval_every == 0:
                    self.validate(live, reporter)
                # Read once, as a signal may come at any time; reduced, as not every process may get it.
                stop_signal = distributed.all_reduce_max(max(signals, default=0))
                if is_last or stop_signal or self.step % self.runtime.save_every == 0:
                    live.make_summary()
                    self.save()
                if stop_signal and not is_last:
                    raise UserError(
                        f"{signal.Signals(stop_signal).name}: stopped at step {self.step} of {self.steps},"
                        " saved; `dvc repro` goes on from here"
                    )
        if not self.history.last_validation:  # a finished run, loaded again
            self.history.last_validation = self.trainer.validate()
        self.trainer.copy_weights_back()
        self.history.train_loss = mean(self.losses)
        if start < self.steps:
            self.history.timing = {
                "seconds": reporter.seconds,
                f"{self.task.unit}_per_second": reporter.speed(self.step),
                "peak_memory_gib": peak_memory_gib(self.trainer.device),
            }

    def update(self, multiplier: float, is_logged: bool = False) -> None:
        """Take the next step and record the losses that are known by now."""
        with self._explain_divergence():
            stats = self.gradient_stats if is_logged else None
            self._record_losses(self.trainer.update(self.step, multiplier, stats))

    def flush_losses(self) -> None:
        """Wait for the losses of all steps taken, before weights are saved or used."""
        with self._explain_divergence():
            self._record_losses(self.trainer.read_losses())

    def _record_losses(self, losses: list[float]) -> None:
        """Append losses and keep the last AVERAGED_LOSSES."""
        self.losses = [*self.losses, *losses][-AVERAGED_LOSSES:]

    @contextmanager
    def _explain_divergence(self) -> Iterator[None]:
        """Turn Diverged into a UserError of one line."""
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

    def validate(self, live: Live | NoOpLive, reporter: Reporter) -> None:
        """Validate, log the metrics, update the best loss and append samples to samples.md."""
        self.flush_losses()
        self.history.last_validation = self.trainer.validate()
        for name, value in self.history.last_validation.items():
            live.log_metric(name, value)
        self.history.best_val_loss = min(self.history.best_val_loss, self.history.last_validation["val_loss"])
        summary = {name: value for name, value in self.history.last_validation.items() if "/" not in name}
        metrics = "  ".join(f"{name} {value:.4f}" for name, value in summary.items())
        reporter.say(f"step {self.step}/{self.steps}  {metrics}")
        # A model in shards cannot generate in one process alone.
        if self.write_samples and self.is_main_process and not self.trainer.sharded_keys:
            with open(self.live_folder / "samples.md", "a", encoding="utf-8") as file:
                samples = self.trainer.generate_samples(self.write_samples)
                file.write(f"## Step {self.step}\n\n{samples}\n\n")


@contextmanager
def catch_stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM inside the block instead of ending by them. A second SIGINT ends it."""
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    previous = {number: signal.signal(number, record) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def explain_out_of_memory(key: str, batch_size: int) -> Iterator[None]:
    """Turn running out of memory into one line that names the param to lower."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        on_cpu = "DefaultCPUAllocator" in str(error)  # a RuntimeError there
        if not on_cpu and not isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            raise
        smaller = f"set it to {batch_size // 2}" if batch_size > 1 else "choose a smaller model or context"
        raise UserError(
            f"params.yaml: {key}: {batch_size}: out of memory; {smaller} and run `dvc repro` again"
        ) from None
