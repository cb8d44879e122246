"""`tezgah status`: what is there, from which params it came, how good it is, and what is stale."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.estimate import STAGES
from pipeline.cli.graph import last_runs, stale_stages
from pipeline.cli.report import read_report
from pipeline.common import i18n
from pipeline.common.metrics import REPORTS

Params = dict[str, Any]
# Of each stage: its main params, as it last ran with them, and its main figures, of its metrics.
MAIN_PARAMS: dict[str, Callable[[Params], str]] = {
    "slice_corpus": lambda p: ", ".join(p["corpus"]["sources"]),
    "train_tokenizer": lambda p: f"{p['tokenizer']['kind']}, {p['tokenizer']['vocab_size']:,} pieces",
    "pack_shards": lambda p: f"{p['shards']['shard_tokens']:,} tokens a file",
    "train_encoder": lambda p: f"{shape(p['encoder'])}, {p['encoder']['steps']:,} steps",
    "train_base": lambda p: f"{p['model']['arch']} {shape(p['model'])}, {p['train']['steps']:,} steps",
    "train_sft": lambda p: f"{', '.join(p['sft']['sources'])}, {p['sft']['epochs']:g} epochs",
    "evaluate": lambda p: (
        ", ".join(task if isinstance(task, str) else next(iter(task)) for task in p["eval"]["tasks"])
        or "val, test and the miniworld"
    ),
}
MAIN_FIGURES: dict[str, Callable[[Params], str]] = {
    "slice_corpus": lambda m: f"{m['train']['documents']:,} documents to train on",
    "train_tokenizer": lambda m: f"{m['val']['bytes_per_token']:.2f} bytes per token",
    "pack_shards": lambda m: f"{m['train']['tokens']:,} tokens to train on",
    "train_encoder": lambda m: f"retrieval@1 {m['retrieval']['sentences']['dense']['recall_at_1']:.3f}",
    "train_base": lambda m: f"validation loss {m['val_loss']:.3f}",
    "train_sft": lambda m: f"validation loss {m['val_loss']:.3f}, {m['exact_match']:.3f} right",
    "evaluate": lambda m: f"{m['bits_per_byte']['val']['base']:.3f} bits per byte of val",
}


def shape(section: Params) -> str:
    """Return the layers and the width of a model as text. Without layers it is a table of vectors."""
    if not section["layers"]:
        return f"a table {section['width']} wide"
    return f"{section['layers']} x {section['width']}"


def print_status() -> None:
    """Print a row for each stage. Raises UserError outside a project."""
    waiting = stale_stages()
    last = last_runs()
    table = Table("stage", "from", "figure", "state")
    for stage in STAGES:
        if stage not in last or not (REPORTS / stage / "metrics.json").is_file():
            table.add_row(stage, "", "", i18n.translate("not run yet"))
            continue
        why = waiting.get(stage)
        state = f"[green]{i18n.translate('up to date')}[/]"
        if why:
            state = f"[yellow]{i18n.translate('stale')}:[/] {escape(why)}"
        params = last[stage]["params"]["params.yaml"]
        figures = MAIN_FIGURES[stage](read_report(stage))
        table.add_row(stage, escape(MAIN_PARAMS[stage](params)), figures, state)
    console = Console()
    console.print(i18n.translate_table(table))
    if waiting:
        advice = "`dvc repro` brings all up to date; `tezgah plan` says how long it takes"
        console.print(i18n.translate(advice), soft_wrap=True)
