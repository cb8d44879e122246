"""What `tezgah plan` does: say what params.yaml asks for before anything is trained."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.table import Table

from pipeline.autobatch.choose import fitting, free_bytes
from pipeline.autobatch.memory_plan import ON_CPU, ON_GPU, Memory, largest_batch
from pipeline.autobatch.memory_plan import plan as memory_plan
from pipeline.autobatch.probe import random_step
from pipeline.cli import estimate, scaling
from pipeline.cli.check import AllParams, check
from pipeline.cli.graph import stale
from pipeline.common import i18n
from pipeline.common.errors import UserError
from pipeline.device.malloc import keep_memory
from pipeline.device.select import pick_device, precision_of
from pipeline.model.decoder import Decoder, initialise, parameter_count
from pipeline.training.loop import out_of_memory_named
from pipeline.training.optimizer import Optimizers

CARDS = (8, 12, 16, 24, 32)  # GB, which the libraries count as a tenth less in GiB
CARD_PRECISION = "bf16"  # of `auto`, or fp16, which takes as much
GIB = 2**30
PROBE_STEPS = 20
# What saves memory at the cost of time, as rows of the table of cards.
KNOBS: dict[str, dict[str, Any]] = {
    "train.batch_size": {},
    "loss_chunks: 8": {"loss_chunks": 8},
    "loss_chunks: 8, checkpointing": {"loss_chunks": 8, "checkpointing": True},
}
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
    console.print(i18n.translate_table(model_table(model), {0, 1}))
    parameters = parameter_count(model)
    for line in (reading(params, parameters, to_run), reached(params, parameters), disk(params, parameters)):
        say(console, line)
    on_cpu = device is not None and device.type == "cpu"
    size, unfit = tried(lambda: batch_size(params, device))
    memory = memory_plan(params.model, vocab_size, params.train, size or 1, precision, on_cpu)
    console.print(i18n.translate_table(memory_table(memory, size or 1, params, precision, on_cpu)))
    if device:
        say(console, here(memory, device, size or 1))
    console.print(i18n.translate_table(card_table(params)))
    if device and to_run is not None:
        say(console, times(params, to_run, device))
    if device and size and probe:
        say(console, probed(params, device, precision, size))
    for note in estimate.warnings(params):
        say(console, f"note: {note}")
    for stage, why in (to_run or {}).items():
        say(console, f"`dvc repro` will run {stage}: {why}")
    if to_run == {}:
        say(console, "`dvc repro` will run nothing: all is up to date")
    for fault in filter(None, (no_device, no_graph, unfit)):
        say(console, f"note: {fault}")


def card_precision(params: AllParams) -> str:
    """The precision of a card that is not here."""
    asked = params.train.precision
    return CARD_PRECISION if asked == "auto" else asked


def batch_size(params: AllParams, device: torch.device | None) -> int:
    """That of training; what `auto` comes to here by the plan, and 1 where there is no device to ask.

    Raises UserError where nothing fits.
    """
    if params.train.batch_size != "auto":
        return params.train.batch_size
    if device is None:
        return 1
    processes = params.runtime.processes
    return fitting(params.train, params.model, params.tokenizer.vocab_size, device, processes)[0]


def tried(look: Callable[[], T]) -> tuple[T | None, str]:
    """What a look brings, or None and why it could not be had."""
    try:
        return look(), ""
    except UserError as error:
        return None, str(error)


def say(console: Console, line: str) -> None:
    """A line in the language asked for, as long as it is."""
    console.print(i18n.translate(line), soft_wrap=True, markup=False)


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


def reached(params: AllParams, parameters: int) -> str:
    """What pretraining would come to on real text, and how much text the model is worth."""
    law, of_token = scaling.law(), estimate.bytes_per_token(params.tokenizer.vocab_size)
    read = params.train.steps * params.train.tokens_per_step * of_token
    new = float(scaling.worth(max(1, estimate.training_bytes(params)), read))
    bits = law.bits_per_byte(parameters, new)
    if scaling.measured(parameters, read):
        sure = f"give or take {bits * law.error(parameters, new):.2f}"
    else:
        sure = "a guess: no run of that size was measured"
    return (
        f"on real Turkish text that comes to about {bits:.2f} bits per byte ({sure}); a model of this size"
        f" deserves {law.deserved(parameters) / of_token / 1e6:,.0f} M tokens"
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


def memory_table(memory: Memory, size: int, params: AllParams, precision: str, on_cpu: bool = False) -> Table:
    """Where the memory of a pretraining step lies, `size` sequences at once."""
    shown = f"auto ({size})" if params.train.batch_size == "auto" else str(size)
    title = f"memory of pretraining, train.batch_size {shown}, {precision} (GiB)"
    table = Table(*vars(memory), "libraries", "all", title=title)
    taken = memory.taken(ON_CPU if on_cpu else ON_GPU)
    libraries = taken - memory.total  # and what fragments waste
    table.add_row(*(f"{part / GIB:.2f}" for part in (*vars(memory).values(), libraries, taken)))
    return table


def here(memory: Memory, device: torch.device, batch_size: int) -> str:
    """Whether it fits this machine."""
    if device.type == "cuda":
        room: int | None = torch.cuda.get_device_properties(device).total_memory
    else:
        room = free_bytes(device)
    if room is None:
        return f"this machine: {device.type}, which does not tell how much memory is free"
    fits = memory.fits(room, ON_GPU if device.type == "cuda" else ON_CPU)
    smaller = "lower train.batch_size" if batch_size > 1 else "choose a smaller model or context"
    verdict = "fits" if fits else f"does not fit; {smaller}"
    return f"this machine ({device.type}, {room / GIB:.1f} GiB): {verdict}"


def card_table(params: AllParams) -> Table:
    """The largest train.batch_size for cards of common sizes: as params.yaml has it, and in less memory."""
    table = Table("card", *(f"{size} GB" for size in CARDS), title="the largest train.batch_size that fits")
    for name, knobs in KNOBS.items():
        settings = params.train.model_copy(update=knobs)
        if knobs and settings == params.train:
            continue
        best = (
            largest_batch(
                params.model, params.tokenizer.vocab_size, settings, card_precision(params), size * 10**9
            )
            for size in CARDS
        )
        table.add_row(name, *("none" if size is None else str(size) for size in best))
    return table


def times(params: AllParams, to_run: dict[str, str], device: torch.device) -> str:
    """About how long the stages that would run take here."""
    if not to_run:
        return f"time here ({device.type}): none"
    seconds = estimate.seconds_here(params)
    parts = ", ".join(f"{stage} {estimate.roughly(seconds[stage])}" for stage in to_run)
    total = estimate.roughly(sum(seconds[stage] for stage in to_run))
    return f"time here ({device.type}): about {total} ({parts})"


def probed(params: AllParams, device: torch.device, precision: str, size: int) -> str:
    """Train a fresh model for PROBE_STEPS steps on random tokens, `size` sequences at once, and say how long
    all steps would take."""
    keep_memory()
    settings, vocab_size = params.train, params.tokenizer.vocab_size
    model = Decoder(params.model, vocab_size)
    initialise(model, params.seed)
    model.recompute(settings.checkpointing)
    passes = settings.tokens_per_step // (size * params.model.context)
    how = size, params.model.context, precision, passes, settings.loss_chunks
    with out_of_memory_named("train.batch_size", size):
        model.to(device)
        optimizers = Optimizers(model, settings)
        seconds = [random_step(model, optimizers, *how) for _ in range(PROBE_STEPS)]
    step = statistics.median(seconds[2:])
    total = estimate.roughly(step * settings.steps)
    return (
        f"probe of {PROBE_STEPS} steps: {step:.3f} s a step of {settings.tokens_per_step:,} tokens,"
        f" {settings.tokens_per_step / step:,.0f} tokens/s; pretraining takes {total}"
    )
