"""From the sources to the corpus, in steps of bounded memory.

1. Ingest: each document is read and filtered by itself and staged on disk (ingest.py, executor.py).
2. Deduplicate: documents are compared, by numbers alone (select.py, dedup/).
3. Apply the byte budgets, where corpus.max_bytes sets them (byte_budget.py). What is not filled is read on.
4. Write the documents into their splits (write.py).
"""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.corpus.byte_budget import apply_byte_budgets, available_bytes
from pipeline.corpus.checks import check_byte_budgets
from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.ingest import Ingest, Progress
from pipeline.corpus.params import CorpusParams, UrlsSource
from pipeline.corpus.select import deduplicate
from pipeline.corpus.staging import Documents, StagingArea
from pipeline.corpus.stats import CorpusResult
from pipeline.corpus.write import write_corpus
from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.text.clean import clean
from pipeline.text.personal_data import mask_personal_data


def slice_corpus(
    params: CorpusParams,
    seed: int,
    folder: Path,
    scratch: Path,
    root: Path = Path("."),
    eval_texts: list[str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> CorpusResult:
    """Write train/, val/, test/ and miniworld/ into the empty `folder`; return the metrics and the report.

    `scratch` holds the staging area, from which a killed run resumes. `eval_texts` are the texts of the
    evaluation sets. With max_bytes each source has a byte budget by its weight, filled from all of the
    source. A document's split depends on its own text, the seed and the fractions alone.

    `progress(source, stats)` is called now and then. Raises UserError for what cannot be read, for a source
    of which nothing is left or which has less than its budget, and for a split that stays empty.
    """
    eval_ngrams = EvalNgrams.from_texts(normalize_eval_texts(params, eval_texts or []))
    filters = FilterPipeline(params.rules, params.min_chars, seed, eval_ngrams)
    staging = StagingArea(scratch)
    ingest = Ingest(params, seed, staging, filters, root, workers, progress)
    budgets = params.byte_budgets()
    while True:
        ingest.run()
        documents = Documents.load(staging, list(params.sources))
        selection = deduplicate(documents, staging, params, eval_ngrams)
        available = available_bytes(selection, params)
        unfilled = [name for name, budget in budgets.items() if available[name] < budget]
        can_read_on = all(map(ingest.has_unread_shards, unfilled))
        if not unfilled or not can_read_on:  # a source that cannot be filled is an error below
            break
        for name in unfilled:
            ingest.request_more(name, available[name])
    try:
        check_byte_budgets(params, available, selection, ingest.stats, ingest.examples)
        apply_byte_budgets(selection, staging, params)
        return write_corpus(selection, ingest, folder)
    except UserError:
        if any(isinstance(source, UrlsSource) for source in params.sources.values()):
            staging.clear()  # links that could not be fetched now may work tomorrow
        raise


def normalize_eval_texts(params: CorpusParams, eval_texts: list[str]) -> list[str]:
    """Return the texts of the evaluation sets in the form of filtered documents; none without that rule."""
    if not params.rules.contamination:
        return []
    texts = [clean(text) for text in eval_texts]
    return [mask_personal_data(text) for text in texts] if params.rules.personal_data else texts
