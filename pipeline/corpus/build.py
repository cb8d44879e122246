"""From the sources to the corpus, in three steps of bounded memory.

1. Each document is read and filtered by itself (executor.py) and staged on disk (ingest.py, staging.py).
2. The documents to keep are selected, by numbers alone (select.py, with dedup/ and byte_budget.py).
3. The selected documents are written into their splits (select.py).
"""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.filters.decontaminate import EvalNgrams
from pipeline.corpus.filters.pii import mask_personal_data
from pipeline.corpus.ingest import Ingest, Progress
from pipeline.corpus.params import CorpusParams, UrlsSource
from pipeline.corpus.select import Selection, write_corpus
from pipeline.corpus.staging import StagingArea
from pipeline.corpus.stats import CorpusResult
from pipeline.text.clean import clean
from pipeline.text.repair import repair


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
    evaluation sets. Of documents with equal `duplicate_key` the first in reading order stays. With max_bytes
    each source has a byte budget by its weight, filled from all of the source. A document's split depends on
    its own text, the seed and the fractions alone.

    `progress(source, stats)` is called now and then. Raises UserError for what cannot be read, for a source
    of which nothing is left or which has less than its budget, and for a split that stays empty.
    """
    eval_ngrams = EvalNgrams.from_texts(normalize_eval_texts(params, eval_texts or []))
    filters = FilterPipeline(params.rules, params.min_chars, seed, eval_ngrams)
    ingest = Ingest(params, seed, StagingArea(scratch), filters, root, workers, progress)
    while True:
        ingest.run()
        selection = Selection(params, ingest.staging, eval_ngrams)
        unfilled = selection.unfilled_sources
        if not unfilled or not all(map(ingest.has_unread_shards, unfilled)):
            break
        for name in unfilled:
            ingest.request_more(name, selection.available_bytes[name])
    try:
        return write_corpus(selection, seed, ingest, folder)
    except UserError:
        if any(isinstance(source, UrlsSource) for source in params.sources.values()):
            ingest.staging.clear()  # links that could not be fetched now may work tomorrow
        raise


def normalize_eval_texts(params: CorpusParams, eval_texts: list[str]) -> list[str]:
    """Return the texts of the evaluation sets in the form of filtered documents; none without that rule."""
    if not params.rules.contamination:
        return []
    texts = [clean(repair(text)) for text in eval_texts]
    return [mask_personal_data(text) for text in texts] if params.rules.personal_data else texts
