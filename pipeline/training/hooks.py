"""The hooks of the training loop: curves and progress, validation, checkpoints and stop signals."""

import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from types import FrameType

from dvclive import Live

from pipeline.common.errors import UserError
from pipeline.common.i18n import format_number, join_texts, print_message
from pipeline.training import distributed
from pipeline.training.checkpoint import SHARDED_KEYS, Checkpoints
from pipeline.training.diagnostics import GradientStats
from pipeline.training.loop import Hook, Trainer
from pipeline.training.progress import Progress


class Curves:
    """The curves of a run in `folder`, written by DVCLive in the process of rank 0 alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live: Live | None = None

    def start(self, step: int, files: Mapping[str, bytes]) -> None:
        """Empty the folder, then write the `files` of a checkpoint of step `step` and go on from there."""
        if distributed.rank() > 0:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.live = Live(str(self.folder), resume=step > 0, report=None, save_dvc_exp=False, dvcyaml=None)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append the metrics of step `step` to their curves."""
        if self.live:
            self.live.step = step
            for name, value in metrics.items():
                self.live.log_metric(name, value)

    def summarize(self, step: int) -> None:
        """Write the last value of every curve to metrics.json."""
        if self.live:
            self.live.step = step
            self.live.make_summary()

    def files(self) -> dict[str, bytes]:
        """Return the content of all files in the folder, by name."""
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


class LogMetrics(Hook):
    """Logs loss, learning rate and gradient statistics every `every` steps, and reports the progress."""

    def __init__(self, trainer: Trainer, curves: Curves, progress: Progress, every: int) -> None:
        self.curves, self.progress, self.every = curves, progress, every
        self.stats = GradientStats(trainer.model, sharded=trainer.is_sharded)

    def after_backward(self, trainer: Trainer) -> None:
        """Measure the gradients of a step that will be logged."""
        if trainer.is_due(self.every, trainer.step + 1):
            self.stats.before_step()

    def after_step(self, trainer: Trainer) -> None:
        """Log the step."""
        if not trainer.is_due(self.every):
            return
        self.stats.after_step()
        trainer.drain_losses()
        train_loss = mean(trainer.history.losses[-self.every :])
        learning_rate = trainer.optimizers.lr_multiplier * trainer.params.learning_rate
        metrics = {"train_loss": train_loss, "learning_rate": learning_rate, **self.stats.metrics}
        self.curves.log(trainer.step, metrics)
        self.progress.report(trainer.step, train_loss, learning_rate)


class Validate(Hook):
    """Validates every `every` steps, logs the metrics and prints those of the whole."""

    def __init__(self, curves: Curves, every: int) -> None:
        self.curves, self.every = curves, every

    def after_step(self, trainer: Trainer) -> None:
        """Validate if it is due."""
        if not trainer.is_due(self.every):
            return
        metrics = trainer.validate()
        self.curves.log(trainer.step, metrics)
        figures = [
            join_texts(" ", [name, format_number(value, ".4f")])
            for name, value in metrics.items()
            if "/" not in name
        ]
        print_message(
            "step {step}/{steps}  {figures}",
            step=trainer.step,
            steps=trainer.steps,
            figures=join_texts("  ", figures),
        )


class SaveCheckpoint(Hook):
    """Saves every `every` steps, at the end, and on a stop signal, which then ends the training.

    `signals` are the numbers of the signals received so far (`catch_stop_signals`).
    """

    def __init__(self, checkpoints: Checkpoints, curves: Curves, every: int, signals: Sequence[int]) -> None:
        self.checkpoints, self.curves = checkpoints, curves
        self.every, self.signals = every, signals

    def resume(self, trainer: Trainer) -> None:
        """Load the checkpoint of an equal run, if there is one. Raises UserError where it does not fit."""
        state = self.checkpoints.load()
        self.check_same_step(state["step"] if state else 0)
        if state is not None:
            try:
                if "shards" in state:
                    state |= self.checkpoints.read_shards(state["shards"], trainer.state_template())
                trainer.load_state_dict(state)
            except (RuntimeError, ValueError, KeyError) as error:
                raise self.checkpoints.incompatible(error) from None
        self.curves.start(trainer.step, state["live"] if state else {})

    def check_same_step(self, step: int) -> None:
        """Raise UserError where another process has loaded a checkpoint of another step."""
        if (latest := distributed.all_reduce_max(step)) != step:
            raise UserError(
                "{folder}: process {rank} finds a checkpoint of step {step}, another one of step "
                "{latest}; set TEZGAH_SCRATCH to a folder that all machines share",
                folder=self.checkpoints.folder,
                rank=distributed.rank(),
                step=step,
                latest=latest,
            )

    def after_step(self, trainer: Trainer) -> None:
        """Save if it is due. Raises UserError after a stop signal."""
        stop_signal = self.stop_signal()
        if stop_signal or trainer.is_due(self.every):
            self.save(trainer)
        if stop_signal and trainer.step < trainer.steps:
            raise UserError(
                "{signal}: stopped at step {step} of {steps}, saved; run `dvc repro` to resume",
                signal=signal.Signals(stop_signal).name,
                step=trainer.step,
                steps=trainer.steps,
            )

    def save(self, trainer: Trainer) -> None:
        """Write the checkpoint: the trainer's state and the curves so far."""
        trainer.drain_losses()
        self.curves.summarize(trainer.step)
        state = {**trainer.state_dict(), "live": self.curves.files()}
        self.checkpoints.save(state, SHARDED_KEYS if trainer.is_sharded else ())
        trainer.saved_step = trainer.step

    def finish(self) -> None:
        """Declare the run finished. Raises UserError after a stop signal that came behind the last step."""
        self.checkpoints.finish()
        if stop_signal := self.stop_signal():
            raise UserError(
                "{signal}: trained to the end and saved; `dvc repro` writes the model",
                signal=signal.Signals(stop_signal).name,
            )

    def stop_signal(self) -> int:
        """Return the number of a stop signal that any process has received, or 0."""
        return distributed.all_reduce_max(max(self.signals, default=0))


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
