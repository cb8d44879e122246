"""The golf of small Turkish models: run entries of benchmarks/golf/ and compare them (README.md there).

    python -m benchmarks.golf ../shared/data/corpus 24s 240s --score ../shared/data/eval/heldout.jsonl
    python -m benchmarks.golf ../shared/data/corpus my-entry --against 240s

Every entry trains with every seed for its seconds and is scored on the validation documents, or on the
held-out text that `--score` names. `--against` runs another entry in the same call, in turns, and says
whether the first is better. Prints a Markdown table and one JSON line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from ruamel.yaml import YAML
from scipy.stats import ttest_ind

from benchmarks import real_text
from benchmarks.pretrain_quality import Budget, recipe, trained
from pipeline.cli.check import AllParams
from pipeline.common.errors import UserError
from pipeline.evaluation import bits_per_byte
from pipeline.ngrams.counting import train_ngram_model
from pipeline.shards.format import Shards
from pipeline.training import distributed

ENTRIES = Path(__file__).parent
CLASSES = (24, 240)  # seconds
CORES = 2
MAX_WEIGHT_BYTES = 16_000_000
SIGNIFICANCE = 0.01  # of a better mean over the seeds, to take an entry's place
NGRAM_ORDER = 5
ARCHITECTURES = ("qwen3", "llama")
BYTES_PER_WEIGHT = 4  # model.safetensors is fp32


def read_entry(name: str) -> dict[str, Any]:
    """Return an entry's file: seconds, processes, preset and changes of it.

    Raises UserError where there is none, or where it breaks the rules.
    """
    path = ENTRIES / f"{name}.yaml"
    if not path.is_file():
        raise UserError("{fault}", fault=f"{path}: no such entry; there are {', '.join(list_entries())}")
    entry = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    params = entry_params(entry)
    weight_bytes = BYTES_PER_WEIGHT * params.model.count_weights(params.tokenizer.vocab_size)
    if entry["seconds"] not in CLASSES:
        raise UserError("{fault}", fault=f"{path}: seconds: {entry['seconds']}: not a class of {CLASSES}")
    if params.model.arch not in ARCHITECTURES:
        raise UserError(
            "{fault}", fault=f"{path}: model.arch: {params.model.arch}: must be one of {ARCHITECTURES}"
        )
    if weight_bytes > MAX_WEIGHT_BYTES:
        raise UserError(
            "{fault}", fault=f"{path}: {weight_bytes:,} bytes of weights, more than {MAX_WEIGHT_BYTES:,}"
        )
    return entry


def entry_params(entry: dict[str, Any]) -> AllParams:
    """Return the params of an entry."""
    return recipe(entry["preset"], [f"{key}={value}" for key, value in entry["change"].items()])


def list_entries() -> list[str]:
    """Return the names of all entries."""
    return sorted(path.stem for path in ENTRIES.glob("*.yaml"))


def train_entry(name: str, seed: int, folder: Path, score: Path | None, place: Path) -> dict[str, float]:
    """Train an entry with a seed and return its figures. Runs in each of the entry's processes."""
    entry = read_entry(name)
    val = real_text.prepare(place, folder)
    scored = real_text.read_documents(score) if score else val
    budget = Budget(flops=0.0, seconds=entry["seconds"])
    return trained(entry_params(entry), place, val, scored, seed, budget)


