"""`train.batch_size: auto`: the largest batch size that fits this device."""

import gc
from collections.abc import Callable

import torch

from pipeline.autobatch.memory_plan import largest_batch
from pipeline.autobatch.probe import time_random_step
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.device.device import pick_precision
from pipeline.device.memory import available_memory
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.training.distributed import all_reduce_max
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import TrainParams

ADVICE = Translatable(
    "set train.checkpointing to true, raise train.loss_chunks, or choose a smaller model or context"
)


def resolve_batch_size(
    train_params: TrainParams,
    model_params: ModelParams,
    vocab_size: int,
    device: torch.device,
    processes: int,
) -> TrainParams:
    """Return `train_params` with a number in place of `batch_size: auto`, and print it. Others stay.

    Takes the largest divisor of a process's sequences that fits by the memory plan; on a CPU, half of what is
    free. On a GPU a step is tried on a temporary model, and the size halved while memory runs out. The
    tokens of a step stay the same. Raises UserError where not even one sequence fits, or the free memory is
    unknown.
    """
    if train_params.batch_size != "auto":
        return train_params
    size, free = plan_batch_size(train_params, model_params, vocab_size, device, processes)
    if device.type == "cuda":
        size = halve_until_fits(
            size, lambda rows: run_trial_step(train_params, model_params, vocab_size, device, rows)
        )
        torch.cuda.reset_peak_memory_stats(device)
    size = -all_reduce_max(-size)  # the smallest of all processes
    sequences = train_params.tokens_per_step // (model_params.context * processes)
    print_message(
        "train.batch_size auto: {size} of {sequences} sequences at once, {free:.1f} GiB are free",
        size=size,
        sequences=sequences,
        free=free / 2**30,
    )
    return train_params.model_copy(update={"batch_size": size})


def plan_batch_size(
    train_params: TrainParams,
    model_params: ModelParams,
    vocab_size: int,
    device: torch.device,
    processes: int,
) -> tuple[int, int]:
    """Return the largest batch by the memory plan, and the free bytes. Raises as `resolve_batch_size`."""
    free, on_cpu = free_bytes(device), device.type == "cpu"
    if free is None:
        raise UserError(
            "params.yaml: train.batch_size: auto: this machine does not tell how much memory "
            "{device} has left; set it to a number",
            device=device,
        )
    size = largest_batch(
        model_params,
        vocab_size,
        train_params,
        pick_precision(train_params.precision, device),
        # A CPU process may take twice the plan (experiments/memory-plan.md), and larger batches are no faster
        # there.
        free // (2 * processes) if on_cpu else free,
        on_cpu=on_cpu,
        sequences=train_params.tokens_per_step // (model_params.context * processes),
    )
    if size is None:
        raise UserError(
            "params.yaml: train.batch_size: auto: not even one sequence fits the {free:.1f} "
            "GiB that are free on {device}; {advice}",
            free=free / 2**30,
            device=device,
            advice=ADVICE,
        )
    return size, free


def free_bytes(device: torch.device) -> int | None:
    """Return the free memory of the device (bytes); None where it is unknown."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = available_memory()
    return None if free is None else round(free * 1e9)


def halve_until_fits(size: int, step: Callable[[int], None]) -> int:
    """Return `size`, halved until `step(size)` does not run out of memory.

    Sizes stay divisors of the first: 15, 5, 1. Raises UserError where a size of 1 runs out too.
    """
    while True:
        try:
            step(size)
            return size
        except torch.OutOfMemoryError:
            pass  # freed with the error, after this block
        finally:
            gc.collect()
            torch.cuda.empty_cache()
        if size == 1:
            raise UserError(
                "params.yaml: train.batch_size: auto: one sequence runs out of memory; {advice}",
                advice=ADVICE,
            )
        size = max(divisor for divisor in range(1, size // 2 + 1) if size % divisor == 0)


def run_trial_step(
    train_params: TrainParams, model_params: ModelParams, vocab_size: int, device: torch.device, rows: int
) -> None:
    """Run a step as training does, on random weights and tokens. Raises torch.OutOfMemoryError."""
    # From the second forward pass on gradients exist.
    passes = min(2, train_params.tokens_per_step // (rows * model_params.context))
    with torch.random.fork_rng([device]):
        model = Decoder(model_params, vocab_size).to(device)
        model.set_activation_checkpointing(train_params.checkpointing)
        optimizers = Optimizers(model, train_params)
        precision = pick_precision(train_params.precision, device)
        time_random_step(
            model, optimizers, rows, model_params.context, precision, passes, train_params.loss_chunks
        )
