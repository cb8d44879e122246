"""`tezgah plan`: size, tokens, disk, memory, time and stages of a run, before anything is trained."""

import json
import statistics
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.table import Column, Table

from pipeline.autobatch.choose import free_bytes, plan_batch_size
from pipeline.autobatch.memory_plan import ON_CPU, ON_GPU, Memory, largest_batch, plan_memory
from pipeline.autobatch.probe import time_random_step
from pipeline.cli import counting_gain, estimate
from pipeline.cli.check import AllParams, check_params
from pipeline.cli.graph import stale_stages
from pipeline.cli.rate import measure_rate
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, join_texts, translate, translate_table
from pipeline.common.paths import BASE_MODEL, SHARDS
from pipeline.device.device import pick_device, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.ngrams.mixture import NGRAM_FOLDER
from pipeline.pretrain.counts import DRAW_ORDER
from pipeline.statistics import scaling
from pipeline.training.optimizer import Optimizers
from pipeline.training.run import explain_out_of_memory

CARD_SIZES = (8, 12, 16, 24, 32)  # GB of 10^9 bytes
CARD_PRECISION = "bf16"  # what `auto` means; fp16 takes as much memory
GIB = 2**30
PROBE_STEPS = 20
# Rows of the table of cards: params of training that save memory at the cost of time.
MEMORY_SAVINGS: dict[str, dict[str, Any]] = {
    "train.batch_size": {},
    "loss_chunks: 8": {"loss_chunks": 8},
    "loss_chunks: 8, checkpointing": {"loss_chunks": 8, "checkpointing": True},
}
TITLE_WIDTH = 60  # of the table of memory, whose rows are short
MANIFEST = SHARDS / "manifest.json"

T = TypeVar("T")


def print_plan(probe: bool) -> None:
    """Print the plan. Raises UserError for params that contradict each other.

    What is the same on every machine comes first. Where the device of params.yaml is missing, or DVC cannot
    tell what is stale, a note says so and the rest is printed.
    """
    params = check_params()
    console = Console(highlight=False)
    device, no_device = try_or_explain(lambda: pick_device(params.runtime.device))
    to_run, no_graph = try_or_explain(stale_stages)
    precision = pick_precision(params.train.precision, device) if device else card_precision(params)
    vocab_size = params.tokenizer.vocab_size
    with torch.device("meta"):  # shapes alone
        model = Decoder(params.model, vocab_size)
    console.print(translate_table(model_table(model)))
    parameters = parameter_count(model)
    print_line(console, describe_training_tokens(params, parameters, to_run))
    print_line(console, describe_expected_bits(params, parameters))
    if params.model.ngram.order or params.train.ngram_draws:
        print_line(console, describe_counts(params))
    if params.model.ngram.order:
        print_line(console, describe_counting_gain(params, parameters))
    print_line(console, describe_disk(params, parameters))
    on_cpu = device is not None and device.type == "cpu"
    size, no_fit = try_or_explain(lambda: resolve_batch_size(params, device))
    memory = plan_memory(params.model, vocab_size, params.train, size or 1, precision, on_cpu)
    console.print(translate_table(memory_table(memory, size or 1, params, precision, on_cpu)))
    if device:
        print_line(console, describe_fit(memory, device, size or 1))
    console.print(translate_table(card_table(params)))
    if device:
        rate = measure_rate(params.runtime.device, params.train.precision)
        if rate.note:
            print_line(console, "note: {note}", note=rate.note)
        if to_run is not None:
            print_line(console, describe_times(params, to_run, device, rate.flops))
    if device and size and probe:
        print_line(console, run_probe(params, device, precision, size))
    for note in estimate.find_shortages(params):
        print_line(console, "note: {note}", note=note)
    for stage, why in (to_run or {}).items():
        print_line(console, "`dvc repro` will run {stage}: {why}", stage=stage, why=why)
    if to_run == {}:
        print_line(console, "`dvc repro` will run nothing: all is up to date")
    for fault in filter(None, (no_device, no_graph, no_fit)):
        print_line(console, "note: {note}", note=fault)


