"""From sources to the corpus: read, clean, drop, split, write, in one pass and bounded memory.

Of a document only 64-bit hashes stay in memory: of its text, and of its id if it brings one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.corpus.clean import clean
from pipeline.corpus.cut import MAX_CHARS, cut
from pipeline.corpus.funnel import Funnel, total
from pipeline.corpus.ground_truth import write_ground_truth
from pipeline.corpus.hash_set import HashSet
from pipeline.corpus.ids import Ids, usable
from pipeline.corpus.params import CorpusParams, MiniworldSource
from pipeline.corpus.records import Record
from pipeline.corpus.sources import records
from pipeline.corpus.split import SPLITS, digest, split_of
from pipeline.corpus.write import SplitWriter
from pipeline.errors import UserError
from pipeline.turkish.normalise import duplicate_key

PROGRESS_DOCUMENTS = 1000
HINTS = {
    "unreadable": "set corpus.on_error: fail to see the first fault",
    "too_short": "lower corpus.min_chars",
    "duplicate": "remove the source: it repeats the ones before it",
    "over_budget": "its share of corpus.max_bytes is less than its first document: raise it or the weight",
}

Progress = Callable[[str, Funnel], None]


class Document(NamedTuple):
    """A document on its way into the corpus."""

    id: str
    text: str
    size: int  # UTF-8 bytes of the text
    split: str
    queries: tuple[str, ...]


def slice_corpus(
    params: CorpusParams, seed: int, folder: Path, root: Path = Path("."), progress: Progress | None = None
) -> dict[str, Any]:
    """Write train/, val/, test/ and miniworld/ into the empty `folder`; return the funnel as metrics.

    Of documents with equal `duplicate_key` the first stays, in the order of sources, files and rows.
    A source may keep its share of max_bytes (by weight) and is read no further when the next document
    would exceed it; what a short source leaves of its share goes to no other. A document's split
    depends on its own text, the seed and the fractions alone.

    `progress(source, counts)` is called after every thousand documents. Raises UserError for what
    cannot be read, for a source of which nothing is left, and for a split that stays empty.
    """
    slicer = Slicer(params, seed, root, progress)
    funnels = {name: Funnel() for name in params.sources}
    queries: list[tuple[str, str]] = []
    with ExitStack() as stack:
        writers = {split: stack.enter_context(closing(SplitWriter(folder / split))) for split in SPLITS}
        for name, funnel in funnels.items():
            for document in slicer.documents(name, funnel):
                writers[document.split].add(document.id, name, document.text, document.size)
                if document.split == "test":
                    queries += [(query, document.id) for query in document.queries]
            _check_source(name, funnel)
    everything = total(list(funnels.values()))
    _check_splits(everything, params)
    composed = [source.documents for source in params.sources.values() if isinstance(source, MiniworldSource)]
    rows = write_ground_truth(folder / "miniworld", seed, sum(composed), queries)
    sources = {name: funnel.metrics() for name, funnel in funnels.items()}
    return {**everything.metrics(), "miniworld": rows, "sources": sources}


class Slicer:
    """Applies the rules to one source after another and remembers which texts and ids there were."""

    def __init__(self, params: CorpusParams, seed: int, root: Path, progress: Progress | None) -> None:
        self._params = params
        self._seed = seed
        self._root = root
        self._progress = progress
        self._texts = HashSet()
        self._ids = Ids()

    def documents(self, name: str, funnel: Funnel) -> Iterator[Document]:
        """The documents of a source that pass every rule, each rule's work counted in `funnel`."""
        params = self._params
        share = budget_share(params, name)
        kept_bytes = 0
        for record in self._pieces(name, funnel):
            number = funnel.read.documents
            text = clean(record.text)
            size = len(text.encode("utf-8"))
            raw_size = size if text == record.text else len(record.text.encode("utf-8", "surrogatepass"))
            funnel.read.add(raw_size)
            funnel.removed["cleaning"].add(raw_size - size, documents=0)
            if self._progress and funnel.read.documents % PROGRESS_DOCUMENTS == 0:
                self._progress(name, funnel)
            if len(text) < params.min_chars:
                funnel.removed["too_short"].add(size)
                continue
            if share is not None and kept_bytes + size > share:
                funnel.removed["over_budget"].add(size)
                return
            key, choice = digest(duplicate_key(text), self._seed)
            if not self._texts.add(key):
                funnel.removed["duplicate"].add(size)
                continue
            split = split_of(choice, params.val_fraction, params.test_fraction)
            funnel.kept[split].add(size)
            kept_bytes += size
            yield Document(self._id(name, record, number), text, size, split, tuple(record.queries))

    def _pieces(self, name: str, funnel: Funnel) -> Iterator[Record]:
        """The records of a source, long ones in pieces; what cannot be read ends the run or is counted."""
        for record in records(name, self._params.sources[name], self._seed, self._root):
            if isinstance(record, Record):
                if len(record.text) <= MAX_CHARS:
                    yield record
                else:
                    yield from (record._replace(text=piece) for piece in cut(record.text))
            elif self._params.on_error == "skip":
                funnel.read.add(0)
                funnel.removed["unreadable"].add(0)
            else:
                raise UserError(f"{record.message}, or set corpus.on_error: skip")

    def _id(self, name: str, record: Record, number: int) -> str:
        own = usable(record.id)
        if own is None:
            return self._ids.numbered(name, number)
        is_whole = isinstance(self._params.sources[name], MiniworldSource)  # its queries refer to it
        return self._ids.own(own if is_whole else f"{name}-{own}", number)


def budget_share(params: CorpusParams, name: str) -> int | None:
    """UTF-8 bytes of text that a source may keep; None: all it has."""
    if params.max_bytes is None:
        return None
    weights = sum(source.weight for source in params.sources.values())
    return int(params.max_bytes * params.sources[name].weight / weights)


def _check_source(name: str, funnel: Funnel) -> None:
    """Refuse a source that adds nothing: it is not what its owner meant."""
    documents = funnel.read.documents
    if not documents:
        raise UserError(f"corpus.sources.{name}: no text in its files; put text there or remove the source")
    if not funnel.total_kept().documents:
        removed = {rule: count.documents for rule, count in funnel.removed.items() if count.documents}
        listed = ", ".join(f"{rule} {count}" for rule, count in removed.items())
        hint = HINTS[max(removed, key=lambda rule: removed[rule])]
        raise UserError(f"corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}")


def _check_splits(everything: Funnel, params: CorpusParams) -> None:
    documents = everything.total_kept().documents
    more = "or add text (in a .txt, a blank line ends a document)"
    for split, fraction in (("val", params.val_fraction), ("test", params.test_fraction)):
        if not everything.kept[split].documents:
            key = f"corpus.{split}_fraction: {fraction}"
            raise UserError(f"{key} of {documents} documents left {split} empty; raise it {more}")
    if not everything.kept["train"].documents:
        raise UserError(
            f"corpus.val_fraction and test_fraction: of {documents} documents none is left for train; "
            f"lower them {more}"
        )
