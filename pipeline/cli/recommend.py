"""`tezgah plan --minutes`: the model and the steps that promise the fewest bits per byte for a budget.

A larger model learns more from a token and reads fewer tokens in the same time. The scaling law says where
the two balance. The rest of a recipe is what runs have shown to be best (experiments/README.md).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from pipeline.cli import estimate, preset
from pipeline.cli.check import AllParams, check_params
from pipeline.cli.graph import stale_stages
from pipeline.cli.plan import print_line, read_packed_text, resolve_batch_size, time_steps, try_or_explain
from pipeline.cli.rate import measure_rate
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, join_words, translate_table
from pipeline.device.device import pick_device, pick_precision
from pipeline.statistics import scaling
from pipeline.training.params import TrainParams

# Width and layers of the models to choose from; heads of 64 numbers, or of 32.
SHAPES = (
    (64, 2), (96, 2), (128, 4), (160, 4), (192, 4), (256, 4), (320, 5), (384, 6), (448, 7), (512, 8),
    (640, 10), (768, 12),
)  # fmt: skip
ONE_KEY_HEAD_WIDTH = 256  # up to this width all query heads share one head of keys and values
FFN_RATIO = 3
# Values of `train` that were best in runs of 1e13 and 5e13 operations.
RECIPE = {
    "optimizer": "muon", "momentum": 0.9, "beta1": 0.8, "schedule": "wsd", "decay_fraction": 0.8,
    "final_fraction": 0.0, "weight_decay": 0.0,
}  # fmt: skip
# Decay of matrices where the text is read so many times: 0.031 and 0.017 bits per byte better than none over
# four epochs, in runs of 6e12 and 2.4e13 operations. Less than four were not compared.
MANY_EPOCHS, WEIGHT_DECAY = 4.0, 0.3
# Of both optimizers, near the best at widths of 256 to 512. In longer runs no two rates were compared.
RATE, LONG_RUN_RATE, LONG_RUN_TOKENS = 0.03, 0.02, 20e6
MIN_WARMUP, MAX_WARMUP = 20, 300  # steps; between them a hundredth of all
# With fewer operations than this a smaller vocabulary leaves more steps to a model: with 3e12 and 6e12 4,096
# pieces were better than 8,192. For larger budgets, and for the context, nothing was compared.
SMALL_BUDGET, SMALL_VOCABULARY = 1e13, 4096
MODEL_KEYS = ("width", "layers", "heads", "kv_heads", "head_dim", "ffn")
TRAIN_KEYS = (
    *RECIPE, "learning_rate", "matrix_learning_rate", "beta2", "batch_size", "steps", "tokens_per_step",
    "warmup_steps", "eval_every",
)  # fmt: skip
# A step reads about so many tokens, times the root of the millions of tokens of the run. In runs of 4 M
# 1,024 were better than 2,048, and those better than 4,096 (by 0.005 and 0.004 bits per byte); in longer runs
# than LONG_RUN_TOKENS nothing was compared.
STEP_TOKENS, LONG_RUN_STEP_TOKENS, MIN_STEP_TOKENS = 660, 1320, 1024
# `beta2` averages squares of gradients over this many tokens, as 0.99 does in steps of 2,048.
AVERAGED_TOKENS = 204_800
MIN_BETA2, MAX_BETA2 = 0.95, 0.99
CPU_BATCH_SIZE = 8  # sequences; larger batches are no faster on a processor
PROBED_STEPS = 6  # of which two are not counted
MAX_PROBED_STEP_SECONDS = 5.0
SHOWN_NEIGHBORS = 2  # rows above and below the recommended one


class Budget(NamedTuple):
    """What pretraining may cost: seconds on this machine, or operations."""

    seconds: float
    flops: float | None


class Candidate(NamedTuple):
    """A model that trains for the budget, and what it promises."""

    params: AllParams
    parameters: int
    read_bytes: float  # with repetitions
    epochs: float
    bits: float  # a UTF-8 byte of real Turkish text

    @property
    def tokens(self) -> int:
        """How many tokens are read."""
        return self.params.train.steps * self.params.train.tokens_per_step


def read_budget(
    minutes: float | None, hours: float | None, flops: float | None, write: bool, probe: bool
) -> Budget | None:
    """Return the budget of the options, or None where there is none.

    Raises UserError for more than one, one that is not above 0, `--write` without and `--probe` with one.
    """
    given = {"--minutes": minutes, "--hours": hours, "--flops": flops}
    budgets = {name: value for name, value in given.items() if value is not None}
    if len(budgets) > 1:
        raise UserError("{budgets}: give one budget", budgets=join_words(list(budgets)))
    if write and not budgets:
        raise UserError("--write: nothing to write without --minutes, --hours or --flops")
    for name, value in budgets.items():
        if probe:
            raise UserError("{name}: give it without --probe", name=name)
        if not 0 < value < math.inf:
            raise UserError("{name}: {value:g}: must be above 0", name=name, value=value)
    if not budgets:
        return None
    seconds = 60 * (minutes or 0) + 3600 * (hours or 0)
    return Budget(seconds, flops)


def print_recommendation(budget: Budget, write: bool) -> None:
    """Print what to train for a budget; with `write` put it into params.yaml.

    Raises UserError for params that contradict each other, and for a budget that no model fits.
    """
    params, console = set_batch_size(check_params()), Console(highlight=False)
    text, line = measure_text(params)
    print_line(console, line)
    if budget.flops is None:
        flops = measure_budget(params, text, budget.seconds, console)
    else:
        flops = budget.flops
        print_line(console, "budget: {flops:.1e} operations", flops=flops)
    candidates = list_candidates(params, text, flops)
    best = min(candidates, key=lambda candidate: candidate.bits)
    console.print(translate_table(candidate_table(candidates, best)))
    print_line(console, describe_certainty(best))
    for note in estimate.find_shortages(best.params):
        print_line(console, "note: {note}", note=note)
    text_of_params, changes = preset.apply_overlays([("tezgah plan", to_overlay(best))])
    preset.check_params_text(text_of_params)
    if write:
        preset.write_changes(text_of_params, changes)
        return
    if not changes:
        print_line(console, "params.yaml has these values already")
        return
    print_line(console, "`--write` puts it into params.yaml; for one experiment:")
    console.print(f"dvc exp run {preset.format_flags(changes)}", soft_wrap=True, markup=False)


def set_batch_size(params: AllParams) -> AllParams:
    """Return the params with the batch size to recommend: as many as fit a GPU, a few for a processor."""
    device, _ = try_or_explain(lambda: pick_device(params.runtime.device))
    size = "auto" if device and device.type == "cuda" else CPU_BATCH_SIZE
    return params.model_copy(update={"train": params.train.model_copy(update={"batch_size": size})})


def measure_text(params: AllParams) -> tuple[int, Translatable]:
    """Return the bytes of the train split, of the packed shards where they are up to date, and a line."""
    to_run, _ = try_or_explain(stale_stages)
    packed = read_packed_text(to_run)
    text = packed["bytes"] if packed else max(1, estimate.training_bytes(params))
    size = format_number(text / 1e6, ",.1f")
    about = size if packed else Translatable("about {size}", size=size)
    return text, Translatable("text: {size} MB to train on", size=about)


def measure_budget(params: AllParams, text: int, seconds: float, console: Console) -> float:
    """Return the operations of training in some seconds on this machine, and print them.

    A model for the rate of matrix products comes first. Some steps of it tell the rate of training.
    """
    device = pick_device(params.runtime.device)
    rate = measure_rate(params.runtime.device, params.train.precision)
    flops = rate.flops * estimate.EFFICIENCY["train_base"]
    first = min(list_candidates(params, text, flops * seconds), key=lambda candidate: candidate.bits)
    # On a busy machine what is known of the quiet one counts.
    measured = flops if rate.note else measure_training(first.params, device, flops)
    precision = pick_precision(params.train.precision, device)
    print_line(
        console,
        "budget: {duration} here ({device}, {precision}), {flops:.1e} operations "
        "at {rate:,.0f} GFLOP/s of training",
        duration=estimate.format_duration(seconds),
        device=device.type,
        precision=precision,
        flops=measured * seconds,
        rate=measured / 1e9,
    )
    if rate.note:
        print_line(console, "note: {note}", note=rate.note)
    return measured * seconds


def measure_training(params: AllParams, device: torch.device, expected: float) -> float:
    """Return the operations per second of pretraining steps on random tokens, in all processes together.

    `expected` operations per second are returned where a step would take too long by them. Raises UserError
    where memory runs out.
    """
    # Processes share the cores of a processor, while each has a GPU of its own.
    processes = params.runtime.process_count if device.type == "cuda" else 1
    step_flops = estimate.decoder_flops(params) * params.train.tokens_per_step
    if step_flops / (expected * processes) > MAX_PROBED_STEP_SECONDS:
        return expected * processes
    size = resolve_batch_size(params, device)
    passes = params.train.tokens_per_step // (size * params.model.context)
    seconds = time_steps(params, device, pick_precision(params.train.precision, device), size, PROBED_STEPS)
    tokens = passes * size * params.model.context  # of the step, without what does not fill a batch
    return estimate.decoder_flops(params) * tokens / seconds * processes


def list_candidates(params: AllParams, text: int, flops: float) -> list[Candidate]:
    """Return what each shape promises with these operations on `text` bytes, from the smallest on.

    Raises UserError where the budget is too small for any.
    """
    params = shrink_vocabulary(params, flops)
    candidates = [
        candidate for width, layers in SHAPES if (candidate := plan_shape(params, text, flops, width, layers))
    ]
    if not candidates:
        raise UserError(
            "a budget of {flops:.1e} operations does not even warm up the smallest model", flops=flops
        )
    return candidates


def shrink_vocabulary(params: AllParams, flops: float) -> AllParams:
    """Return the params, for a small budget with a vocabulary no larger than SMALL_VOCABULARY."""
    if flops >= SMALL_BUDGET:
        return params
    size = min(params.tokenizer.vocab_size, SMALL_VOCABULARY)
    return params.model_copy(update={"tokenizer": params.tokenizer.model_copy(update={"vocab_size": size})})


def plan_shape(params: AllParams, text: int, flops: float, width: int, layers: int) -> Candidate | None:
    """Return what a shape promises, or None where the budget is less than its warmup."""
    head_dim = 64 if width % 64 == 0 and width >= 128 else 32  # two heads at least
    heads = width // head_dim
    model = params.model.model_copy(
        update={
            "width": width,
            "layers": layers,
            "heads": heads,
            "kv_heads": 1 if width <= ONE_KEY_HEAD_WIDTH and params.model.arch != "tanai" else heads,
            "head_dim": head_dim,
            "ffn": FFN_RATIO * width,
        }
    )
    shaped = params.model_copy(update={"model": model})
    train = plan_run(shaped, flops / estimate.decoder_flops(shaped))
    if train.steps <= train.warmup_steps:
        return None
    parameters = model.count_weights(params.tokenizer.vocab_size)
    read = train.steps * train.tokens_per_step * estimate.bytes_per_token(params.tokenizer.vocab_size)
    bits = scaling.LAW.bits_per_byte(parameters, float(scaling.effective_bytes(text, read)))
    if read / text >= MANY_EPOCHS:
        train = train.model_copy(update={"weight_decay": WEIGHT_DECAY})
    return Candidate(shaped.model_copy(update={"train": train}), parameters, read, read / text, bits)


def plan_run(params: AllParams, tokens: float) -> TrainParams:
    """Return the `train` section for a run of so many tokens: its steps, rates and averages."""
    multiple = params.model.context * params.runtime.process_count
    per_step = choose_step_tokens(tokens, multiple)
    steps = round(tokens / per_step)
    rate = RATE if tokens <= LONG_RUN_TOKENS else LONG_RUN_RATE
    batch_size: int | str = "auto"
    if params.train.batch_size != "auto":
        batch_size = math.gcd(per_step // multiple, CPU_BATCH_SIZE)
    return params.train.model_copy(
        update={
            **RECIPE,
            "learning_rate": rate,
            "matrix_learning_rate": rate,
            "beta2": round(min(MAX_BETA2, max(MIN_BETA2, 1 - per_step / AVERAGED_TOKENS)), 3),
            "batch_size": batch_size,
            "steps": steps,
            "tokens_per_step": per_step,
            "warmup_steps": min(MAX_WARMUP, max(MIN_WARMUP, steps // 100)),
            "eval_every": max(10, round(steps / 150) * 10),
        }
    )


def choose_step_tokens(tokens: float, multiple: int) -> int:
    """Return the tokens of a step for a run of so many, a multiple of `multiple` tokens.

    That is about a power of two. Where there are eight multiples or more it is a multiple of all eight, so
    that batches of eight sequences fill it.
    """
    per_root = STEP_TOKENS if tokens <= LONG_RUN_TOKENS else LONG_RUN_STEP_TOKENS
    power = 2 ** round(math.log2(max(MIN_STEP_TOKENS, per_root * math.sqrt(tokens / 1e6))))
    unit = multiple * (CPU_BATCH_SIZE if power >= CPU_BATCH_SIZE * multiple else 1)
    return unit * max(1, round(power / unit))


def to_overlay(candidate: Candidate) -> dict[str, dict[str, Any]]:
    """Return the values of params.yaml that the candidate sets, by section."""
    params = candidate.params
    return {
        "tokenizer": {"vocab_size": params.tokenizer.vocab_size},
        "model": {key: getattr(params.model, key) for key in MODEL_KEYS},
        "train": {key: getattr(params.train, key) for key in TRAIN_KEYS},
    }


def candidate_table(candidates: Sequence[Candidate], best: Candidate) -> Table:
    """Return a table of the best candidate and its neighbors in size."""
    table = Table("model", "parameters", "steps x tokens", "epochs", "bits per byte", title="for this budget")
    at = candidates.index(best)
    for candidate in candidates[max(0, at - SHOWN_NEIGHBORS) : at + SHOWN_NEIGHBORS + 1]:
        model, train = candidate.params.model, candidate.params.train
        table.add_row(
            f"{model.layers} x {model.width}" + (" ←" if candidate is best else ""),
            Translatable("{millions:.1f} M", millions=candidate.parameters / 1e6),
            Translatable("{steps:,} x {tokens:,}", steps=train.steps, tokens=train.tokens_per_step),
            format_number(candidate.epochs, ".1f"),
            format_number(candidate.bits, ".3f"),
        )
    return table


def describe_certainty(candidate: Candidate) -> Translatable:
    """Return a line about the expected bits per byte and how sure they are."""
    if not scaling.is_within_runs(candidate.parameters, candidate.read_bytes):
        return Translatable(
            "on real Turkish text, by the scaling law; a guess: no run of that size was measured"
        )
    effective = float(scaling.effective_bytes(candidate.read_bytes / candidate.epochs, candidate.read_bytes))
    error = candidate.bits * scaling.LAW.relative_error(candidate.parameters, effective)
    return Translatable("on real Turkish text, by the scaling law; give or take {error:.3f}", error=error)
