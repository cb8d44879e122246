"""Refusal of a training that all memory of this machine cannot hold, before anything is allocated.

Only what is certain counts: what the plan finds, without its overhead, must exceed all memory, in use or not,
by a margin. Most trainings are so small that neither torch nor the plan, which takes seconds, is asked.
"""

from collections.abc import Callable

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.runtime import RuntimeParams, process_info
from pipeline.device.memory import total_memory
from pipeline.model.config import ModelParams
from pipeline.training.params import DecoderLoopParams, LoopParams, TrainParams

MARGIN = 1.1
SMALL_BYTES = 4 * 2**30  # every machine that this program is for has more
LEAST_BYTES, MOST_BYTES = 12, 40  # of a weight in training: with a gradient and a moment; with room to spare


def check_pretraining(
    train_params: TrainParams, model_params: ModelParams, vocab_size: int, runtime: RuntimeParams
) -> None:
    """Raise UserError where a step of pretraining cannot fit by its memory plan. `auto`: one sequence.

    With FSDP only the shards of weights, gradients and moments count, as the plan knows no more.
    """
    batch_size = 1 if train_params.batch_size == "auto" else train_params.batch_size
    most = most_bytes(model_params, vocab_size, batch_size) * processes_here(runtime)
    available = all_memory(runtime) if most > SMALL_BYTES else None
    if available is None or most <= available:
        return
    subject = f"params.yaml: model.width: {model_params.width}"
    check_weights(subject, model_params.count_weights(vocab_size), train_params, runtime)
    if sharded_share(train_params, runtime) < 1:
        return
    estimate = plan_bytes(train_params, model_params, vocab_size, runtime, batch_size)
    required, least = estimate(batch_size), estimate(1)
    if required <= MARGIN * available:
        return
    if least <= MARGIN * available:
        raise UserError(
            "params.yaml: train.batch_size: {batch_size}: {excess}; lower it",
            batch_size=batch_size,
            excess=describe_excess(required, available),
        )
    raise UserError(
        "{subject}: {excess}; choose a smaller model or context",
        subject=subject,
        excess=describe_excess(least, available),
    )


def check_weights(
    subject: str, weights: int, params: LoopParams, runtime: RuntimeParams, least: float = LEAST_BYTES
) -> None:
    """Raise UserError where that many weights cannot fit, with `least` bytes each in training.

    `subject` names in the error what to make smaller.
    """
    required = least * weights * sharded_share(params, runtime) * processes_here(runtime)
    if required <= SMALL_BYTES:
        return
    available = all_memory(runtime)
    if available is not None and required > MARGIN * available:
        raise UserError(
            "{subject}: {excess}; choose a smaller model",
            subject=subject,
            excess=describe_excess(required, available),
        )


def describe_excess(required: float, available: int) -> Translatable:
    """Return what a training takes and what there is, as text."""
    return Translatable(
        "training takes {required:,.1f} GiB or more, and {available:,.1f} GiB are all there is",
        required=required / 2**30,
        available=available / 2**30,
    )


def processes_here(runtime: RuntimeParams) -> int:
    """Return how many processes of a training share a memory: on a CPU those of this machine."""
    process = process_info()
    local = process.local_world_size if process.world_size > 1 else runtime.processes
    if local == 1 or runtime.device == "cpu":
        return local
    from pipeline.device.device import pick_device  # imports torch

    return local if pick_device(runtime.device).type == "cpu" else 1


def sharded_share(params: LoopParams, runtime: RuntimeParams) -> float:
    """Return the share of weights, gradients and moments that a process holds: all but with FSDP."""
    is_sharded = isinstance(params, DecoderLoopParams) and params.sharding == "fsdp"
    return 1 / runtime.process_count if is_sharded else 1.0


def all_memory(runtime: RuntimeParams) -> int | None:
    """Return the bytes of memory of the device, in use or not; None where it is unknown.

    Raises UserError where the device is missing.
    """
    import torch

    from pipeline.device.device import pick_device

    device = pick_device(runtime.device)
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return total_memory()


def most_bytes(model_params: ModelParams, vocab_size: int, batch_size: int) -> int:
    """Return more bytes than a training step takes: a plan by hand, with everything kept at once."""
    m = model_params
    heads = m.heads * (m.head_dim + m.context)
    per_token = m.layers * (16 * m.width + 8 * m.ffn + 8 * heads) + 8 * vocab_size
    return MOST_BYTES * m.count_weights(vocab_size) + 4 * batch_size * m.context * per_token


def plan_bytes(
    train_params: TrainParams,
    model_params: ModelParams,
    vocab_size: int,
    runtime: RuntimeParams,
    batch_size: int,
) -> Callable[[int], float]:
    """Return a function from a batch size to the bytes of a step in all processes that share the memory.

    They are those of the plan, without overhead. A step of `batch_size` tells if it has several passes.
    """
    from pipeline.autobatch.memory_plan import NO_OVERHEAD, estimate_by_batch  # imports torch
    from pipeline.device.device import pick_device, pick_precision

    device, processes = pick_device(runtime.device), processes_here(runtime)
    precision, on_cpu = pick_precision(train_params.precision, device), device.type == "cpu"
    tokens = batch_size * model_params.context * runtime.process_count
    has_gradients = train_params.tokens_per_step > tokens
    estimate = estimate_by_batch(
        model_params, vocab_size, train_params, precision, on_cpu, NO_OVERHEAD, has_gradients
    )
    return lambda size: processes * estimate(size)
