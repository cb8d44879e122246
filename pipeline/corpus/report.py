"""The report of slice_corpus: removed.md for people, the tables that DVC plots, and the printed table."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.common.i18n import Translatable, format_number, join_texts
from pipeline.common.io import write_atomic
from pipeline.common.paths import CORPUS
from pipeline.corpus.stats import EXCERPT_CHARS, CorpusResult, SourceStats
from pipeline.data.splits import SPLITS


def write_report(result: CorpusResult, folder: Path) -> None:
    """Write `removed.md`, examples of what each rule removed, and the tables under `plots`."""
    write_atomic(folder / "removed.md", removed_markdown(result))
    metrics = result.metrics
    # The numbers have leading zeros, as bars are drawn in alphabetical order.
    steps = [
        (f"{step:02} {rule}", count["documents"], count["bytes"])
        for step, (rule, count) in enumerate(metrics["removed"].items(), start=1)
    ]
    write_tsv(folder / "plots/funnel.tsv", ("rule", "documents", "bytes"), steps)
    lengths = [(f"{below:08}", documents) for below, documents in sorted(result.length_histogram.items())]
    write_tsv(folder / "plots/lengths.tsv", ("below_characters", "documents"), lengths)
    sources = [(name, counts["kept"]["bytes"]) for name, counts in metrics["sources"].items()]
    write_tsv(folder / "plots/sources.tsv", ("source", "bytes"), sources)
    # DVC would take a straight quotation mark for the quoting of a field.
    paragraphs = [
        (text.replace("\t", " ").replace('"', "”"), documents)
        for documents, text in result.frequent_paragraphs
    ]
    write_tsv(folder / "plots/paragraphs.tsv", ("paragraph", "documents"), paragraphs)


def removed_markdown(result: CorpusResult) -> str:
    """Return excerpts of some documents that each rule has removed, as Markdown."""
    lines = ["# What was removed", ""]
    if not result.examples.by_rule:
        lines += ["No document.", ""]
    for rule, count in result.metrics["removed"].items():
        if not (examples := result.examples.by_rule.get(rule)):
            continue
        lines += [f"## {rule}: {count['documents']:,} documents, {count['bytes']:,} bytes", ""]
        for _, id, text in examples:
            ellipsis = " …" if len(text) >= EXCERPT_CHARS else ""
            lines += [f"**{id}**", "", *(f"> {line}" for line in f"{text}{ellipsis}".split("\n")), ""]
    if result.frequent_paragraphs:
        lines += ["## Paragraphs that most documents had", ""]
        lines += [f"- {documents:,} documents: {text}" for documents, text in result.frequent_paragraphs]
    return "\n".join(lines).rstrip() + "\n"


def write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header and rows, separated by tabs."""
    write_atomic(path, "".join("\t".join(map(str, row)) + "\n" for row in [columns, *rows]))


def progress_line(source: str, stats: SourceStats) -> str:
    """Return what is shown while a source is read."""
    count = vars(stats.read)
    return Translatable(
        "{source}: {documents:,} documents, {size} read",
        source=source,
        documents=count["documents"],
        size=_format_size(count),
    )


def stats_table(metrics: dict[str, Any]) -> Table:
    """Return the table that is printed: a row for every source, and one for all."""
    table = Table(title=Translatable("{folder}", folder=CORPUS))
    table.add_column("source")
    for column in ("documents in", "removed", *SPLITS):
        table.add_column(column, justify="right")
    for name, counts in [*metrics["sources"].items(), (Translatable("all"), metrics)]:
        removed = [
            join_texts(" ", [Translatable(rule.replace("_", " ")), _format_documents(count)])
            for rule, count in counts["removed"].items()
            if any(count.values())
        ]
        splits = [_format_count(counts[split]) for split in SPLITS]
        table.add_row(name, _format_count(counts["in"]), join_texts("\n", removed), *splits, end_section=True)
    return table


def _format_count(count: dict[str, int]) -> str:
    return join_texts("\n", [format_number(count["documents"]), _format_size(count)])


def _format_documents(count: dict[str, int]) -> str:
    return str(count["documents"]) if count["documents"] else _format_size(count)


def _format_size(count: dict[str, int]) -> str:
    size = count["bytes"]
    if abs(size) > 1e5:
        return Translatable("{size:,.1f} MB", size=size / 1e6)
    return Translatable("{size:,.1f} kB", size=size / 1e3)
