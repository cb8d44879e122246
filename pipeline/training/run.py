"""`train_model`: the training loop with its usual hooks, resumed where an equal run stopped."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch import nn

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import Fingerprint
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.paths import REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.device.device import pick_device
from pipeline.training import distributed
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.compile import CompileWhenWorthwhile
from pipeline.training.hooks import Curves, LogMetrics, SaveCheckpoint, Validate, catch_stop_signals
from pipeline.training.loop import History, Hook, Task, Trainer
from pipeline.training.params import LoopParams
from pipeline.training.progress import Progress, peak_memory_gib


def train_model(
    model: nn.Module,
    task: Task,
    params: LoopParams,
    steps: int,
    runtime: RuntimeParams,
    fingerprint: Fingerprint,
    *,
    hooks: Sequence[Hook] = (),
    reports: Path = REPORTS,
) -> History:
    """Train `model` in place for `steps` optimizer steps, and return the losses and the timing.

    Writes curves to `reports/<stage>/live`. `hooks` are called in every step, behind the hook that validates
    and before the one that saves. Of
    processes that train together all call this with equal arguments. It returns in that of rank 0, which has
    the trained `model` and alone writes it. The others end here.

    Raises UserError when memory runs out (with the batch size to try), when a loss is not finite (the last
    good checkpoint stays), and when a signal stops it (after saving).
    """
    curves = Curves(reports / fingerprint.stage / "live")
    with explain_out_of_memory(task.batch_size_key, task.batch_size), catch_stop_signals() as signals:
        trainer = Trainer(model, task, params, steps, pick_device(runtime.device))
        checkpoint = SaveCheckpoint(Checkpoints(fingerprint), curves, runtime.save_every, signals)
        checkpoint.resume(trainer)
        start = trainer.step
        with Progress(steps, start, task.unit, task.units_per_step, trainer.device) as progress:
            print_message(describe_start(trainer))
            if trainer.device.type == "cuda" and task.compile is not None and not trainer.is_sharded:
                # On a CPU compiling gained nothing, with FSDP it was not tried
                # (experiments/attention-written-out.md).
                trainer.hooks.append(CompileWhenWorthwhile(partial(task.compile, trainer.model)))
            trainer.hooks += [
                LogMetrics(trainer, curves, progress, runtime.log_every),
                Validate(curves, params.eval_every),
                *hooks,
                checkpoint,
            ]
            trainer.train()
        history = trainer.history
        if not history.last_validation:  # a finished run, loaded again
            trainer.validate()
        trainer.copy_weights_back()
        if start < steps:
            history.timing = {
                "seconds": progress.seconds,
                f"{task.unit}_per_second": progress.speed(steps),
                "peak_memory_gib": peak_memory_gib(trainer.device),
            }
        checkpoint.finish()
    distributed.end_other_ranks()
    return history


def describe_start(trainer: Trainer) -> Translatable:
    """Return the line that is printed before the first step."""
    if trainer.step == trainer.steps:
        return Translatable("taken from the finished run in .scratch; `tezgah clean` before, to train anew")
    device, count = str(trainer.device), distributed.world_size()
    if count > 1:
        device = Translatable("{device}, {count} processes", device=device, count=count)
    resumed = Translatable(", resumed at step {step}", step=trainer.step) if trainer.step else ""
    return Translatable(
        "training on {device}, {precision}{resumed}",
        device=device,
        precision=trainer.precision,
        resumed=resumed,
    )


@contextmanager
def explain_out_of_memory(key: str, batch_size: int) -> Iterator[None]:
    """Turn running out of memory into one line that names the param to lower."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        on_cpu = "DefaultCPUAllocator" in str(error)  # a RuntimeError there
        if not on_cpu and not isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            raise
        smaller = Translatable("choose a smaller model or context")
        if batch_size > 1:
            smaller = Translatable("set it to {batch_size}", batch_size=batch_size // 2)
        raise UserError(
            "params.yaml: {key}: {batch_size}: out of memory; {smaller} and run `dvc repro` again",
            key=key,
            batch_size=batch_size,
            smaller=smaller,
        ) from None