def card_precision(params: AllParams) -> str:
    """Return the precision to assume for a card that this machine lacks."""
    precision = params.train.precision
    return CARD_PRECISION if precision == "auto" else precision


def resolve_batch_size(params: AllParams, device: torch.device | None) -> int:
    """Return the batch size of training: for `auto` the one planned for this device, 1 without a device.

    Raises UserError where nothing fits.
    """
    if params.train.batch_size != "auto":
        return params.train.batch_size
    if device is None:
        return 1
    processes = params.runtime.processes
    return plan_batch_size(params.train, params.model, params.tokenizer.vocab_size, device, processes)[0]


def try_or_explain(function: Callable[[], T]) -> tuple[T | None, Translatable | None]:
    """Return the result of `function` and None, or None and the message of its UserError."""
    try:
        return function(), None
    except UserError as error:
        return None, error.message


def print_line(console: Console, template: str, /, **values: object) -> None:
    """Print a message in the user's language, without wrapping."""
    console.print(translate(template, **values), soft_wrap=True, markup=False)


def model_table(model: Decoder) -> Table:
    """Return a table with a row for each weight: its shape and number of parameters, all layers together."""
    total, config = parameter_count(model), model.params
    table = Table(
        "module",
        "shape",
        "parameters",
        title=Translatable("{folder}: {arch}", folder=BASE_MODEL, arch=config.arch),
    )
    layers = len(model.model.layers)
    for name, weight in model.named_parameters():
        in_layer = name.startswith("model.layers.")
        if in_layer and not name.startswith("model.layers.0."):
            continue
        n_times, label = (
            (layers, name.replace(".layers.0.", f".layers.0-{layers - 1}.")) if in_layer else (1, name)
        )
        shape = " x ".join(map(str, weight.shape))
        table.add_row(label.removesuffix(".weight"), shape, format_number(n_times * weight.numel()))
    embeddings = model.vocab_size * config.width * (1 if config.tie_embeddings else 2)
    tied = Translatable("output = embeddings" if config.tie_embeddings else "untied")
    table.add_section()
    table.add_row(Translatable("all"), tied, format_number(total))
    table.add_row(Translatable("without embeddings"), "", format_number(total - embeddings))
    return table


def describe_training_tokens(
    params: AllParams, parameters: int, to_run: dict[str, Translatable] | None
) -> Translatable:
    """Return a line about the tokens of pretraining, per parameter and in epochs."""
    steps, per_step = params.train.steps, params.train.tokens_per_step
    packed = read_packed_text(to_run)
    available = packed["tokens"] if packed else estimate.training_tokens(params)
    size = format_number(available / 1e6, ",.1f")
    total = steps * per_step
    return Translatable(
        "pretraining: {steps:,} steps x {step_tokens:,} = {millions:,.1f} M tokens "
        "({ratio:.1f} a parameter); the train split has {split_millions} M: {epochs:.1f} epochs",
        steps=steps,
        step_tokens=per_step,
        millions=total / 1e6,
        ratio=total / parameters,
        split_millions=size if packed else Translatable("about {size}", size=size),
        epochs=total / available,
    )


def read_packed_text(to_run: Collection[str] | None) -> dict[str, Any] | None:
    """Return what the manifest has of the train split, or None where the shards are missing or stale.

    `to_run` are the stale stages, None where they are unknown.
    """
    if to_run is None or "pack_shards" in to_run or not MANIFEST.is_file():
        return None
    return json.loads(MANIFEST.read_text(encoding="utf-8"))["train"]


def describe_expected_bits(params: AllParams, parameters: int) -> Translatable:
    """Return a line about the expected bits per byte on real text, and the compute-optimal tokens."""
    law, per_token = scaling.LAW, estimate.bytes_per_token(params.tokenizer.vocab_size)
    read, effective = count_read_bytes(params)
    bits = law.bits_per_byte(parameters, effective)
    if scaling.is_within_runs(parameters, read):
        error = bits * law.relative_error(parameters, effective)
        certainty = Translatable("give or take {error:.2f}", error=error)
    else:
        certainty = Translatable("a guess: no run of that size was measured")
    return Translatable(
        "on real Turkish text that comes to about {bits:.2f} bits per byte ({certainty}); "
        "a model of this size deserves {millions:,.0f} M tokens",
        bits=bits,
        certainty=certainty,
        millions=law.optimal_bytes(parameters) / per_token / 1e6,
    )


