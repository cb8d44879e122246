"""What models of several sizes reach with several amounts of real text, and how the law fits them.

    python -m benchmarks.scaling [../shared/data/corpus [--only 3]]

With a folder of text it trains every size of LADDER with each of its amounts of text by the recipe of
`real-mini` and scores the validation documents (real_text.py), in windows side by side. It prints a line for
each run, as RUNS has it. On two cores the whole ladder takes days, on one GPU about an hour. Without a folder
it prints the law that is fitted to RUNS, as `pipeline/statistics/scaling.py` has it. Both ways it then prints
how far each of RUNS lies from the law that is fitted to all others, how far the law times one factor misses
UNSEEN_RUNS, and one JSON line.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import real_text
from benchmarks.pretrain_quality import recipe
from pipeline.model.decoder import parameter_count
from pipeline.statistics.scaling import LAW, Floats, ScalingLaw, effective_bytes, gradient, log_bits

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
INITIAL_LOGS = np.log([2.0, 0.2, 2.0, 0.2, 2.0])  # A, a, B, b and p before the fit
MAX_ROUNDS = 100  # of the fit, which needs about 20
INITIAL_DAMPING = 1e-3  # of the first round
# Millions of parameters, millions of bytes read, bits per byte of validation documents. The text is speeches
# of parliament and statutes. `main` trains these runs.
RUNS = np.array(
    [
        [1.027, 2.59, 1.6340],
        [1.027, 10.38, 1.4268],
        [1.027, 40.21, 1.2846],
        [1.027, 80.42, 1.2359],
        [3.012, 2.59, 1.5662],
        [3.012, 10.38, 1.3416],
        [3.012, 40.21, 1.1582],
        [3.012, 80.42, 1.0995],
        [3.012, 160.80, 1.0510],
        [10.228, 10.38, 1.2798],
        [10.228, 40.21, 1.0742],
        [10.228, 80.42, 1.0023],
        [13.768, 24.20, 1.1221],
        [29.894, 10.38, 1.2472],
        [29.894, 24.20, 1.1149],
    ]
)
# Runs that the law has not seen: unigram pieces inside of morphemes, one key and value head, an encyclopedia
# too, and smaller models on less text. Better pieces they have not (experiments/scaling-law.md).
UNSEEN_RUNS = np.array(
    [
        [0.623, 3.28, 1.5719],
        [1.002, 2.05, 1.6376],
        [1.002, 3.85, 1.5173],
        [1.443, 1.43, 1.6733],
        [1.837, 1.09, 1.7242],
        [1.837, 14.72, 1.2861],
    ]
)
UNIQUE_MEGABYTES = 91.08  # of the training text of these runs


def fit_law(sizes: Floats, texts: Floats, bits: Floats) -> ScalingLaw:
    """Return the law with the least squared relative errors on runs [R], for sizes and texts in millions.

    By the Levenberg-Marquardt algorithm: Gauss-Newton steps, damped while they do not help.
    """
    logs, damping = INITIAL_LOGS, INITIAL_DAMPING
    errors = np.log(bits) - log_bits(logs, sizes, texts)
    for _ in range(MAX_ROUNDS):
        slope = gradient(logs, sizes, texts)
        normal = slope.T @ slope
        new_logs = logs + np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope.T @ errors)
        new_errors = np.log(bits) - log_bits(new_logs, sizes, texts)
        if new_errors @ new_errors < errors @ errors:
            logs, errors, damping = new_logs, new_errors, damping / 10
        else:
            damping *= 10
    variance = errors @ errors / (len(bits) - len(logs))
    slope = gradient(logs, sizes, texts)
    return ScalingLaw(logs, variance * np.linalg.inv(slope.T @ slope), float(np.sqrt(variance)))


def law_of_runs(kept: NDArray[np.bool_] | None = None) -> ScalingLaw:
    """Return the law fitted to RUNS, or to those that are `kept`."""
    sizes, texts, bits = (RUNS if kept is None else RUNS[kept]).T
    return fit_law(sizes, effective_bytes(UNIQUE_MEGABYTES, texts), bits)


def changes(shape: tuple[int, ...], rate: float, per_step: int) -> list[str]:
    """Changes of the recipe that make the model so large and the steps so."""
    width, layers, heads, ffn = shape
    model = {"width": width, "layers": layers, "heads": heads, "kv_heads": heads, "ffn": ffn}
    model["head_dim"] = width // heads
    train = {"learning_rate": rate, "matrix_learning_rate": rate, "tokens_per_step": per_step}
    train |= {"beta2": 0.99, "warmup_steps": 20}
    train["batch_size"] = min(32, per_step // 256)
    return [f"model.{k}={v}" for k, v in model.items()] + [f"train.{k}={v}" for k, v in train.items()]


def train_ladder(folder: Path, only: int | None, seed: int, place: Path) -> list[list[float]]:
    """Train the ladder, or one size of it, and return a row as RUNS has it for each run."""
    val = real_text.prepare(place, folder)
    found = []
    for shape, rate, reads in [LADDER[only]] if only else LADDER.values():
        for millions in reads:
            params = recipe("real-mini", changes(shape, rate, READ[millions]))
            tokenizer, shards = real_text.packed(place, params.tokenizer, val)
            trainer = real_text.trainer(params, shards, seed)
            train, steps = trainer.task.train.shards, round(millions * 1e6 / READ[millions])
            real_text.learn(trainer, steps)
            read = steps * READ[millions] * train.bytes / train.tokens
            bits = real_text.consecutive_bits(trainer.model, tokenizer, val)
            found.append([parameter_count(trainer.model) / 1e6, read / 1e6, bits])
            by_law = LAW.bits_per_byte(found[-1][0] * 1e6, effective_bytes(UNIQUE_MEGABYTES * 1e6, read))
            print("[{:.3f}, {:.2f}, {:.4f}]".format(*found[-1]), f"by the law {by_law:.4f}", flush=True)
    return found


def held_out_misses() -> list[float]:
    """Return the relative error at each of RUNS of the law that is fitted to all others."""
    misses = []
    for run, (size, text, bits) in enumerate(RUNS):
        without = law_of_runs(np.arange(len(RUNS)) != run)
        by_law = without.bits_per_byte(size * 1e6, effective_bytes(UNIQUE_MEGABYTES, text) * 1e6)
        misses.append(by_law / bits - 1)
    return misses


def unseen_factor(law: ScalingLaw) -> tuple[float, list[float]]:
    """Return bits per byte of UNSEEN_RUNS over those of `law`, and how far it misses each of them.

    That is the geometric mean of all runs. A run's miss is that of the mean of the others.
    """
    logs = np.array(
        [np.log(bits / law.bits_per_byte(size * 1e6, text * 1e6)) for size, text, bits in UNSEEN_RUNS]
    )
    others = (logs.sum() - logs) / (len(logs) - 1)
    return float(np.exp(logs.mean())), np.expm1(others - logs).tolist()


def main() -> None:
    """Train the ladder, or one size of it, and set it beside the law; without text print the law."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--only", type=int, choices=LADDER, help="this size alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    found = train_ladder(args.folder, args.only, args.seed, args.place) if args.folder else []
    law, misses = law_of_runs(), held_out_misses()
    if not args.folder:
        with np.printoptions(formatter={"float": "{:.9e}".format}):
            print(law)
    print(f"RUNS: the law through all others misses one by {np.abs(misses).max():.1%} at most")
    factor, unseen_misses = unseen_factor(law)
    print(f"UNSEEN_RUNS: {factor:.3f} times the law misses one by {np.abs(unseen_misses).max():.1%} at most")
    print(json.dumps({"runs": found, "numbers": np.exp(law.logs).tolist(), "misses": misses}))


if __name__ == "__main__":
    main()
