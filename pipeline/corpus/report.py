"""What people read and DVC draws of the corpus: reports/slice_corpus/."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.common.io import write_whole
from pipeline.corpus.stats import EXCERPT, Sliced


def write_report(sliced: Sliced, folder: Path) -> None:
    """Write `removed.md`, examples of what each rule removed, and under `plots` the tables that DVC draws."""
    write_whole(folder / "removed.md", removed(sliced))
    metrics = sliced.metrics
    # Numbered, and as wide as one another: bars are drawn in the order of the alphabet.
    steps = [
        (f"{step:02} {rule}", count["documents"], count["bytes"])
        for step, (rule, count) in enumerate(metrics["removed"].items(), start=1)
    ]
    write_table(folder / "plots/funnel.tsv", ("rule", "documents", "bytes"), steps)
    lengths = [(f"{below:08}", documents) for below, documents in sorted(sliced.lengths.items())]
    write_table(folder / "plots/lengths.tsv", ("below_characters", "documents"), lengths)
    mix = [(name, counts["kept"]["bytes"]) for name, counts in metrics["sources"].items()]
    write_table(folder / "plots/sources.tsv", ("source", "bytes"), mix)
    # DVC reads quotation marks as such.
    often = [(text.replace("\t", " ").replace('"', "”"), documents) for documents, text in sliced.paragraphs]
    write_table(folder / "plots/paragraphs.tsv", ("paragraph", "documents"), often)


def removed(sliced: Sliced) -> str:
    """Some documents that each rule has removed, the beginnings of them."""
    lines = ["# What was removed", ""]
    if not sliced.examples.of_rule:
        lines += ["No document.", ""]
    for rule, count in sliced.metrics["removed"].items():
        if not (examples := sliced.examples.of_rule.get(rule)):
            continue
        lines += [f"## {rule}: {count['documents']:,} documents, {count['bytes']:,} bytes", ""]
        for _, id, text in examples:
            more = " …" if len(text) >= EXCERPT else ""
            lines += [f"**{id}**", "", *(f"> {line}" for line in f"{text}{more}".split("\n")), ""]
    if sliced.paragraphs:
        lines += ["## Paragraphs that most documents had", ""]
        lines += [f"- {documents:,} documents: {text}" for documents, text in sliced.paragraphs]
    return "\n".join(lines).rstrip() + "\n"


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows divided by tabs."""
    write_whole(path, "".join("\t".join(map(str, row)) + "\n" for row in [columns, *rows]))