def count_read_bytes(params: AllParams) -> tuple[float, float]:
    """Return the bytes of text that training reads, and how many read once would be worth as much."""
    per_token = estimate.bytes_per_token(params.tokenizer.vocab_size)
    read = params.train.steps * params.train.tokens_per_step * per_token
    return read, float(scaling.effective_bytes(max(1, estimate.training_bytes(params)), read))


def describe_counting_gain(params: AllParams, parameters: int) -> Translatable:
    """Return a line about the bits per byte that counts are expected to take off, on real text."""
    text = max(1, estimate.training_bytes(params))
    network = scaling.LAW.bits_per_byte(parameters, count_read_bytes(params)[1])
    gain = counting_gain.expect_gain(network, text)
    line = Translatable(
        "with its counts {bits:.2f} bits per byte become about {fewer:.2f} on real text",
        bits=network,
        fewer=network - gain,
    )
    if counting_gain.is_measured(text):
        return line
    return Translatable("{line}, a guess: 5 to 91 MB were measured", line=line)


def describe_counts(params: AllParams) -> Translatable:
    """Return a line about the n-gram counts of the training text: what they take, and whether they stay."""
    order, tokens = params.model.ngram.order, estimate.training_tokens(params)
    seconds = estimate.counting_seconds(tokens, order)
    size = estimate.ngram_bytes(tokens, order) / 1e9
    kept = Translatable("{size:.2f} GB in {folder}", size=size, folder=f"{BASE_MODEL}/{NGRAM_FOLDER}")
    if params.train.ngram_draws:
        seconds += estimate.counting_seconds(tokens, DRAW_ORDER)
    return Translatable(
        "n-gram counts: about {seconds:.0f} s to count, {kept}",
        seconds=seconds,
        kept=kept if order else Translatable("not kept"),
    )


def describe_disk(params: AllParams, parameters: int) -> Translatable:
    """Return a line about the disk space of all outputs and checkpoints of a run."""
    text = estimate.corpus_bytes(params)
    bytes_per_id = 2 if params.tokenizer.vocab_size < 2**16 else 4
    shards = estimate.training_tokens(params) * bytes_per_id
    weights = 4 * parameters
    # Two models. Two checkpoints with weights and up to two moments, and a third while it is written.
    sizes = {
        Translatable("corpus"): text * 0.4,
        Translatable("shards"): shards,
        Translatable("models"): 2 * weights,
        Translatable("checkpoints"): 9 * weights,
    }
    if order := params.model.ngram.order:
        sizes[Translatable("counts")] = estimate.ngram_bytes(estimate.training_tokens(params), order)
    details = [Translatable("{name} {size:.2f}", name=name, size=size / 1e9) for name, size in sizes.items()]
    return Translatable(
        "disk: about {size:.2f} GB ({details})",
        size=sum(sizes.values()) / 1e9,
        details=join_texts(", ", details),
    )


def memory_table(memory: Memory, size: int, params: AllParams, precision: str, on_cpu: bool = False) -> Table:
    """Return a table of the memory of a pretraining step with `size` sequences at once, in GiB."""
    batch_size = f"auto ({size})" if params.train.batch_size == "auto" else str(size)
    title = Translatable(
        "memory of pretraining, train.batch_size {batch_size}, {precision}",
        batch_size=batch_size,
        precision=precision,
    )
    required = memory.with_overhead(ON_CPU if on_cpu else ON_GPU)
    parts = {**vars(memory), "libraries": required - memory.total, "all": required}  # and fragmentation
    table = Table("part", Column("GiB", justify="right"), title=title, min_width=TITLE_WIDTH)
    for name, size in parts.items():
        table.add_row(Translatable(name), format_number(size / GIB, ".2f"))
    return table


