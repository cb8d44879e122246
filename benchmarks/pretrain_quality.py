"""What a recipe reaches on real text at a budget of operations or of seconds, in bits per byte.

    python -m benchmarks.pretrain_quality ../shared/data/corpus --flops 5e13 --seed 0 1 2
    python -m benchmarks.pretrain_quality ../shared/data/corpus --seconds 240 --score heldout.jsonl
    python -m benchmarks.pretrain_quality ../shared/data/corpus --flops 1e13 --change train.learning_rate=0.02

The recipe is a preset with a vocabulary of 8,192 pieces, and `--change` puts other values in. Without --score
the validation documents are scored (see real_text.py), by which recipes are chosen; --score names a file that
is for reports alone. Budgets count training and nothing else: 6 operations for each weight and token, and
attention's. A line for each seed, then one JSON line.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks import real_text
from pipeline import estimate, preset
from pipeline.check import AllParams, check
from pipeline.evaluation.read import Document
from pipeline.model.decoder import parameter_count
from pipeline.training.trainer import Trainer

VOCABULARY = {"vocab_size": 8192, "sample_bytes": 20_000_000, "max_piece_chars": 24}
MEASURED = 12  # steps by which the speed is found


def recipe(name: str, changes: list[str]) -> AllParams:
    """The params of a preset with the vocabulary of this benchmark and other changes put in."""
    values: dict[str, Any] = YAML(typ="safe", pure=True).load(preset.apply(["mini"])[0])
    overlay = preset.read_preset(name)
    preset.merge(values, {key: overlay[key] for key in ("tokenizer", "model", "train")}, name)
    values["tokenizer"] |= VOCABULARY
    for change in changes:
        key, value = change.split("=")
        section, key = key.split(".")
        assert key in values[section], change
        values[section][key] = YAML(typ="safe", pure=True).load(value)
    return check(values=values)


def seconds_of_steps(trainer: Trainer, steps: int) -> float:
    """How long one step takes, at a rate that changes nothing worth keeping."""
    times = []
    for step in range(steps):
        began = time.perf_counter()
        trainer.update(step, 0.0)
        trainer.settled()
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def main() -> None:
    """Train with every seed and print what it reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="real-mini")
    parser.add_argument("--flops", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--change", nargs="*", default=[])
    parser.add_argument("--seed", type=int, nargs="*", default=[0])
    parser.add_argument("--score", type=Path)
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    val = real_text.prepare(args.place, args.folder)
    params = recipe(args.preset, args.change)
    tokenizer, shards = real_text.packed(args.place, params.tokenizer, val)
    scored = (
        [Document(**json.loads(line)) for line in args.score.read_text().splitlines()] if args.score else val
    )
    of_step = estimate.decoder_flops(params) * params.train.tokens_per_step
    found = []
    for seed in args.seed:
        if args.seconds:
            pace = seconds_of_steps(real_text.trainer(params, shards, seed), MEASURED)
            steps = int(args.seconds / pace)
        else:
            steps = round(args.flops / of_step)
        trainer = real_text.trainer(params, shards, seed)
        seconds, loss = real_text.learn(trainer, steps)
        row = {
            "seconds": seconds,
            "steps": steps,
            "flops": steps * of_step,
            "tokens": steps * params.train.tokens_per_step,
            "parameters": parameter_count(trainer.model),
            "loss": loss,
            "bits_per_byte": real_text.bits(trainer.model, tokenizer, scored),
        }
        if args.score:
            row["side_by_side"] = real_text.consecutive_bits(trainer.model, tokenizer, scored)
        print(
            f"{' '.join(args.change)} seed {seed}  " + "  ".join(f"{k} {v:.5g}" for k, v in row.items()),
            flush=True,
        )
        found.append(row)
    means = {key: statistics.mean(row[key] for row in found) for key in found[0]}
    if len(found) > 1:
        print("mean  " + "  ".join(f"{k} {v:.5g}" for k, v in means.items()))
    print(json.dumps({"preset": args.preset, "change": args.change, "mean": means, "runs": found}))


if __name__ == "__main__":
    main()
