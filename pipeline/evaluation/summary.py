"""Tables of an evaluation for a terminal: main metrics, and samples next to baselines'."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.common.i18n import Translatable, format_number, join_texts, translate_table

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


def summary_table(metrics: dict[str, Any]) -> Table:
    """Return a table of the main metrics: measure, task, the model's value, its interval, and baselines.

    Its words and numbers are messages, which `translate_table` translates.
    """
    table = Table("measure", "task", "model", "95 %", "baseline", title="evaluation")

    def add(
        label: str, task: str, value: float, values: dict[str, Any], *beside: str, digits: int = 3
    ) -> None:
        told = [*beside]
        if values.get("contamination_n", 0) >= LEAST_CHECKED and values["contaminated"] > 0:
            told.append(Translatable("{share:.3f} in the training text", share=values["contaminated"]))
        table.add_row(
            Translatable(label),
            task,
            format_number(value, f".{digits}f"),
            interval(values, digits),
            join_texts(", ", told),
        )

    for task, values in metrics["bits_per_byte"].items():
        add("bits/byte (lower is better)", task, values["base"], values, *name_values(NGRAMS, values))
    for task, values in metrics["minimal_pairs"].items():
        for name, each in {"": values, **values.get("subsets", {})}.items():
            if "mean" in each:
                beside = name_values(PAIR_BASELINES, each)
                add("mean of minimal pairs", f"{task} {name}".strip(), each["mean"], each, *beside)
    for task, values in metrics["questions"].items():
        add("questions, exact match", task, values["exact_match"], values, count(values))
        if told := values.get("told"):
            quoted = name_value("best sentence holds it", values["best_sentence"])
            add("answers that the passage tells", task, told["right"], told, quoted, count(told))
            refusals = format_number(values["false_refusals"], ".3f")
            table.add_row(Translatable("refused though it tells"), task, refusals, "", "")
        if len(values["families"]) > LEAST_SHOWN:
            lowest, names = least_families(values["families"])
            table.add_row(Translatable("the lowest families"), task, lowest, "", names)
    for task, values in metrics.get("grounded", {}).items():
        plain = name_value("most words in common", values["words_in_common"]["share"])
        for name, label in GROUNDED.items():
            each = values[name]
            add(label, task, each["share"], each, *([plain] if name == "right_quote" else []))
    for kind, values in metrics["first_words"].items():
        label = "first words refused" if kind == "false_refusals" else "first words, right answers"
        add(label, Translatable(kind.replace("_", " ")), values["share"], values, count(values))
    for task, values in metrics["retrieval"].items():
        read = {key: values[key] for key in ("contaminated", "contamination_n") if key in values}
        recalls = {name: values[name]["recall_at_1"] for name in WORD_SEARCHES}
        beside = [*name_values(WORD_SEARCHES, recalls), Translatable("of {n}", n=values["documents"])]
        dense, hybrid = values["dense"], values["hybrid"]
        add("retrieval@1", task, dense["recall_at_1"], dense | read, *beside)
        add("retrieval@1 with word search", task, hybrid["recall_at_1"], hybrid)
    for task, values in metrics.get("choice", {}).items():  # kinds that only files have
        at_chance = values["low"] <= values["chance"] <= values["high"]
        beside = [Translatable("at chance")] if at_chance else []
        beside += name_values({"kneser_ney_5": "5-gram", "chance": "chance"}, values)
        add("choice, right options", task, values["accuracy"], values, *beside)
    for task, values in metrics.get("second_halves", {}).items():
        beside = name_values(NGRAMS, values, digits=1)
        add("bits of a second half (lower is better)", task, values["base"], values, *beside, digits=1)
    for task, values in metrics.get("similarity", {}).items():
        beside = [name_value("common words", values["common_words"]), count(values)]
        add("similarity, Spearman", task, values["encoder"], values, *beside)
    return table


def name_values(labels: dict[str, str], values: dict[str, Any], digits: int = 3) -> list[Translatable]:
    """Return those of `values` that have a label, each behind it."""
    return [name_value(label, values[name], digits) for name, label in labels.items() if name in values]


def name_value(label: str, value: float, digits: int = 3) -> Translatable:
    """Return a value behind its label."""
    return join_texts(" ", [Translatable(label), format_number(value, f".{digits}f")])


def count(values: dict[str, Any]) -> Translatable:
    """Return how many items a figure is of."""
    return Translatable("n {n}", n=values["n"])


def interval(values: dict[str, Any], digits: int) -> str:
    """Return the bounds of a figure's interval as text; nothing where it has none."""
    if "low" not in values:
        return ""
    return join_texts("–", [format_number(values[bound], f".{digits}f") for bound in ("low", "high")])


def least_families(families: dict[str, dict[str, float]]) -> tuple[str, str]:
    """Return the lowest exact match of all families, and the families that are lowest with theirs."""
    least = sorted((values["exact_match"], name) for name, values in families.items())[:LEAST_SHOWN]
    shares = [join_texts(" ", [name, format_number(share, ".3f")]) for share, name in least]
    return format_number(least[0][0], ".3f"), join_texts(", ", shares)


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
    """Print the table of metrics in the user's language. Piped, it is as wide as it needs to be."""
    console = Console()
    table = translate_table(summary_table(metrics))
    Console(width=None if console.is_terminal else 140).print(table)
