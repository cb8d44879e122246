"""The main figures of an evaluation as a table for a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

NGRAMS = {"kneser_ney_5": "5-gram", "bigram": "bigram"}


def summary(metrics: dict[str, Any]) -> Table:
    """One row for each thing measured: what, on what, the model's figure, what to compare it with."""
    table = Table("measure", "task", "model", "beside", title="evaluation")
    for task, values in metrics["bits_per_byte"].items():
        beside = [f"{label} {values[name]:.3f}" for name, label in NGRAMS.items()]
        table.add_row("bits/byte (lower is better)", task, f"{values['base']:.3f}", ", ".join(beside))
    for task, values in metrics["minimal_pairs"].items():
        if "mean" in values:
            beside = [f"5-gram {values['kneser_ney_5']:.3f}", "chance 0.500"]
            table.add_row("mean of minimal pairs", task, f"{values['mean']:.3f}", ", ".join(beside))
    for task, values in metrics["questions"].items():
        table.add_row("questions, exact match", task, f"{values['exact_match']:.3f}", f"n {values['n']}")
    for task, values in metrics["retrieval"].items():
        for key, label in {"recall_at_1": "retrieval@1", "mrr": "MRR"}.items():
            bm25 = f"BM25 {values['bm25'][key]:.3f}, of {values['documents']}"
            table.add_row(label, task, f"{values['encoder'][key]:.3f}", bm25)
    return table


def beside_table(shown: dict[str, Any]) -> Table:
    """What the models say to questions that they never saw, and how they tell a story, beside what the same
    models say untrained and what a 5-gram says."""
    grid = Table("", "trained", "untrained", "5-gram", title="what training has brought", show_lines=True)
    story = shown["story"]
    asked = [
        (f"{each['question']}\n({each['expected']})" if each["expected"] else each["question"], each)
        for each in shown["questions"]
    ]
    for what, words in [*asked, (f"{story['begins']} …", story)]:
        grid.add_row(*map(escape, (what, words["trained"], words["untrained"], words["ngram"])))
    return grid


def print_summary(metrics: dict[str, Any]) -> None:
    """Print the table; piped, it is as wide as it needs to be."""
    console = Console()
    Console(width=None if console.is_terminal else 120).print(summary(metrics))
