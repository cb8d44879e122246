"""Tables of an evaluation for a terminal: main metrics, and samples next to baselines'."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

LEAST_SHOWN = 3  # families
LEAST_CHECKED = 30  # items long enough to tell whether they were read, to show their share
NGRAMS = {
    "with_counts": "with its counts", "counts": "its counts alone", "kneser_ney_5": "5-gram",
    "bigram": "bigram", "mixture": "mixed with the 5-gram",
}  # fmt: skip
PAIR_BASELINES = {
    "per_token": "by the token", "with_counts": "with its counts", "kneser_ney_5": "5-gram",
    "word_frequency": "word frequency", "shorter": "shorter",
}  # fmt: skip
GROUNDED = {
    "right_quote": "quotes that hold the answer", "right_place": "quotes of the right passage",
    "false_refusals": "nothing quoted though it tells",
    "refused_without": "nothing quoted without the passage",
}  # fmt: skip
WORD_SEARCHES = {"words": "words", "prefixes": "5 letters", "prefixes_grams": "both with 4-grams"}


def summary_table(metrics: dict[str, Any], translate: Callable[[str], str] = str) -> Table:
    """Return a table of the main metrics: measure, task, the model's value, its interval, and baselines.

    `translate` puts each baseline into another language; the rest is translated by its cells.
    """
    table = Table("measure", "task", "model", "95 %", "baseline", title="evaluation")

    def add(
        label: str, task: str, value: float, values: dict[str, Any], *beside: str, digits: int = 3
    ) -> None:
        is_told = values.get("contamination_n", 0) >= LEAST_CHECKED and values["contaminated"] > 0
        read = [f"{values['contaminated']:.3f} in the training text"] if is_told else []
        baselines = ", ".join(map(translate, (*beside, *read)))
        table.add_row(label, task, f"{value:.{digits}f}", interval(values, digits), baselines)

    for task, values in metrics["bits_per_byte"].items():
        beside = [f"{label} {values[name]:.3f}" for name, label in NGRAMS.items() if name in values]
        add("bits/byte (lower is better)", task, values["base"], values, *beside)
    for task, values in metrics["minimal_pairs"].items():
        for name, each in {"": values, **values.get("subsets", {})}.items():
            if "mean" in each:
                beside = [f"{label} {each[key]:.3f}" for key, label in PAIR_BASELINES.items() if key in each]
                add("mean of minimal pairs", f"{task} {name}".strip(), each["mean"], each, *beside)
    for task, values in metrics["questions"].items():
        add("questions, exact match", task, values["exact_match"], values, f"n {values['n']}")
        if told := values.get("told"):
            quoted = f"best sentence holds it {values['best_sentence']:.3f}"
            add("answers that the passage tells", task, told["right"], told, quoted, f"n {told['n']}")
            table.add_row("refused though it tells", task, f"{values['false_refusals']:.3f}", "", "")
        if len(values["families"]) > LEAST_SHOWN:
            lowest, names = least_families(values["families"])
            table.add_row("the lowest families", task, lowest, "", names)
    for task, values in metrics.get("grounded", {}).items():
        plain = f"most words in common {values['words_in_common']['share']:.3f}"
        for name, label in GROUNDED.items():
            each = values[name]
            add(label, task, each["share"], each, *([plain] if name == "right_quote" else []))
    for kind, values in metrics["first_words"].items():
        label = "first words refused" if kind == "false_refusals" else "first words, right answers"
        add(label, kind.replace("_", " "), values["share"], values, f"n {values['n']}")
    for task, values in metrics["retrieval"].items():
        read = {key: values[key] for key in ("contaminated", "contamination_n") if key in values}
        words = [f"{label} {values[name]['recall_at_1']:.3f}" for name, label in WORD_SEARCHES.items()]
        dense, hybrid = values["dense"], values["hybrid"]
        add("retrieval@1", task, dense["recall_at_1"], dense | read, *words, f"of {values['documents']}")
        add("retrieval@1 with word search", task, hybrid["recall_at_1"], hybrid)
    for task, values in metrics.get("choice", {}).items():  # kinds that only files have
        at_chance = ["at chance"] if values["low"] <= values["chance"] <= values["high"] else []
        beside = [f"5-gram {values['kneser_ney_5']:.3f}", f"chance {values['chance']:.3f}"]
        add("choice, right options", task, values["accuracy"], values, *at_chance, *beside)
    for task, values in metrics.get("second_halves", {}).items():
        beside = [f"{label} {values[name]:.1f}" for name, label in NGRAMS.items() if name in values]
        add("bits of a second half (lower is better)", task, values["base"], values, *beside, digits=1)
    for task, values in metrics.get("similarity", {}).items():
        beside = [f"common words {values['common_words']:.3f}", f"n {values['n']}"]
        add("similarity, Spearman", task, values["encoder"], values, *beside)
    return table


def interval(values: dict[str, Any], digits: int) -> str:
    """Return the bounds of a figure's interval as text; nothing where it has none."""
    return f"{values['low']:.{digits}f}–{values['high']:.{digits}f}" if "low" in values else ""


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
    Console(width=None if console.is_terminal else 140).print(summary_table(metrics))
