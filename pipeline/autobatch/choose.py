"""`train.batch_size: auto`: how many sequences pass at once on this device."""

import gc
from collections.abc import Callable

import torch

from pipeline.autobatch.memory_plan import largest_batch
from pipeline.autobatch.probe import random_step
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.device.malloc import available_memory
from pipeline.device.select import precision_of
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.training.distributed import agreed
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import TrainParams

ADVICE = "set train.checkpointing to true, raise train.loss_chunks, or choose a smaller model or context"


def with_batch_size(
    settings: TrainParams, config: ModelParams, vocab_size: int, device: torch.device, processes: int
) -> TrainParams:
    """`settings` with a number in place of `auto`; says which. Others as they are.

    The largest divisor of a process's sequences that fits by the memory plan, on a processor half of what is
    free; on a GPU a step is tried on a model that is thrown away, with half as many again and again while
    memory runs out. What is read in a step stays the same. Raises UserError where not even one sequence fits,
    or the device does not tell.
    """
    if settings.batch_size != "auto":
        return settings
    size, free = fitting(settings, config, vocab_size, device, processes)
    if device.type == "cuda":
        size = confirmed(size, lambda rows: try_step(settings, config, vocab_size, device, rows))
        torch.cuda.reset_peak_memory_stats(device)
    size = -agreed(-size)  # all processes take the smallest that one has found
    sequences = settings.tokens_per_step // (config.context * processes)
    print(
        translate(
            f"train.batch_size auto: {size} of {sequences} sequences at once, {free / 2**30:.1f} GiB are free"
        )
    )
    return settings.model_copy(update={"batch_size": size})


def fitting(
    settings: TrainParams, config: ModelParams, vocab_size: int, device: torch.device, processes: int
) -> tuple[int, int]:
    """The largest batch by the plan, and the bytes that are free. Raises UserError as `with_batch_size`."""
    free, on_cpu = free_bytes(device), device.type == "cpu"
    if free is None:
        raise UserError(
            f"params.yaml: train.batch_size: auto: this machine does not tell how much memory {device} has"
            " left; set it to a number"
        )
    size = largest_batch(
        config,
        vocab_size,
        settings,
        precision_of(settings.precision, device),
        # A processor's heap may take twice the plan (EXPERIMENTS.md), and more is no faster there.
        free // (2 * processes) if on_cpu else free,
        on_cpu=on_cpu,
        sequences=settings.tokens_per_step // (config.context * processes),
    )
    if size is None:
        raise UserError(
            f"params.yaml: train.batch_size: auto: not even one sequence fits the {free / 2**30:.1f} GiB"
            f" that are free on {device}; {ADVICE}"
        )
    return size, free


def free_bytes(device: torch.device) -> int | None:
    """What is free on the device; None where it does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = available_memory()
    return None if free is None else round(free * 1e9)


def confirmed(size: int, step: Callable[[int], None]) -> int:
    """`size`, halved until `step` of it does not run out of memory.

    A half of an odd size is the next smaller divisor's: 15, 5, 1. Raises UserError where one runs out too.
    """
    while True:
        try:
            step(size)
            return size
        except torch.OutOfMemoryError:
            pass  # what the step held is let go once its error is
        finally:
            gc.collect()
            torch.cuda.empty_cache()
        if size == 1:
            raise UserError(f"params.yaml: train.batch_size: auto: one sequence runs out of memory; {ADVICE}")
        size = max(part for part in range(1, size // 2 + 1) if size % part == 0)


def try_step(
    settings: TrainParams, config: ModelParams, vocab_size: int, device: torch.device, rows: int
) -> None:
    """A step as training takes it, on random weights and tokens. Raises torch.OutOfMemoryError."""
    # From the second forward pass on gradients are there.
    passes = min(2, settings.tokens_per_step // (rows * config.context))
    with torch.random.fork_rng([device]):
        model = Decoder(config, vocab_size).to(device)
        model.recompute(settings.checkpointing)
        optimizers = Optimizers(model, settings)
        precision = precision_of(settings.precision, device)
        random_step(model, optimizers, rows, config.context, precision, passes, settings.loss_chunks)
