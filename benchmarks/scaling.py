"""What models of several sizes reach with several amounts of real text, and how the law fits them.

    python -m benchmarks.scaling ../shared/data/corpus [--only 3]

Trains every size of LADDER with each of its amounts of text by the recipe of `real-mini` and scores the
validation documents (real_text.py), in windows side by side. A line for each run, as RUNS of
`pipeline/cli/scaling.py` has it; then how far each of those lies from the law that was
fitted to all others; and one JSON line. On two cores the whole ladder takes days, on one GPU about an hour.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import real_text
from benchmarks.pretrain_quality import recipe
from pipeline.cli.scaling import RUNS, UNIQUE_MEGABYTES, effective_bytes, fit_law, scaling_law
from pipeline.model.decoder import parameter_count

# Tokens that are read, in millions, and tokens in a step.
READ = {0.6: 2048, 2.4: 2048, 5.6: 4096, 9.3: 4096, 18.6: 8192, 37.2: 8192}
# Millions of parameters, as named: width, layers, heads, inner width; both rates; millions of tokens.
LADDER = {
    1: ((96, 2, 3, 288), 0.03, (0.6, 2.4, 9.3, 18.6)),
    3: ((192, 3, 3, 576), 0.03, (0.6, 2.4, 9.3, 18.6, 37.2)),
    10: ((384, 4, 6, 1024), 0.02, (2.4, 9.3, 18.6)),
    14: ((384, 6, 6, 1024), 0.028, (5.6,)),
    30: ((512, 8, 8, 1408), 0.02, (2.4,)),
    # at the rate that was best of four
    31: ((512, 8, 8, 1408), 0.028, (5.6,)),
}


def changes(shape: tuple[int, ...], rate: float, per_step: int) -> list[str]:
    """Changes of the recipe that make the model so large and the steps so."""
    width, layers, heads, ffn = shape
    model = {"width": width, "layers": layers, "heads": heads, "kv_heads": heads, "ffn": ffn}
    model["head_dim"] = width // heads
    train = {"learning_rate": rate, "matrix_learning_rate": rate, "tokens_per_step": per_step}
    train["batch_size"] = min(32, per_step // 256)
    return [f"model.{k}={v}" for k, v in model.items()] + [f"train.{k}={v}" for k, v in train.items()]


def main() -> None:
    """Train the ladder, or one size of it, and set it beside the law."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", type=int, choices=LADDER, help="this size alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    val = real_text.prepare(args.place, args.folder)
    found = []
    for shape, rate, reads in [LADDER[args.only]] if args.only else LADDER.values():
        for millions in reads:
            params = recipe("real-mini", changes(shape, rate, READ[millions]))
            tokenizer, shards = real_text.packed(args.place, params.tokenizer, val)
            trainer = real_text.trainer(params, shards, args.seed)
            train, steps = trainer.task.train.shards, round(millions * 1e6 / READ[millions])
            real_text.learn(trainer, steps)
            read = steps * READ[millions] * train.bytes / train.tokens
            bits = real_text.consecutive_bits(trainer.model, tokenizer, val)
            found.append([parameter_count(trainer.model) / 1e6, read / 1e6, bits])
            by_law = scaling_law().bits_per_byte(
                found[-1][0] * 1e6, effective_bytes(UNIQUE_MEGABYTES * 1e6, read)
            )
            print("[{:.3f}, {:.2f}, {:.4f}]".format(*found[-1]), f"by the law {by_law:.4f}", flush=True)
    sizes, texts, bits = RUNS.T
    texts = effective_bytes(UNIQUE_MEGABYTES, texts)
    misses = []
    for run in range(len(RUNS)):
        others = np.arange(len(RUNS)) != run
        without = fit_law(sizes[others], texts[others], bits[others])
        misses.append(without.bits_per_byte(sizes[run] * 1e6, texts[run] * 1e6) / bits[run] - 1)
    print(f"RUNS: the law through all others misses one by {np.abs(misses).max():.1%} at most")
    print(json.dumps({"runs": found, "numbers": np.exp(scaling_law().logs).tolist(), "misses": misses}))


if __name__ == "__main__":
    main()
