"""Stage 1: slice a corpus from the sources into train, val and test."""

from pipeline.common import errors

errors.install()

import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.common import params
from pipeline.common.data_files import matching_files
from pipeline.common.fingerprint import Fingerprint, checkpoints, fingerprint, locked, scratch
from pipeline.common.i18n import translate
from pipeline.common.io import whole_folder
from pipeline.common.metrics import REPORTS, write_metrics
from pipeline.common.runtime import RuntimeParams
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.filters import boilerplate
from pipeline.corpus.params import RAW, CorpusParams, HubSource, LocalSource, UrlsSource, path_key
from pipeline.corpus.report import write_report
from pipeline.corpus.stats import Funnel
from pipeline.data.splits import SPLITS
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import texts

STAGE = "slice_corpus"
OUTPUT = Path("data/corpus")
LATER = {"max_bytes", "val_fraction", "test_fraction"}  # params that reading files does not depend on


def main() -> None:
    """Read the sources, apply the rules to their documents, and write data/corpus."""
    params.check_all(STAGE)
    settings, seed = params.load("corpus", CorpusParams), params.seed()
    tasks = params.load("eval", EvalParams).tasks
    looked_for = tasks if settings.rules.contamination else {}
    held = [text for name, task in looked_for.items() for text in texts(name, task)]
    workers = params.load("runtime", RuntimeParams).workers
    mark = mark_of(settings, seed, held)
    console = Console()
    with locked(STAGE), whole_folder(OUTPUT) as folder, console.status("reading …") as status:

        def progress(source: str, counts: Funnel) -> None:
            status.update(f"{source}: {_count(vars(counts.read), ' documents, ')} read")

        sliced = slice_corpus(
            settings, seed, folder, mark.folder, held=held, workers=workers, progress=progress
        )
    for note in sliced.notes:
        console.print(translate(note))
    write_metrics(STAGE, sliced.metrics)
    write_report(sliced, REPORTS / STAGE)
    for done in checkpoints(scratch() / STAGE):
        shutil.rmtree(done, ignore_errors=True)
    console.print(table(sliced.metrics))


def mark_of(settings: CorpusParams, seed: int, held: list[str]) -> Fingerprint:
    """What the documents that were read depend on.

    Files count by name, size and time: hashing them would take as long as reading them.
    """
    read = settings.model_dump()
    if not any(isinstance(source, HubSource | UrlsSource) for source in settings.sources.values()):
        read = settings.model_dump(exclude=LATER)
        for plain in read["sources"].values():
            del plain["weight"]
    seen = {}
    for name, source in settings.sources.items():
        if isinstance(source, LocalSource | UrlsSource):
            for path in matching_files(path_key(name), source.path, RAW):
                seen[str(path)] = [path.stat().st_size, path.stat().st_mtime_ns]
    order = list(settings.sources)  # by which of two copies the first is told
    tracked = {"seed": seed, "corpus": read, "order": order, "files": seen, "held": held}
    return fingerprint(STAGE, tracked, [boilerplate.LIST])


def table(metrics: dict[str, Any]) -> Table:
    """The funnel for people: a row for every source, and one for all."""
    grid = Table(title=str(OUTPUT))
    grid.add_column("source")
    for column in ("documents in", "removed", *SPLITS):
        grid.add_column(column, justify="right")
    for name, counts in [*metrics["sources"].items(), ("all", metrics)]:
        removed = [
            f"{rule.replace('_', ' ')} {count['documents'] or _size(count)}"
            for rule, count in counts["removed"].items()
            if any(count.values())
        ]
        splits = [_count(counts[split], "\n") for split in SPLITS]
        grid.add_row(name, _count(counts["in"], "\n"), "\n".join(removed), *splits, end_section=True)
    return grid


def _count(count: dict[str, int], between: str = ", ") -> str:
    return f"{count['documents']:,}{between}{_size(count)}"


def _size(count: dict[str, int]) -> str:
    size = count["bytes"]
    return f"{size / 1e6:,.1f} MB" if abs(size) > 1e5 else f"{size / 1e3:,.1f} kB"


if __name__ == "__main__":
    errors.run(main)
