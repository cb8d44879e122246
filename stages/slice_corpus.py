"""Stage 1: slice a corpus from the sources into train, val and test."""

from pipeline.common import errors

errors.install()

from rich.console import Console

from pipeline.common.fingerprint import remove_checkpoints
from pipeline.common.i18n import translate, translate_table
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS, REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.fingerprint import read_fingerprint
from pipeline.corpus.params import CorpusParams
from pipeline.corpus.report import progress_line, stats_table, write_report
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import read_all_texts
from pipeline.eval_sets.tasks import load_task_files


def main() -> None:
    """Read the sources, filter and deduplicate their documents, and write the splits.

    Reads params `seed`, `corpus`, `eval.tasks` and `eval.data_seed`, data/raw/corpus, and the texts of tasks/
    in data/raw/eval, which it leaves out. Writes data/corpus/{train,val,test,miniworld} and
    reports/slice_corpus.
    """
    params, eval_params = load_section("corpus", CorpusParams), load_section("eval", EvalParams)
    seed, tasks = eval_params.choose_data_seed(load_seed()), load_task_files(eval_params)
    workers = load_section("runtime", RuntimeParams).workers

    eval_texts = read_all_texts(tasks if params.rules.contamination else {})
    fingerprint = read_fingerprint(params, seed, eval_texts)

    console = Console()
    with atomic_folder(CORPUS) as folder, console.status(translate("reading …")) as status:
        result = slice_corpus(
            params,
            seed,
            folder,
            scratch=fingerprint.folder,
            eval_texts=eval_texts,
            workers=workers,
            progress=lambda source, stats: status.update(translate(progress_line(source, stats))),
        )
    write_report(result, REPORTS / "slice_corpus")
    write_metrics("slice_corpus", result.metrics)
    remove_checkpoints("slice_corpus")

    for note in result.notes:
        console.print(translate(note))
    console.print(translate_table(stats_table(result.metrics)))


if __name__ == "__main__":
    run_stage("slice_corpus", main)
