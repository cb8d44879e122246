"""Counts beside a network and as targets: what each brings at equal operations, on real text.

    python -m benchmarks.ngrams ../shared/data/corpus --flops 6e12 --seeds 0 1 2 --draws 0 8
    python -m benchmarks.ngrams ../shared/data/corpus --flops 4e13 --score ../shared/data/eval/heldout.jsonl

Every hundredth document of the folder validates. A model is trained for each seed and each number of draws
(`train.ngram_draws`; 0: plain). The gate, and the one weight it is compared with, are fitted on half of the
validation documents. The other half is scored, or the held-out text that `--score` names. Prints a table
and one JSON line.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks import real_text
from benchmarks.pretrain_quality import recipe
from pipeline.cli import estimate
from pipeline.inference.generate import generate
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.ngrams.counting import Counts, count_ngrams
from pipeline.ngrams.folder import list_arrays
from pipeline.ngrams.mixture import Mixture
from pipeline.ngrams.model import NGramModel
from pipeline.ngrams.storage import Storage
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS

FIGURES = ("network", "counts", "one_weight", "gate")


def count(shards: Shards, order: int) -> tuple[list[Counts], NGramModel]:
    """Count all of the text; print the seconds, the size and the memory."""
    began = time.perf_counter()
    counts = count_ngrams(shards.read(0, shards.tokens), shards.vocab_size, order, Storage())
    model = real_text.smooth(counts)
    seconds = time.perf_counter() - began
    size = sum(array.nbytes for array in list_arrays(model).values())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"counted {shards.tokens:,} tokens ({shards.bytes / 1e6:.0f} MB of text) in {seconds:.1f} s:"
        f" {size / 1e6:.0f} MB, at most {memory / 1e9:.1f} GB of memory"
    )
    return counts, model


def generation_speed(model: Decoder, mixture: Mixture, rounds: int = 5) -> float:
    """Tokens a second with counts over those without: the median of rounds in turns, 100 tokens each."""
    ratios = []
    for seed in range(rounds):
        seconds = []
        for adjust in (None, mixture.mix_next):
            began = time.perf_counter()
            options: dict[str, Any] = {"sampling": Sampling(temperature=0.8), "seed": seed, "adjust": adjust}
            generate(model, [[BOS]], max_new_tokens=100, **options)
            seconds.append(time.perf_counter() - began)
        ratios.append(seconds[0] / seconds[1])
    return float(np.median(ratios))


def main() -> None:
    """Train and score, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the training text")
    parser.add_argument("--preset", default="real-mini")
    parser.add_argument("-S", dest="change", action="append", default=[], help="a param: model.width=96")
    parser.add_argument("--flops", type=float, default=6e12, help="operations of a training")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--draws", type=int, nargs="*", default=[0, 8])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--score", type=Path, help="the held-out text; half of the validation by default")
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    params = recipe(args.preset, args.change)
    val = real_text.prepare(args.place, args.folder)
    tokenizer, path = real_text.packed(args.place, params.tokenizer, val)
    scored = real_text.read_documents(args.score) if args.score else val[1::2]
    shards = Shards(path / "train")
    counts, ngram_model = count(shards, args.order)
    sampler = ContinuationSampler(counts, shards.vocab_size, Storage())
    steps = round(args.flops / estimate.decoder_flops(params) / params.train.tokens_per_step)
    rows: dict[int, list[dict[str, float]]] = {draws: [] for draws in args.draws}
    for seed in args.seeds:
        for draws in args.draws:
            drawing = recipe(args.preset, [*args.change, f"train.ngram_draws={draws}"])
            trainer = real_text.trainer(drawing, path, seed, sampler if draws else None)
            seconds, _ = real_text.learn(trainer, steps)
            assert isinstance(trainer.model, Decoder)
            model = trainer.model.eval()
            figures, gate = real_text.score_with_counts(model, ngram_model, tokenizer, val[::2], scored)
            speed = generation_speed(model, Mixture(ngram_model, gate))
            rows[draws].append({"seconds": seconds, **figures, "generation": speed})
            print(f"seed {seed}, {draws} draws: {rows[draws][-1]}", flush=True)
    print(f"| draws | {' | '.join(FIGURES)} | seconds | generation with counts / without |")
    print("|---|---|---|---|---|---|---|")
    for draws, runs in rows.items():
        means = {key: mean(run[key] for run in runs) for key in runs[0]}
        bits = " | ".join(f"{means[name]:.4f}" for name in FIGURES)
        print(f"| {draws} | {bits} | {means['seconds']:.0f} | {means['generation']:.2f} |")
    print(json.dumps({"flops": args.flops, "steps": steps, "seeds": args.seeds, "runs": rows}))


if __name__ == "__main__":
    real_text.run_benchmark(main)
