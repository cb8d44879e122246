"""Pairs a second of our training of a table or a network, beside sentence-transformers' own trainer.

    pip install accelerate
    python -m benchmarks.encoder_speed -S width=512 -S batch_size=1024

Both have the same shape, vocabulary, batch, precision (fp32) and loss (symmetric, in-batch negatives), and
run one after the other, in turns. Pairs are sentences and their surroundings: ours are made of the training
text on the way, theirs are texts of val of the same kind. Needs the corpus and the tokenizer of the project
it runs in. Prints a table for people and one JSON line for machines.
"""

import json
import logging
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.encoder_study import load_changed_params
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, TOKENIZER
from pipeline.data.reader import read_texts
from pipeline.device.device import pick_device
from pipeline.encoder import evaluate
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.task import PairTask, TrainingText, build_encoder, read_training_text
from pipeline.training.loop import Trainer

PAIRS = {"surroundings": 1.0, "crops": 0.0, "halves": 0.0, "headings": 0.0, "questions": 0.0}


def main(
    settings: Annotated[list[str] | None, typer.Option("-S", help="a key of encoder and its value")] = None,
    steps: int = 40,
    rounds: int = 3,
) -> None:
    """Print the pairs a second of both, the median of the rounds, and their ratio."""
    params = load_changed_params(settings or [], steps=steps, precision="fp32", widths=[], pairs=PAIRS)
    pools = evaluate.build_pools([*read_texts(CORPUS_VAL)], params, 42, str(CORPUS_VAL))
    text = read_training_text(read_texts(CORPUS_TRAIN), params, TOKENIZER, 42)
    task = PairTask(text.sentences, pools.choice[0], params, text.tokenizer, 42)
    pairs = steps * params.batch_size
    speeds: dict[str, list[float]] = {"ours": [], "sentence-transformers": []}
    for _ in range(rounds):
        speeds["ours"].append(pairs / train_ours(params, text, task))
        speeds["sentence-transformers"].append(pairs / train_theirs(params, text, pools.choice[0]))
    table = Table("trainer", "pairs a second")
    for name, values in speeds.items():
        table.add_row(name, f"{median(values):,.0f}")
    ratio = median(our / their for our, their in zip(*speeds.values(), strict=True))
    Console().print(table)
    print(f"ratio {ratio:.2f}")
    print(json.dumps({"settings": settings, "speeds": speeds, "ratio": ratio}))


def train_ours(params: EncoderParams, text: TrainingText, task: PairTask) -> float:
    """Return the seconds of our training."""
    model = build_encoder(params, text.token_weights_V, 42)
    trainer = Trainer(model, task, params, params.steps, pick_device("cpu"))
    started = time.perf_counter()
    trainer.train()
    return time.perf_counter() - started


def train_theirs(params: EncoderParams, text: TrainingText, pool: evaluate.HeldOut) -> float:
    """Return the seconds of sentence-transformers' training, on as many pairs of such texts."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesSymmetricRankingLoss

    logging.disable()
    count = params.steps * params.batch_size
    rows: dict[str, Any] = {
        "anchor": [pool.queries[i % len(pool.queries)] for i in range(count)],
        "positive": [pool.passages[i % len(pool.passages)] for i in range(count)],
    }
    with tempfile.TemporaryDirectory() as folder:
        model_folder = Path(folder) / "model"
        model_folder.mkdir()
        encoder = TextEncoder(build_encoder(params, text.token_weights_V, 42), text.tokenizer)
        save_encoder(model_folder, encoder)
        model = SentenceTransformer(str(model_folder), device="cpu")
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=params.batch_size,
            num_train_epochs=1,
            learning_rate=params.learning_rate,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        loss = MultipleNegativesSymmetricRankingLoss(model, scale=1 / params.temperature)
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_dict(rows), loss=loss
        )
        started = time.perf_counter()
        trainer.train()
        return time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
