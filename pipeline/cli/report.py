"""The last run's figures as a table for a terminal."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.common import i18n
from pipeline.common.errors import UserError
from pipeline.common.metrics import REPORTS

# Stage, path of the figure in its metrics, what it is.
ROWS = [
    ("slice_corpus", "train.documents", "documents to train on"),
    ("train_tokenizer", "val.bytes_per_token", "bytes per token"),
    ("train_tokenizer", "val.tokens_per_word", "tokens per word"),
    ("pack_shards", "train.tokens", "tokens to train on"),
    ("train_encoder", "retrieval.encoder.recall_at_1", "own document first, of the pool"),
    ("train_encoder", "retrieval.bm25.recall_at_1", "the same, BM25"),
    ("train_base", "parameters", "parameters"),
    ("train_base", "tokens_seen", "tokens read"),
    ("train_base", "val_loss", "validation loss (nats a token)"),
    ("train_sft", "val_loss", "validation loss on answers (nats a token)"),
    ("train_sft", "exact_match", "answers right to the letter"),
]

PICTURE_WIDTH = 110  # characters
NEXT = """Next:
  less reports/evaluate/samples.md         read what the models write
  tezgah infer "Ankara hangi bölgededir?"  ask the chat model
  dvc exp run -S train.batch_size=4        the same run in less memory
  dvc exp run -S train.steps=2500          train longer; then: dvc metrics diff, dvc plots diff
"""


def read(stage: str, reports: Path = REPORTS, file: str = "metrics.json") -> dict[str, Any]:
    """A stage's metrics, or another file of its report. Raises UserError where it has not run."""
    path = reports / stage / file
    if not path.exists():
        raise UserError(f"{path}: no such file; run `dvc repro`")
    return json.loads(path.read_text(encoding="utf-8"))


def number(value: float) -> str:
    """Whole numbers with separators, others with four digits after the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def stage_table(reports: Path = REPORTS) -> Table:
    """The main figures of the stages before `evaluate`."""
    table = Table("stage", "figure", "value", title="training")
    for stage, path, what in ROWS:
        value: Any = read(stage, reports)
        for key in path.split("."):
            value = value[key]
        table.add_row(stage, what, number(value))
    return table


def show(measured: Table, beside: Table, reports: Path = REPORTS, picture: Path | None = None) -> None:
    """Print the stages' figures, what was measured, what the models say and what to try next.

    `beside` holds the models' words beside those of simpler ones; into `picture`, an SVG file, all is drawn.
    """
    console = Console(record=picture is not None, width=PICTURE_WIDTH if picture else None)
    for table, words in ((stage_table(reports), {1}), (measured, {0}), (beside, ())):
        console.print(i18n.translate_table(table, words))
    if not Path("models/base").exists():
        console.print(i18n.translate("note: figures of the last commit; no model is built here yet"))
    console.print(NEXT, markup=False, highlight=False, soft_wrap=True)
    if picture:
        console.save_svg(str(picture), title="tezgah report")