def run_entry(name: str, seed: int, folder: Path, score: Path | None, place: Path) -> dict[str, float]:
    """Run `train_entry` in the entry's processes, which share the cores, and return its figures."""
    count = read_entry(name)["processes"]
    threads = max(1, min(CORES, len(os.sched_getaffinity(0))) // count)
    launcher = [sys.executable, "-m"]
    if count > 1:
        launcher += ["torch.distributed.run", "--nproc-per-node", str(count), "-m"]
    with tempfile.NamedTemporaryFile() as file:
        one = ["--one", file.name, "--place", str(place), "--seeds", str(seed)]
        if score:
            one += ["--score", str(score)]
        subprocess.run(
            [*launcher, "benchmarks.golf", str(folder), name, *one],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            check=True,
        )
        return json.loads(Path(file.name).read_text(encoding="utf-8"))


def measure_ngram(name: str, folder: Path, score: Path | None, place: Path) -> float:
    """Return the bits per byte of the 5-gram of an entry's tokens, of all the training text."""
    val = real_text.prepare(place, folder)
    tokenizer, path = real_text.packed(place, entry_params(read_entry(name)).tokenizer, val)
    shards = Shards(path / "train")
    model = train_ngram_model(shards.read(0, shards.tokens), shards.vocab_size, NGRAM_ORDER)
    documents = real_text.read_documents(score) if score else val
    scores = bits_per_byte.score_documents(documents, tokenizer, {bits_per_byte.MODEL: model.token_bits})
    return bits_per_byte.measure_bits_per_byte(documents, scores).figures[bits_per_byte.MODEL]


def describe_rank(bits: list[float], bits_of_other: list[float]) -> str:
    """Return a line that says whether the first entry takes the place of the second."""
    p = float(ttest_ind(bits, bits_of_other, equal_var=False, alternative="less").pvalue)
    verdict = "takes its place" if p < SIGNIFICANCE else "does not take its place"
    return f"{mean(bits) - mean(bits_of_other):+.4f} bits per byte, p = {p:.4f}: it {verdict}"


def main() -> None:
    """Run the entries and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the training text")
    parser.add_argument("entries", nargs="*", help="their names; all of them by default")
    parser.add_argument("--score", type=Path, help="the held-out text; the validation documents by default")
    parser.add_argument("--against", help="an entry to compare the first one with")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # a process of `run_entry`
    args = parser.parse_args()
    texts = args.folder, args.score, args.place
    if args.one:
        row = train_entry(args.entries[0], args.seeds[0], *texts)
        if distributed.rank() == 0:
            args.one.write_text(json.dumps(row), encoding="utf-8")
        return
    names = list(dict.fromkeys([*(args.entries or list_entries()), *filter(None, [args.against])]))
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for seed in args.seeds:
        for name in names:  # in turns: the machine's speed changes over time
            rows[name].append(run_entry(name, seed, *texts))
            print(f"{name}, seed {seed}: {rows[name][-1]['bits_per_byte']:.4f}", file=sys.stderr, flush=True)
    scored = "heldout" if args.score else "validation"
    heads = f"{scored} bits per byte, mean (seeds) | side by side | with counts"
    print(f"| entry | weights | steps | tokens | {heads} |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in rows.items():
        weights = BYTES_PER_WEIGHT * runs[0]["parameters"] / 1e6
        seeds = ", ".join(f"{run['bits_per_byte']:.4f}" for run in runs)
        steps, tokens = (mean(run[key] for run in runs) for key in ("steps", "tokens"))
        bits, beside = (mean(run[key] for run in runs) for key in ("bits_per_byte", "side_by_side"))
        counted = [f"{run['with_counts']:.4f}" for run in runs if "with_counts" in run]
        print(
            f"| {name} | {weights:.1f} MB | {steps:,.0f} | {tokens / 1e6:.2f} M"
            f" | **{bits:.4f}** ({seeds}) | {beside:.4f} | {', '.join(counted)} |"
        )
    ngram = measure_ngram(names[0], *texts)
    print(f"| 5-gram of all the text, Kneser–Ney | | | | {ngram:.4f} | | |")
    if args.against:
        pair = ([run["bits_per_byte"] for run in rows[name]] for name in (names[0], args.against))
        print(f"{names[0]} against {args.against}: {describe_rank(*pair)}")
    print(json.dumps({"seeds": args.seeds, "runs": rows, "ngram": ngram}))


if __name__ == "__main__":
    real_text.run_benchmark(main)
