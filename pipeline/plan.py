"""What `tezgah plan` does: say what params.yaml asks for before anything is trained."""

import json
import statistics
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from pipeline import estimate
from pipeline.check import AllParams, check
from pipeline.doctor import available_memory
from pipeline.graph import stale
from pipeline.model.decoder import Decoder, initialise, parameter_count
from pipeline.training.device import pick_device, precision_of
from pipeline.training.memory import keep_memory
from pipeline.training.memory_plan import CONTEXT_BYTES, Memory
from pipeline.training.memory_plan import plan as memory_plan
from pipeline.training.optim import Optimizers
from pipeline.training.probe import random_step

CARDS = (8, 12, 16, 24, 32)  # GiB
GIB = 2**30
PROBE_STEPS = 20
MANIFEST = Path("data/shards/manifest.json")


def run(probe: bool) -> None:
    """Print all of it. Raises UserError for params that do not fit together."""
    params = check()
    device = pick_device(params.runtime.device)
    precision = precision_of(params.train.precision, device)
    to_run = stale()
    console = Console(highlight=False)
    with torch.device("meta"):  # shapes alone
        model = Decoder(params.model, params.tokenizer.vocab_size)
    console.print(model_table(model))
    console.print(reading(params, parameter_count(model), to_run), soft_wrap=True)
    console.print(disk(params, parameter_count(model)), soft_wrap=True)
    of_one = memory_plan(params.model, params.tokenizer.vocab_size, params.train, 1, precision)
    console.print(memory_table(of_one, params, precision))
    console.print(here(of_one.of(params.train.batch_size), device), soft_wrap=True)
    console.print(card_table(params))
    console.print(times(params, to_run, device), soft_wrap=True)
    if probe:
        console.print(probed(params, device, precision), soft_wrap=True)
    for stage, why in to_run.items():
        console.print(f"`dvc repro` will run {stage}: {why}", soft_wrap=True, markup=False)
    if not to_run:
        console.print("`dvc repro` will run nothing: all is up to date", soft_wrap=True)


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


def reading(params: AllParams, parameters: int, to_run: dict[str, str]) -> str:
    """How much is read, how often, and how that compares with the model's size."""
    steps, per_step = params.train.steps, params.train.tokens_per_step
    there = estimate.training_tokens(params)
    about = "about "
    if "pack_shards" not in to_run:
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
    # Two models; two checkpoints with weights and up to two moments.
    parts = {"corpus": text * 0.4, "shards": shards, "models": 2 * weights, "checkpoints": 6 * weights}
    shown = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in parts.items())
    return f"disk: about {sum(parts.values()) / 1e9:.2f} GB ({shown})"


def memory_table(of_one: Memory, params: AllParams, precision: str) -> Table:
    """Where the memory of a pretraining step lies."""
    memory = of_one.of(params.train.batch_size)
    title = f"memory of pretraining, train.batch_size {params.train.batch_size}, {precision} (GiB)"
    table = Table(*vars(memory), "all", title=title)
    table.add_row(*(f"{part / GIB:.2f}" for part in (*vars(memory).values(), memory.total)))
    return table


def here(memory: Memory, device: torch.device) -> str:
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
    verdict = "fits" if fits else "does not fit; lower train.batch_size"
    return f"this machine ({device.type}, {room / GIB:.1f} GiB): {verdict}"


def card_table(params: AllParams) -> Table:
    """The largest train.batch_size for cards of common sizes."""
    table = Table("card", *(f"{size} GB" for size in CARDS), title="the largest train.batch_size that fits")
    of_one = memory_plan(params.model, params.tokenizer.vocab_size, params.train, 1, "bf16")
    sequences = params.train.tokens_per_step // params.model.context
    best = (of_one.largest_batch(sequences, size * GIB) for size in CARDS)
    table.add_row("train.batch_size", *("none" if size is None else str(size) for size in best))
    return table


def times(params: AllParams, to_run: dict[str, str], device: torch.device) -> str:
    """About how long the stages that would run take here."""
    seconds = estimate.seconds_here(params)
    parts = ", ".join(f"{stage} {estimate.roughly(seconds[stage])}" for stage in to_run)
    total = estimate.roughly(sum(seconds[stage] for stage in to_run)) if to_run else "nothing to run"
    return f"time here ({device.type}): about {total}" + (f" ({parts})" if parts else "")


def probed(params: AllParams, device: torch.device, precision: str) -> str:
    """Train a fresh model for PROBE_STEPS steps on random tokens, and say how long all steps would take."""
    keep_memory()
    settings, vocab_size = params.train, params.tokenizer.vocab_size
    model = Decoder(params.model, vocab_size)
    initialise(model, params.seed)
    model.to(device)
    optimizers = Optimizers(model, settings)
    passes = settings.tokens_per_step // (settings.batch_size * params.model.context)
    step_shape = settings.batch_size, params.model.context
    seconds = [random_step(model, optimizers, *step_shape, precision, passes) for _ in range(PROBE_STEPS)]
    step = statistics.median(seconds[2:])
    total = estimate.roughly(step * settings.steps)
    return (
        f"probe of {PROBE_STEPS} steps: {step:.3f} s a step of {settings.tokens_per_step:,} tokens,"
        f" {settings.tokens_per_step / step:,.0f} tokens/s; pretraining takes {total}"
    )
