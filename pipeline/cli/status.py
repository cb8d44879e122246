"""`tezgah status`: what is there, from which params it came, how good it is, and what is stale."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipeline.cli.estimate import STAGES
from pipeline.cli.graph import last_runs, stale_stages
from pipeline.cli.report import read_report
from pipeline.common.i18n import Translatable, print_message, translate, translate_table
from pipeline.common.metrics import REPORTS

Params = dict[str, Any]
# Of each stage: its main params, as it last ran with them, and its main figures, of its metrics.
MAIN_PARAMS: dict[str, Callable[[Params], str]] = {
    "slice_corpus": lambda p: ", ".join(p["corpus"]["sources"]),
    "train_tokenizer": lambda p: Translatable(
        "{kind}, {size:,} pieces", kind=p["tokenizer"]["kind"], size=p["tokenizer"]["vocab_size"]
    ),
    "pack_shards": lambda p: Translatable("{tokens:,} tokens a file", tokens=p["shards"]["shard_tokens"]),
    "train_encoder": lambda p: Translatable(
        "{shape}, {steps:,} steps", shape=describe_shape(p["encoder"]), steps=p["encoder"]["steps"]
    ),
    "train_base": lambda p: Translatable(
        "{arch} {shape}, {steps:,} steps",
        arch=p["model"]["arch"],
        shape=describe_shape(p["model"]),
        steps=p["train"]["steps"],
    ),
    "train_sft": lambda p: Translatable(
        "{sources}, {epochs:g} epochs", sources=", ".join(p["sft"]["sources"]), epochs=p["sft"]["epochs"]
    ),
    "evaluate": lambda p: (
        ", ".join(task if isinstance(task, str) else next(iter(task)) for task in p["eval"]["tasks"])
        or Translatable("val, test and the miniworld")
    ),
}
MAIN_FIGURES: dict[str, Callable[[Params], Translatable]] = {
    "slice_corpus": lambda m: Translatable(
        "{documents:,} documents to train on", documents=m["train"]["documents"]
    ),
    "train_tokenizer": lambda m: Translatable("{size:.2f} bytes per token", size=m["val"]["bytes_per_token"]),
    "pack_shards": lambda m: Translatable("{tokens:,} tokens to train on", tokens=m["train"]["tokens"]),
    "train_encoder": lambda m: Translatable(
        "retrieval@1 {recall:.3f}", recall=m["retrieval"]["sentences"]["dense"]["recall_at_1"]
    ),
    "train_base": lambda m: Translatable("validation loss {loss:.3f}", loss=m["val_loss"]),
    "train_sft": lambda m: Translatable(
        "validation loss {loss:.3f}, {share:.3f} right", loss=m["val_loss"], share=m["exact_match"]
    ),
    "evaluate": lambda m: Translatable(
        "{bits:.3f} bits per byte of val", bits=m["bits_per_byte"]["val"]["base"]
    ),
}


def describe_shape(section: Params) -> str:
    """Return the layers and the width of a model as text. Without layers it is a table of vectors."""
    if not section["layers"]:
        return Translatable("a table {width} wide", width=section["width"])
    return f"{section['layers']} x {section['width']}"


def print_status() -> None:
    """Print a row for each stage. Raises UserError outside a project."""
    waiting = stale_stages()
    last = last_runs()
    table = Table("stage", "settings", "figure", Column("state", overflow="fold"))
    for stage in STAGES:
        if stage not in last or not (REPORTS / stage / "metrics.json").is_file():
            table.add_row(stage, "", "", translate("not run yet"))
            continue
        why = waiting.get(stage)
        state = f"[green]{translate('up to date')}[/]"
        if why:
            state = f"[yellow]{translate('stale')}:[/] {escape(translate(why))}"
        params = last[stage]["params"]["params.yaml"]
        source = translate("{params}", params=MAIN_PARAMS[stage](params))
        table.add_row(stage, escape(source), translate(MAIN_FIGURES[stage](read_report(stage))), state)
    Console().print(translate_table(table))
    if waiting:
        print_message("`dvc repro` brings all up to date; `tezgah plan` says how long it takes")
