"""From sources to the corpus, in three steps of bounded memory.

Every document is read and looked at by itself (flow.py) and lies then in parts on disk (reading.py). All are
compared by numbers of theirs alone (choose.py). What stays is split and written (settle.py).
"""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.corpus.filters.apply import Examiner
from pipeline.corpus.filters.decontaminate import Grams
from pipeline.corpus.filters.pii import without_personal_data
from pipeline.corpus.ingest import Progress, Reading
from pipeline.corpus.params import CorpusParams, UrlsSource
from pipeline.corpus.select import Settling, settled
from pipeline.corpus.staging import Parts
from pipeline.corpus.stats import Sliced
from pipeline.text.clean import clean
from pipeline.text.repair import repair


def slice_corpus(
    params: CorpusParams,
    seed: int,
    folder: Path,
    scratch: Path,
    root: Path = Path("."),
    held: list[str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Sliced:
    """Write train/, val/, test/ and miniworld/ into the empty `folder`; return what to tell of it.

    `scratch` keeps what a killed run goes on from; `held` are the texts of the evaluation sets. Of documents
    with equal `duplicate_key` the first stays, in the order in which they are read. A source may keep its
    share of max_bytes (by weight), drawn from all of it. A document's split depends on its own text, the seed
    and the fractions alone.

    `progress(source, counts)` is called now and then. Raises UserError for what cannot be read, for a source
    of which nothing is left or which has less than its share, and for a split that stays empty.
    """
    grams = Grams.of_texts(looked_for(params, held or []))
    examiner = Examiner(params.rules, params.min_chars, seed, grams)
    reading = Reading(params, seed, Parts(scratch), examiner, root, workers, progress)
    while True:
        reading.run()
        settling = Settling(params, reading.parts, grams)
        if not all(map(reading.more, settling.short)) or not settling.short:
            break
        for name in settling.short:
            reading.want(name, settling.there[name])
    try:
        return settled(settling, seed, reading, folder)
    except UserError:
        if any(isinstance(source, UrlsSource) for source in params.sources.values()):
            reading.parts.forget()  # links that were not to be had may be tomorrow
        raise


def looked_for(params: CorpusParams, held: list[str]) -> list[str]:
    """The texts of the evaluation sets in the form that documents have by then; none without that rule."""
    if not params.rules.contamination:
        return []
    texts = [clean(repair(text)) for text in held]
    return [without_personal_data(text) for text in texts] if params.rules.personal_data else texts
