"""What a recipe reaches on real text at a budget of operations or of seconds, in bits per byte.

    python -m benchmarks.pretrain_quality CORPUS --flops 5e13 --seed 0 1 2 --score heldout.jsonl
    python -m benchmarks.pretrain_quality CORPUS --seconds 240 --seed 0 1 2 --score heldout.jsonl
    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m benchmarks.pretrain_quality CORPUS --seconds 240 …
    python -m benchmarks.pretrain_quality CORPUS --preset baby-10m --flops 5e14 --score heldout.jsonl \\
        --against train.optimizer=adamw train.learning_rate=0.002

The recipe is a preset without counts, with a vocabulary of 8,192 pieces; `--change` puts other values in, and
`--against` makes a second recipe that is trained in the same run. Without --score the validation documents
are scored (see real_text.py), by which recipes are chosen; --score names a file that is for reports alone.
Budgets count training and nothing else: 6 operations for each weight and token, and attention's. A line for
each seed, then one JSON line. `side_by_side` reads all documents as one stream in windows that do not
overlap, as the peers were measured; `bits_per_byte` is what `evaluate` gives. Where the recipe has counts
(`model.ngram.order`, `train.ngram_draws`) counting is a part of the seconds, and `with_counts` is the
mixture's.
"""

import argparse
import json
import statistics
import time
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from benchmarks import real_text
from pipeline.cli import estimate, preset
from pipeline.cli.check import AllParams, check_params
from pipeline.eval_sets.readers import Document
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.ngrams.counting import Counts, count_ngrams
from pipeline.ngrams.storage import Storage
from pipeline.pretrain.counts import DRAW_ORDER
from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training import distributed
from pipeline.training.loop import Trainer
from pipeline.training.schedule import lr_multiplier

VOCABULARY = {"vocab_size": 8192, "sample_bytes": 20_000_000, "max_piece_chars": 24}
MEASURED = 12  # steps by which the speed is found


class Budget(NamedTuple):
    """How long to train; the one that is not 0."""

    flops: float
    seconds: float


def recipe(name: str, changes: list[str]) -> AllParams:
    """The params of a preset with the vocabulary of this benchmark and other changes put in."""
    values: dict[str, Any] = YAML(typ="safe", pure=True).load(preset.apply_presets(["mini"])[0])
    overlay = preset.read_preset(name)
    of_model = {key: overlay[key] for key in ("tokenizer", "model", "train")}
    preset.merge(values, of_model, f"presets/{name}.yaml")
    values["tokenizer"] |= VOCABULARY
    values["model"]["ngram"], values["train"]["ngram_draws"] = {"order": 0}, 0
    for change in changes:
        key, value = change.split("=")
        *sections, key = key.split(".")
        section = reduce(getitem, sections, values)
        assert key in section, change
        section[key] = YAML(typ="safe", pure=True).load(value)
    values["sft"]["context"] = values["model"]["context"]  # tuning is left out, but is checked
    return check_params(values=values)


def seconds_of_steps(trainer: Trainer, steps: int) -> float:
    """How long one step takes, at a rate that changes nothing worth keeping."""
    times = []
    for _ in range(steps):
        began = time.perf_counter()
        trainer.train_step(0.0)
        trainer.drain_losses()
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def learn_within(trainer: Trainer, budget: float, about: float) -> tuple[int, float, float]:
    """Take as many steps as fit into some seconds, `about` how many is known, with the learning rate that the
    schedule has at that part of the time; how many they were, their seconds and the last one's loss.
    """
    began = time.perf_counter()
    while (passed := distributed.all_reduce_max(round(1000 * (time.perf_counter() - began))) / 1000) < budget:
        at = round(about * passed / budget)
        trainer.train_step(lr_multiplier(at, round(about), trainer.params))
    trainer.drain_losses()
    return trainer.step, passed, trainer.history.losses[-1]


