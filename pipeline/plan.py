"""What `tezgah plan` does: say what params.yaml asks for before anything is trained."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from rich.console import Console
from rich.table import Table

from pipeline import estimate, language
from pipeline.check import AllParams, check
from pipeline.doctor import available_memory
from pipeline.errors import UserError
from pipeline.graph import stale
from pipeline.model.decoder import Decoder, initialise, parameter_count
from pipeline.training.device import pick_device, precision_of
from pipeline.training.loop import out_of_memory_named
from pipeline.training.memory import keep_memory
from pipeline.training.memory_plan import CONTEXT_BYTES, Memory
from pipeline.training.memory_plan import plan as memory_plan
from pipeline.training.optim import Optimizers
from pipeline.training.probe import random_step

CARDS = (8, 12, 16, 24, 32)  # GB, which the libraries count as a tenth less in GiB
CARD_PRECISION = "bf16"  # of `auto`, or fp16, which takes as much
GIB = 2**30
PROBE_STEPS = 20
MANIFEST = Path("data/shards/manifest.json")

T = TypeVar("T")


def run(probe: bool) -> None:
    """Print all of it. Raises UserError for params that do not fit together.

    What is the same on every machine comes first; where the device of params.yaml is not here, or DVC cannot
    tell what is stale, that is said and the rest is shown.
    """
    params = check()
    console = Console(highlight=False)
    device, no_device = tried(lambda: pick_device(params.runtime.device))
    to_run, no_graph = tried(stale)
    precision = precision_of(params.train.precision, device) if device else card_precision(params)
    vocab_size = params.tokenizer.vocab_size
    with torch.device("meta"):  # shapes alone
        model = Decoder(params.model, vocab_size)
    console.print(language.table(model_table(model), {0, 1}))
    for line in (reading(params, parameter_count(model), to_run), disk(params, parameter_count(model))):
        say(console, line)
    on_cpu = device is not None and device.type == "cpu"
    of_one = memory_plan(params.model, vocab_size, params.train, 1, precision, on_cpu)
    console.print(language.table(memory_table(of_one, params, precision)))
    if device:
        say(console, here(of_one.of(params.train.batch_size), device, params.train.batch_size))
    console.print(language.table(card_table(params)))
    if device and to_run is not None:
        say(console, times(params, to_run, device))
    if device and probe:
        say(console, probed(params, device, precision))
    for note in estimate.warnings(params):
        say(console, f"note: {note}")
    for stage, why in (to_run or {}).items():
        say(console, f"`dvc repro` will run {stage}: {why}")
    if to_run == {}:
        say(console, "`dvc repro` will run nothing: all is up to date")
    for fault in filter(None, (no_device, no_graph)):
        say(console, f"note: {fault}")


def card_precision(params: AllParams) -> str:
    """The precision of a card that is not here."""
    asked = params.train.precision
    return CARD_PRECISION if asked == "auto" else asked


def tried(look: Callable[[], T]) -> tuple[T | None, str]:
    """What a look brings, or None and why it could not be had."""
    try:
        return look(), ""
    except UserError as error:
        return None, str(error)


def say(console: Console, line: str) -> None:
    """A line in the language asked for, as long as it is."""
    console.print(language.said(line), soft_wrap=True, markup=False)


def model_table(model: Decoder) -> Table:
    """A row for each kind of module: its matrices and how many numbers they hold."""
    total, config = parameter_count(model), model.config
    table = Table("module", "shape", "parameters", title=f"models/base: {config.arch}")
    layers = len(model.model.layers)
    for name, weight in model.named_parameters():
        of_layer = name.startswith("model.layers.")
        if of_layer and not name.startswith("model.layers.0."):
            continue
        times, label = (
            (layers, name.replace(".layers.0.", f".layers.0-{layers - 1}.")) if of_layer else (1, name)
        )
        shape = " x ".join(map(str, weight.shape))
        table.add_row(label.removesuffix(".weight"), shape, f"{times * weight.numel():,}")
    embeddings = model.vocab_size * config.width * (1 if config.tie_embeddings else 2)
    tied = "the output matrix is the embeddings" if config.tie_embeddings else "untied"
    table.add_section()
    table.add_row("all", tied, f"{total:,}")
    table.add_row("without embeddings", "", f"{total - embeddings:,}")
    return table


def reading(params: AllParams, parameters: int, to_run: dict[str, str] | None) -> str:
    """How much is read, how often, and how that compares with the model's size."""
    steps, per_step = params.train.steps, params.train.tokens_per_step
    there = estimate.training_tokens(params)
    about = "about "
    if to_run is not None and "pack_shards" not in to_run and MANIFEST.is_file():
        there, about = json.loads(MANIFEST.read_text(encoding="utf-8"))["train"]["tokens"], ""
    total = steps * per_step
    return (
        f"pretraining: {steps:,} steps x {per_step:,} = {total / 1e6:,.1f} M tokens"
        f" ({total / parameters:.1f} a parameter); the train split has {about}{there / 1e6:,.1f} M:"
        f" {total / there:.1f} epochs"
    )


