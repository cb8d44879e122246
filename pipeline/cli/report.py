"""`tezgah report`: tables of the last run's figures."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, print_message, translate, translate_table
from pipeline.common.paths import BASE_MODEL, REPORTS

# Stage, path of the figure in its metrics, label.
FIGURES = [
    ("slice_corpus", "train.documents", "documents to train on"),
    ("train_tokenizer", "val.bytes_per_token", "bytes per token"),
    ("train_tokenizer", "val.tokens_per_word", "tokens per word"),
    ("pack_shards", "train.tokens", "tokens to train on"),
    ("train_encoder", "retrieval.sentences.dense.recall_at_1", "own surroundings first, of the pool"),
    ("train_encoder", "retrieval.sentences.prefixes_grams.recall_at_1", "the same, word search"),
    ("train_encoder", "retrieval.sentences.hybrid.recall_at_1", "the same, both together"),
    ("train_base", "parameters", "parameters"),
    ("train_base", "tokens_seen", "tokens read"),
    ("train_base", "val_loss", "validation loss (nats a token)"),
    ("train_sft", "val_loss", "validation loss on answers (nats a token)"),
    ("train_sft", "exact_match", "answers right to the letter"),
]

NEXT_STEPS = {
    "tezgah report --open": "open the page of the run, with time and memory",
    "less reports/evaluate/samples.md": "read what the models write",
    'tezgah infer "Ankara hangi bölgededir?"': "ask the chat model",
    "dvc exp run -S train.batch_size=4": "the same run in less memory",
    "dvc exp run -S train.steps=2500": "train longer; then: dvc metrics diff, dvc plots diff",
}


def read_report(stage: str, reports: Path = REPORTS, file: str = "metrics.json") -> dict[str, Any]:
    """Return a stage's metrics, or another JSON file of its report. Raises UserError where it is missing."""
    path = reports / stage / file
    if not path.exists():
        raise UserError("{path}: no such file; run `dvc repro`", path=path)
    return json.loads(path.read_text(encoding="utf-8"))


def stage_table(reports: Path = REPORTS) -> Table:
    """Return a table of the main figures of the stages before `evaluate`."""
    table = Table("stage", "figure", "value", title="training")
    for stage, path, label in FIGURES:
        value: Any = read_report(stage, reports)
        for key in path.split("."):
            value = value[key]
        number = format_number(value, "," if isinstance(value, int) else ".4f")
        table.add_row(stage, Translatable(label), number)
    return table


def print_report(evaluation: Table, baseline: Table, reports: Path = REPORTS) -> None:
    """Print the stages' figures, the evaluation, samples beside those of simpler models, and next steps."""
    console = Console(emoji=False)
    for table in (stage_table(reports), evaluation, baseline):
        console.print(translate_table(table))
    if not BASE_MODEL.exists():
        print_message("note: figures of the last commit; no model is built here yet")
    print_next_steps()


def print_next_steps() -> None:
    """Print commands that may follow a run, each with what it does."""
    width = max(map(len, NEXT_STEPS))
    print_message("Next:")
    for command, purpose in NEXT_STEPS.items():
        print(f"  {command:{width}}  {translate(purpose)}")
    print()
