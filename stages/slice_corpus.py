"""Stage 1: slice a corpus from the sources into train, val and test."""

from pipeline.common import errors

errors.install_excepthook()

import shutil
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.common.data_files import matching_files
from pipeline.common.fingerprint import (
    Fingerprint,
    checkpoint_folders,
    make_fingerprint,
    scratch_folder,
)
from pipeline.common.i18n import translate
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS, RAW_CORPUS, REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.filters import boilerplate
from pipeline.corpus.params import CorpusParams, HubSource, LocalSource, UrlsSource, path_key
from pipeline.corpus.report import write_report
from pipeline.corpus.stats import SourceStats
from pipeline.data.splits import SPLITS
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import task_texts

STAGE = "slice_corpus"
SELECTION_PARAMS = {"max_bytes", "val_fraction", "test_fraction"}  # reading files does not depend on them


def main() -> None:
    """Read the sources, filter and deduplicate their documents, and write the splits.

    Reads params `seed`, `corpus` and `eval.tasks`, data/raw/corpus, and data/raw/eval to leave its texts out.
    Writes data/corpus/{train,val,test,miniworld} and reports/slice_corpus.
    """
    params, seed = load_section("corpus", CorpusParams), load_seed()
    tasks = load_section("eval", EvalParams).tasks
    tasks_to_remove = tasks if params.rules.contamination else {}
    eval_texts = [text for name, task in tasks_to_remove.items() for text in task_texts(name, task)]
    workers = load_section("runtime", RuntimeParams).workers
    fingerprint = read_fingerprint(params, seed, eval_texts)
    console = Console()
    with atomic_folder(CORPUS) as folder, console.status("reading …") as status:

        def show_progress(source: str, stats: SourceStats) -> None:
            status.update(f"{source}: {_format_count(vars(stats.read), ' documents, ')} read")

        result = slice_corpus(
            params,
            seed,
            folder,
            scratch=fingerprint.folder,
            eval_texts=eval_texts,
            workers=workers,
            progress=show_progress,
        )
    for note in result.notes:
        console.print(translate(note))
    write_metrics(STAGE, result.metrics)
    write_report(result, REPORTS / STAGE)
    for checkpoint in checkpoint_folders(scratch_folder() / STAGE):
        shutil.rmtree(checkpoint, ignore_errors=True)
    console.print(stats_table(result.metrics))


def read_fingerprint(params: CorpusParams, seed: int, eval_texts: list[str]) -> Fingerprint:
    """Return the fingerprint of all that the staged documents depend on.

    Files are compared by name, size and time, as hashing them would take as long as reading them.
    """
    corpus = params.model_dump()
    if not any(isinstance(source, HubSource | UrlsSource) for source in params.sources.values()):
        corpus = params.model_dump(exclude=SELECTION_PARAMS)
        for source_params in corpus["sources"].values():
            del source_params["weight"]
    files = {}
    for name, source in params.sources.items():
        if isinstance(source, LocalSource | UrlsSource):
            for path in matching_files(path_key(name), source.path, RAW_CORPUS):
                files[str(path)] = [path.stat().st_size, path.stat().st_mtime_ns]
    order = list(params.sources)  # of two duplicates the first one stays
    tracked = {"seed": seed, "corpus": corpus, "order": order, "files": files, "held": eval_texts}
    return make_fingerprint(STAGE, tracked, [boilerplate.BOILERPLATE_FILE])


def stats_table(metrics: dict[str, Any]) -> Table:
    """Return the table that is printed: a row for every source, and one for all."""
    table = Table(title=str(CORPUS))
    table.add_column("source")
    for column in ("documents in", "removed", *SPLITS):
        table.add_column(column, justify="right")
    for name, counts in [*metrics["sources"].items(), ("all", metrics)]:
        removed = [
            f"{rule.replace('_', ' ')} {count['documents'] or _format_size(count)}"
            for rule, count in counts["removed"].items()
            if any(count.values())
        ]
        splits = [_format_count(counts[split], "\n") for split in SPLITS]
        table.add_row(name, _format_count(counts["in"], "\n"), "\n".join(removed), *splits, end_section=True)
    return table


def _format_count(count: dict[str, int], separator: str = ", ") -> str:
    return f"{count['documents']:,}{separator}{_format_size(count)}"


def _format_size(count: dict[str, int]) -> str:
    size = count["bytes"]
    return f"{size / 1e6:,.1f} MB" if abs(size) > 1e5 else f"{size / 1e3:,.1f} kB"


if __name__ == "__main__":
    run_stage(STAGE, main)