def describe_fit(memory: Memory, device: torch.device, batch_size: int) -> Translatable:
    """Return a line that says if pretraining fits the memory of this machine."""
    if device.type == "cuda":
        available: int | None = torch.cuda.get_device_properties(device).total_memory
    else:
        available = free_bytes(device)
    if available is None:
        return Translatable(
            "this machine: {device}, which does not tell how much memory is free", device=device.type
        )
    if memory.fits(available, ON_GPU if device.type == "cuda" else ON_CPU):
        verdict = Translatable("fits")
    elif batch_size > 1:
        verdict = Translatable("does not fit; lower train.batch_size")
    else:
        verdict = Translatable("does not fit; choose a smaller model or context")
    return Translatable(
        "this machine ({device}, {memory:.1f} GiB): {verdict}",
        device=device.type,
        memory=available / GIB,
        verdict=verdict,
    )


def card_table(params: AllParams) -> Table:
    """Return a table of the largest train.batch_size for cards of common sizes, without and with savings."""
    heads = (Translatable("{size} GB", size=size) for size in CARD_SIZES)
    table = Table("card", *heads, title="the largest train.batch_size that fits")
    for name, savings in MEMORY_SAVINGS.items():
        train_params = params.train.model_copy(update=savings)
        if savings and train_params == params.train:
            continue
        best = (
            largest_batch(
                params.model, params.tokenizer.vocab_size, train_params, card_precision(params), size * 10**9
            )
            for size in CARD_SIZES
        )
        table.add_row(name, *(Translatable("none") if size is None else str(size) for size in best))
    return table


def describe_times(
    params: AllParams, to_run: Collection[str], device: torch.device, rate: float
) -> Translatable:
    """Return a line about the time of the stages that would run, at a machine's `rate` of operations."""
    if not to_run:
        return Translatable("time here ({device}): none", device=device.type)
    seconds = estimate.stage_seconds(params, rate)
    details = [
        Translatable("{stage} {duration}", stage=stage, duration=estimate.format_duration(seconds[stage]))
        for stage in to_run
    ]
    return Translatable(
        "time here ({device}): about {duration} ({details})",
        device=device.type,
        duration=estimate.format_duration(sum(seconds[stage] for stage in to_run)),
        details=join_texts(", ", details),
    )


def run_probe(params: AllParams, device: torch.device, precision: str, size: int) -> Translatable:
    """Train a new model for PROBE_STEPS steps; return a line about the time of a step and of all of them.

    `size` sequences are read at once.
    """
    step = time_steps(params, device, precision, size, PROBE_STEPS)
    return Translatable(
        "probe of {steps} steps: {seconds:.3f} s a step of {step_tokens:,} tokens, "
        "{rate:,.0f} tokens/s; pretraining takes {duration}",
        steps=PROBE_STEPS,
        seconds=step,
        step_tokens=params.train.tokens_per_step,
        rate=params.train.tokens_per_step / step,
        duration=estimate.format_duration(step * params.train.steps),
    )


def time_steps(params: AllParams, device: torch.device, precision: str, size: int, count: int) -> float:
    """Return the median seconds of an optimizer step of pretraining on random tokens.

    Of `count` steps the first two are not counted. `size` sequences are read at once. Raises UserError where
    memory runs out.
    """
    tune_allocator()
    train_params, vocab_size = params.train, params.tokenizer.vocab_size
    model = Decoder(params.model, vocab_size)
    initialize(model, params.seed)
    model.set_activation_checkpointing(train_params.checkpointing)
    passes = train_params.tokens_per_step // (size * params.model.context)
    step_params = size, params.model.context, precision, passes, train_params.loss_chunks
    with explain_out_of_memory("train.batch_size", size):
        model.to(device)
        optimizers = Optimizers(model, train_params)
        seconds = [time_random_step(model, optimizers, *step_params) for _ in range(count)]
    return statistics.median(seconds[2:])