def disk(params: AllParams, parameters: int) -> str:
    """Room that a run takes, all outputs and checkpoints together."""
    text = estimate.corpus_bytes(params)
    wide = 2 if params.tokenizer.vocab_size < 2**16 else 4
    shards = estimate.training_tokens(params) * wide
    weights = 4 * parameters
    # Two models; two checkpoints with weights and up to two moments, one more of them while it is written.
    parts = {"corpus": text * 0.4, "shards": shards, "models": 2 * weights, "checkpoints": 9 * weights}
    shown = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in parts.items())
    return f"disk: about {sum(parts.values()) / 1e9:.2f} GB ({shown})"


def memory_table(of_one: Memory, params: AllParams, precision: str) -> Table:
    """Where the memory of a pretraining step lies."""
    memory = of_one.of(params.train.batch_size)
    title = f"memory of pretraining, train.batch_size {params.train.batch_size}, {precision} (GiB)"
    table = Table(*vars(memory), "libraries", "all", title=title)
    libraries = memory.taken() - memory.total  # and what fragments waste
    table.add_row(*(f"{part / GIB:.2f}" for part in (*vars(memory).values(), libraries, memory.taken())))
    return table


def here(memory: Memory, device: torch.device, batch_size: int) -> str:
    """Whether it fits this machine."""
    if device.type == "cuda":
        room = torch.cuda.get_device_properties(device).total_memory
        fits = memory.fits(room)
    else:
        free = available_memory()
        if free is None:
            return f"this machine: {device.type}, which does not tell how much memory is free"
        room = round(free * 1e9)
        fits = memory.fits(room, held=CONTEXT_BYTES // 2)
    smaller = "lower train.batch_size" if batch_size > 1 else "choose a smaller model or context"
    verdict = "fits" if fits else f"does not fit; {smaller}"
    return f"this machine ({device.type}, {room / GIB:.1f} GiB): {verdict}"


def card_table(params: AllParams) -> Table:
    """The largest train.batch_size for cards of common sizes."""
    table = Table("card", *(f"{size} GB" for size in CARDS), title="the largest train.batch_size that fits")
    of_one = memory_plan(params.model, params.tokenizer.vocab_size, params.train, 1, card_precision(params))
    sequences = params.train.tokens_per_step // params.model.context
    best = (of_one.largest_batch(sequences, size * 10**9) for size in CARDS)
    table.add_row("train.batch_size", *("none" if size is None else str(size) for size in best))
    return table


def times(params: AllParams, to_run: dict[str, str], device: torch.device) -> str:
    """About how long the stages that would run take here."""
    if not to_run:
        return f"time here ({device.type}): none"
    seconds = estimate.seconds_here(params)
    parts = ", ".join(f"{stage} {estimate.roughly(seconds[stage])}" for stage in to_run)
    total = estimate.roughly(sum(seconds[stage] for stage in to_run))
    return f"time here ({device.type}): about {total} ({parts})"


def probed(params: AllParams, device: torch.device, precision: str) -> str:
    """Train a fresh model for PROBE_STEPS steps on random tokens, and say how long all steps would take."""
    keep_memory()
    settings, vocab_size = params.train, params.tokenizer.vocab_size
    model = Decoder(params.model, vocab_size)
    initialise(model, params.seed)
    passes = settings.tokens_per_step // (settings.batch_size * params.model.context)
    step_shape = settings.batch_size, params.model.context
    with out_of_memory_named("train.batch_size", settings.batch_size):
        model.to(device)
        optimizers = Optimizers(model, settings)
        seconds = [random_step(model, optimizers, *step_shape, precision, passes) for _ in range(PROBE_STEPS)]
    step = statistics.median(seconds[2:])
    total = estimate.roughly(step * settings.steps)
    return (
        f"probe of {PROBE_STEPS} steps: {step:.3f} s a step of {settings.tokens_per_step:,} tokens,"
        f" {settings.tokens_per_step / step:,.0f} tokens/s; pretraining takes {total}"
    )