def count_text(params: AllParams, shards: Shards) -> list[Counts]:
    """The n-grams of the text, where the params ask for counts or for draws from them."""
    if not params.model.ngram.order and not params.train.ngram_draws:
        return []
    order = params.model.ngram.order or DRAW_ORDER
    return count_ngrams(shards.read(0, shards.tokens), shards.vocab_size, order, Storage())


def make_sampler(params: AllParams, counts: list[Counts]) -> ContinuationSampler | None:
    """What draws targets, where the params ask for it."""
    if not params.train.ngram_draws:
        return None
    return ContinuationSampler(counts, params.tokenizer.vocab_size, Storage())


def with_counts(
    model: Decoder, counts: list[Counts], tokenizer: Tokenizer, val: list[Document], scored: list[Document]
) -> float:
    """Bits per byte of the scored documents by the model and its counts; the gate is fitted on others."""
    fit, scored = (val[::2], val[1::2]) if scored is val else (val, scored)
    return real_text.score_with_counts(model.eval(), real_text.smooth(counts), tokenizer, fit, scored)[0][
        "gate"
    ]


def trained(
    params: AllParams, place: Path, val: list[Document], scored: list[Document], seed: int, budget: Budget
) -> dict[str, float]:
    """Train a recipe and say what it reaches."""
    tokenizer, shards = real_text.packed(place, params.tokenizer, val)
    began = time.perf_counter()
    counts = count_text(params, Shards(shards / "train"))
    # A part of the budget, as long as in the slowest process.
    counting = distributed.all_reduce_max(round(1000 * (time.perf_counter() - began))) / 1000
    sampler = make_sampler(params, counts)
    of_step = estimate.decoder_flops(params) * params.train.tokens_per_step
    if budget.seconds:
        a_step = seconds_of_steps(real_text.trainer(params, shards, seed, sampler), MEASURED)
        trainer = real_text.trainer(params, shards, seed, sampler)
        left = budget.seconds - counting
        steps, seconds, loss = learn_within(trainer, left, left / a_step)
    else:
        steps = round(budget.flops / of_step)
        trainer = real_text.trainer(params, shards, seed, sampler)
        seconds, loss = real_text.learn(trainer, steps)
    beside = {}
    if params.model.ngram.order:
        assert isinstance(trainer.model, Decoder)
        beside = {"with_counts": with_counts(trainer.model, counts, tokenizer, val, scored)}
    return {
        **beside,
        "seconds": seconds + counting,
        "steps": steps,
        "flops": steps * of_step,
        "tokens": steps * params.train.tokens_per_step,
        "parameters": parameter_count(trainer.model),
        "loss": loss,
        "bits_per_byte": real_text.bits(trainer.model, tokenizer, scored),
        "side_by_side": real_text.consecutive_bits(trainer.model, tokenizer, scored),
    }


def main() -> None:
    """Train with every seed and print what it reaches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="real-mini")
    parser.add_argument("--flops", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--change", nargs="*", default=[])
    parser.add_argument("--against", nargs="*", help="changes of a second recipe, besides --change")
    parser.add_argument("--seed", type=int, nargs="*", default=[0])
    parser.add_argument("--score", type=Path)
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    val = real_text.prepare(args.place, args.folder)
    scored = real_text.read_documents(args.score) if args.score else val
    recipes = {"recipe": args.change}
    if args.against is not None:
        recipes["against"] = args.change + args.against
    means = {}
    for name, changes in recipes.items():
        params = recipe(args.preset, changes)
        rows = []
        for seed in args.seed:
            rows.append(trained(params, args.place, val, scored, seed, Budget(args.flops, args.seconds)))
            print(
                f"{name} seed {seed}  " + "  ".join(f"{k} {v:.5g}" for k, v in rows[-1].items()), flush=True
            )
        means[name] = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
        print(f"{name} mean  " + "  ".join(f"{k} {v:.5g}" for k, v in means[name].items()), flush=True)
    print(json.dumps({"preset": args.preset, "recipes": recipes, "seeds": args.seed, "means": means}))


if __name__ == "__main__":
    real_text.run_benchmark(main)
