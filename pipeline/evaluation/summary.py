"""Tables of an evaluation, for a terminal and as a picture: main metrics, and samples next to baselines'."""

import io
import re
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

LEAST_SHOWN = 3  # families
NGRAMS = {"kneser_ney_5": "5-gram", "bigram": "bigram"}
PICTURE_WIDTH = 110  # characters
NOT_IN_XML = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def summary_table(metrics: dict[str, Any]) -> Table:
    """Return a table of the main metrics: measure, task, the model's value, and baselines."""
    table = Table("measure", "task", "model", "baseline", title="evaluation")
    for task, values in metrics["bits_per_byte"].items():
        baselines = [f"{label} {values[name]:.3f}" for name, label in NGRAMS.items()]
        table.add_row("bits/byte (lower is better)", task, f"{values['base']:.3f}", ", ".join(baselines))
    for task, values in metrics["minimal_pairs"].items():
        if "mean" in values:
            baselines = [f"5-gram {values['kneser_ney_5']:.3f}", "chance 0.500"]
            table.add_row("mean of minimal pairs", task, f"{values['mean']:.3f}", ", ".join(baselines))
    for task, values in metrics["questions"].items():
        table.add_row("questions, exact match", task, f"{values['exact_match']:.3f}", f"n {values['n']}")
        if len(values["families"]) > LEAST_SHOWN:
            table.add_row("the lowest families", task, *least_families(values["families"]))
    for kind, values in metrics["first_words"].items():
        label = "first words refused" if kind == "false_refusals" else "first words, right answers"
        table.add_row(label, kind.replace("_", " "), f"{values['share']:.3f}", f"n {values['n']}")
    for task, values in metrics["retrieval"].items():
        for key, label in {"recall_at_1": "retrieval@1", "mrr": "MRR"}.items():
            bm25 = f"BM25 {values['bm25'][key]:.3f}, of {values['documents']}"
            table.add_row(label, task, f"{values['encoder'][key]:.3f}", bm25)
    for task, values in metrics.get("choice", {}).items():  # kinds that only files have
        baselines = [f"5-gram {values['kneser_ney_5']:.3f}", f"chance {values['chance']:.3f}"]
        table.add_row("choice, right options", task, f"{values['accuracy']:.3f}", ", ".join(baselines))
    for task, values in metrics.get("second_halves", {}).items():
        baselines = [f"{label} {values[name]:.1f}" for name, label in NGRAMS.items()]
        label = "bits of a second half (lower is better)"
        table.add_row(label, task, f"{values['base']:.1f}", ", ".join(baselines))
    for task, values in metrics.get("similarity", {}).items():
        baseline = f"common words {values['common_words']:.3f}, n {values['n']}"
        table.add_row("similarity, Spearman", task, f"{values['encoder']:.3f}", baseline)
    return table


def least_families(families: dict[str, dict[str, float]]) -> tuple[str, str]:
    """Return the lowest exact match of all families, and the families that are lowest with theirs."""
    least = sorted((values["exact_match"], name) for name, values in families.items())[:LEAST_SHOWN]
    return f"{least[0][0]:.3f}", ", ".join(f"{name} {share:.3f}" for share, name in least)


def baseline_samples_table(samples: dict[str, Any]) -> Table:
    """Return a table of `make_baseline_samples`: answers and a story, trained, untrained, and of a 5-gram."""
    table = Table("", "trained", "untrained", "5-gram", title="what training has brought", show_lines=True)
    story = samples["story"]
    questions = [
        (f"{item['question']}\n({item['expected']})" if item["expected"] else item["question"], item)
        for item in samples["questions"]
    ]
    for prompt, texts in [*questions, (f"{story['begins']} …", story)]:
        table.add_row(*map(escape, (prompt, texts["trained"], texts["untrained"], texts["ngram"])))
    return table


def print_summary(metrics: dict[str, Any]) -> None:
    """Print the table of metrics. Piped, it is as wide as it needs to be."""
    console = Console()
    Console(width=None if console.is_terminal else 120).print(summary_table(metrics))


def draw_summary(metrics: dict[str, Any], samples: dict[str, Any]) -> str:
    """Return both tables as an SVG picture. The same figures give the same bytes on every machine.

    The size is given, and what is printed goes to no terminal, so neither its kind nor a locale matters.
    """
    console = Console(
        record=True,
        file=io.StringIO(),
        width=PICTURE_WIDTH,
        emoji=False,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
        color_system=None,
    )
    console.print(summary_table(metrics))
    console.print(baseline_samples_table(samples))
    svg = console.export_svg(title="evaluation", unique_id="evaluation")
    return NOT_IN_XML.sub("\ufffd", svg)
