"""The time that all minimal pairs of a task take, by part.

    python -m benchmarks.pair_speed turblimp models/base

Needs the task's data and data/shards. Prints a table for people and one JSON line for machines.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pipeline.common.paths import SHARDS_TRAIN
from pipeline.device.device import autocast, pick_device, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.eval_sets.readers import read_task
from pipeline.eval_sets.tasks import read_task_file
from pipeline.evaluation.bits_per_byte import MODEL, NGRAM, sequence_bits
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs
from pipeline.evaluation.ngram_baselines import read_training_stream
from pipeline.evaluation.word_frequency import WordFrequency
from pipeline.model.hf_io import load_decoder
from pipeline.ngrams.counting import train_ngram_model
from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import Tokenizer

NGRAM_TOKENS = 30_000_000


def main(
    name: Annotated[str, typer.Argument(help="a task of kind minimal_pairs")],
    folder: Annotated[Path, typer.Argument(help="a decoder's folder")],
    device: str = "auto",
) -> None:
    """Print the seconds of each part and the accuracy that comes of it."""
    parts: dict[str, tuple[float, float]] = {}

    def timed(part: str, run: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        before = parts.get(part, (0.0, 0.0))
        parts[part] = (before[0] + time.perf_counter() - wall, before[1] + time.process_time() - cpu)
        return result

    tune_allocator()
    target = pick_device(device)
    task, tokenizer, model = read_task_file(name), Tokenizer.load(folder), load_decoder(folder, target)
    pairs = timed("read the pairs", lambda: read_task(name, task))
    stream = read_training_stream(Shards(SHARDS_TRAIN), NGRAM_TOKENS)
    words = timed("count the words", lambda: WordFrequency.from_stream(stream, tokenizer))
    ngram = timed("count the n-grams", lambda: train_ngram_model(stream, tokenizer.vocab_size, 5))
    in_precision = partial(autocast, target, pick_precision("auto", target))
    scorers = {
        MODEL: lambda rows: timed("score: model", lambda: sequence_bits(model, rows, in_precision)),
        NGRAM: lambda rows: timed("score: 5-gram", lambda: ngram.sequence_bits(rows)),
    }
    figures = timed(
        "score: all",
        lambda: measure_minimal_pairs(pairs, tokenizer, scorers, words, subsets=task.subsets).figures,
    )
    table = Table("part", "seconds", "CPU seconds")
    for part, (wall, cpu) in parts.items():
        table.add_row(part, f"{wall:.1f}", f"{cpu:.1f}")
    Console().print(table)
    seconds = {part: round(wall, 2) for part, (wall, _) in parts.items()}
    print(json.dumps({"task": name, "pairs": figures["n"], "mean": figures["mean"], "seconds": seconds}))


if __name__ == "__main__":
    typer.run(main)
