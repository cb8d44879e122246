"""From sources to the corpus, in three steps of bounded memory.

Every document is read and looked at by itself (flow.py) and lies then in parts on disk (reading.py). All are
compared by numbers of theirs alone (choose.py). What stays is split and written (settle.py).
"""

from pathlib import Path

from pipeline.corpus.examine import Examiner
from pipeline.corpus.funnel import Sliced
from pipeline.corpus.params import CorpusParams
from pipeline.corpus.parts import Parts
from pipeline.corpus.reading import Progress, Reading
from pipeline.corpus.rules.contamination import Grams
from pipeline.corpus.settle import Settling, settled

SPARE = 1.1  # bytes to be read for one that is wanted, as copies go later


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
    grams = Grams.of((held or []) if params.rules.contamination else [])
    examiner = Examiner(params.rules, params.min_chars, seed, grams)
    shares = params.shares()
    wanted = {name: share * SPARE for name, share in shares.items()}
    reading = Reading(params, seed, Parts(scratch), examiner, root, workers, progress, wanted)
    while True:
        reading.run()
        settling = Settling(params, reading.parts, grams)
        short = [name for name in settling.short if reading.more(name)]
        if not short:
            return settled(settling, seed, reading, folder)
        for name in short:
            reading.want(name, (shares[name] - settling.short[name]) * 2 * SPARE)
