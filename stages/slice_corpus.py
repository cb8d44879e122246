"""Stage 1: slice a corpus from the sources into train, val and test."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline import params
from pipeline.corpus.funnel import Funnel
from pipeline.corpus.params import CorpusParams
from pipeline.corpus.slice import slice_corpus
from pipeline.corpus.split import SPLITS
from pipeline.errors import run
from pipeline.files import whole_folder
from pipeline.reporting.metrics import write_metrics

OUTPUT = Path("data/corpus")


def main() -> None:
    """Read the sources, clean and deduplicate their documents, and write data/corpus."""
    params.check_all("slice_corpus")
    settings = params.load("corpus", CorpusParams)
    console = Console()

    with whole_folder(OUTPUT) as folder, console.status("reading …") as status:

        def progress(source: str, counts: Funnel) -> None:
            status.update(f"{source}: {_count(vars(counts.read), ' documents, ')} read")

        metrics = slice_corpus(settings, params.seed(), folder, progress=progress)
    write_metrics("slice_corpus", metrics)
    console.print(table(metrics))


def table(metrics: dict[str, Any]) -> Table:
    """The funnel for people: a row for every source, and one for all."""
    grid = Table(title=str(OUTPUT))
    grid.add_column("source")
    for column in ("documents in", "removed", *SPLITS):
        grid.add_column(column, justify="right")
    for name, counts in [*metrics["sources"].items(), ("all", metrics)]:
        removed = [
            f"{rule.replace('_', ' ')} {_count(count)}"
            for rule, count in counts["removed"].items()
            if any(count.values())
        ]
        splits = [_count(counts[split], "\n") for split in SPLITS]
        grid.add_row(name, _count(counts["in"], "\n"), "\n".join(removed), *splits, end_section=True)
    return grid


def _count(count: dict[str, int], between: str = ", ") -> str:
    size = count["bytes"]
    return f"{count['documents']:,}{between}" + (
        f"{size / 1e6:,.1f} MB" if size > 1e5 else f"{size / 1e3:,.1f} kB"
    )


if __name__ == "__main__":
    run(main)
