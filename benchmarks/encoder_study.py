"""Train the sentence encoder with a few params changed, on several seeds, and measure its retrieval.

    tezgah preset real-mini && dvc repro pack_shards
    python -m benchmarks.encoder_study -S width=512 -S steps=1500 --seeds 42,1,2 --task xquad_tr --heldout

Nothing is written. Choose by val (`sentences`, `halves`); the tasks are to report on. Needs the corpus and
the tokenizer of the project it runs in. Prints a table for people and one JSON line for machines.
"""

import json
import time
from collections import defaultdict
from statistics import mean
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from pipeline.common.params import parse_section, read_params
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, PARAMS_FILE, TOKENIZER
from pipeline.data.reader import read_texts
from pipeline.device.device import pick_device
from pipeline.encoder import evaluate
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.pairs import sample_held_out
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.retrieval_metrics import ranking_metrics
from pipeline.encoder.systems import system_scores
from pipeline.encoder.table import VectorTable
from pipeline.encoder.task import PairTask, build_encoder, read_training_text
from pipeline.encoder.teacher import initialize_from_teacher, load_teacher
from pipeline.eval_sets.readers import read_task
from pipeline.eval_sets.tasks import read_task_file
from pipeline.training.loop import Trainer

Figures = dict[str, dict[str, float]]  # recall at 1 by task and by system


def main(
    settings: Annotated[list[str] | None, typer.Option("-S", help="a key of encoder and its value")] = None,
    seeds: str = "42",
    task: Annotated[list[str] | None, typer.Option(help="a task of kind retrieval")] = None,
    heldout: Annotated[bool, typer.Option(help="sentences of the heldout task's texts")] = False,
) -> None:
    """Print recall at 1 of every system, for each task the mean over the seeds."""
    params = load_changed_params(settings or [])
    runs: dict[int, Figures] = {}
    timing: dict[str, list[float]] = defaultdict(list)
    for seed in map(int, seeds.split(",")):
        started = time.perf_counter()
        runs[seed] = train_and_measure(params, seed, task or [], heldout, timing)
        timing["all seconds"].append(time.perf_counter() - started)
    first = next(iter(runs.values()))
    table = Table("task", *next(iter(first.values())))
    for name, systems in first.items():
        table.add_row(
            name, *(f"{mean(run[name][system] for run in runs.values()):.3f}" for system in systems)
        )
    Console(width=140).print(table)
    print(", ".join(f"{name} {mean(seconds):.1f}" for name, seconds in timing.items()))
    print(json.dumps({"settings": settings, "runs": runs, "timing": timing}))


def load_changed_params(settings: list[str], **fixed: Any) -> EncoderParams:
    """Return the project's `encoder` section with the `fixed` values, then with `settings`, as key=value."""
    values = read_params(PARAMS_FILE)["encoder"] | fixed
    for setting in settings:
        key, value = setting.split("=", 1)
        values[key] = YAML(typ="safe").load(value)
    return parse_section(values, "encoder", EncoderParams)


def train_and_measure(
    params: EncoderParams, seed: int, tasks: list[str], heldout: bool, timing: dict[str, list[float]]
) -> Figures:
    """Return recall at 1 of one seed. Adds the seconds of its parts to `timing`."""
    pools = evaluate.build_pools([*read_texts(CORPUS_VAL)], params, seed, str(CORPUS_VAL))
    started = time.perf_counter()
    text = read_training_text(read_texts(CORPUS_TRAIN), params, TOKENIZER, seed)
    timing["seconds to read"].append(time.perf_counter() - started)
    model = build_encoder(params, text.token_weights_V, seed)
    device = pick_device("auto")
    teacher = load_teacher(params, text.documents, text.tokenizer, seed, device)
    if teacher and isinstance(model, VectorTable):
        initialize_from_teacher(model, teacher)
    encoder = TextEncoder(model, text.tokenizer)
    pairs = PairTask(text.sentences, pools.choice[0], params, text.tokenizer, seed, teacher)
    trainer = Trainer(model, pairs, params, params.steps, device)
    started = time.perf_counter()
    trainer.train()
    timing["seconds to train"].append(time.perf_counter() - started)
    model.eval()
    measured: dict[str, Any] = evaluate.measure_trained(encoder, pools, params, seed)
    figures = {
        name: {system: row["recall_at_1"] for system, row in systems.items()}
        for name, systems in measured.items()
    }
    timing["weight of the hybrid"].append(encoder.hybrid_weight)
    queries = {}
    for name in tasks:
        read = read_task(name, read_task_file(name))
        queries[name] = (read.queries, read.documents, read.targets)
    if heldout:
        documents = read_task("heldout", read_task_file("heldout"))
        pool, _ = sample_held_out([document.text for document in documents], params.pool_size, 0)
        queries["heldout sentences"] = (pool.queries, pool.passages, range(len(pool.queries)))
    for name, (asked, passages, targets) in queries.items():
        scores = system_scores(encoder, asked, passages, seed)
        positive_Q = np.array(targets)
        figures[name] = {
            system: ranking_metrics(each, positive_Q)["recall_at_1"] for system, each in scores.items()
        }
    return figures


if __name__ == "__main__":
    typer.run(main)
