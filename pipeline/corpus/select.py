"""The last of the three steps: what stays of the documents in the parts, split and written."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.corpus.byte_budget import within
from pipeline.corpus.dedup import paragraphs
from pipeline.corpus.dedup.exact import duplicates
from pipeline.corpus.dedup.near_duplicates import groups, near_copies
from pipeline.corpus.document_ids import Ids, usable
from pipeline.corpus.filters.decontaminate import Grams
from pipeline.corpus.filters.text_batch import LaidOut
from pipeline.corpus.ingest import Reading
from pipeline.corpus.params import CorpusParams, MiniworldSource
from pipeline.corpus.staging import Documents, Parts, list_values
from pipeline.corpus.stats import EXCERPT, Examples, Funnel, Sliced, total
from pipeline.data.splits import SPLITS, split_of
from pipeline.data.writer import SplitWriter
from pipeline.miniworld.export import write_ground_truth

EXACT = 0.99  # of its share a source should fill
SHOWN = 20  # repeated paragraphs in the report
HINTS = {
    "too_short": "lower corpus.min_chars",
    "duplicate": "remove the source: it repeats the ones before it",
    "over_budget": "its share of corpus.max_bytes is less than its shortest document: raise it or the weight",
}


def settled(settling: "Settling", seed: int, reading: Reading, folder: Path) -> Sliced:
    """Write the corpus into the empty `folder` (see slice.py)."""
    params, funnels = settling.params, reading.funnels
    if settling.short:
        raise settling.too_little(funnels, reading.examples)
    queries: list[tuple[str, str]] = []
    ids, lengths = Ids(), Counter[int]()
    with ExitStack() as stack:
        writers = {split: stack.enter_context(closing(SplitWriter(folder / split))) for split in SPLITS}
        for row in settling.rows(funnels, reading.examples):
            name, text = row["source"], row["text"]
            size = len(text.encode("utf-8"))
            split = split_of(row["choice"], params.val_fraction, params.test_fraction)
            id = new_id(ids, row, isinstance(params.sources[name], MiniworldSource))
            writers[split].add(id, name, text, size)
            funnels[name].kept[split].add(size)
            lengths[1 << len(text).bit_length()] += 1
            if split == "test":
                queries += [(query, id) for query in row["queries"]]
    for name, funnel in funnels.items():
        check_source(name, funnel, reading.examples)
    everything = total(list(funnels.values()))
    check_splits(everything, params)
    notes = [
        f"corpus.sources.{name}: keeps {funnels[name].total_kept().bytes} bytes of its share of {share};"
        " its documents are too long to fill it"
        for name, share in params.shares().items()
        if funnels[name].total_kept().bytes < EXACT * share
    ]
    composed = [source.documents for source in params.sources.values() if isinstance(source, MiniworldSource)]
    rows = write_ground_truth(folder / "miniworld", seed, sum(composed), queries)
    metrics = {
        **everything.metrics(),
        "miniworld": rows,
        "sources": {name: funnel.metrics() for name, funnel in funnels.items()},
    }
    paragraphs = sorted(settling.paragraphs.values(), reverse=True)
    return Sliced(metrics, [*reading.state["notes"], *notes], dict(lengths), paragraphs, reading.examples)


def new_id(ids: Ids, row: dict[str, Any], composed: bool) -> str:
    """The document's id in the corpus; the miniworld's own stay, as its queries refer to them."""
    own = usable(row["id"])
    if own is None:
        return ids.numbered(row["source"], row["number"])
    return ids.own(own if composed else f"{row['source']}-{own}", row["number"])


class Settling:
    """Decides document by document, rule after rule; each looks only at what the ones before it have left."""

    def __init__(self, params: CorpusParams, parts: Parts, grams: Grams) -> None:
        self.params, self.parts = params, parts
        rules, documents = params.rules, Documents.of(parts, list(params.sources))
        self.documents = documents
        count = len(documents.size)
        self.alive = np.ones(count, bool)
        self.removed_by: dict[str, np.ndarray] = {}
        self._remove("duplicate", duplicates(documents))
        group = groups(parts.signatures(), self.alive) if rules.near_copies else np.arange(count)
        if rules.contamination:
            self._remove("contamination", contaminated(parts, grams, self.alive, group))
        self._remove("near_copies", near_copies(group, documents.size, self.alive))
        self.repeated = paragraphs.Repeated(*np.empty((2, 0), np.uint64))
        if rules.repeated_paragraphs:
            self.repeated = paragraphs.repeated_paragraphs(parts, self.alive)
        sizes = self._keep_paragraphs()
        self.most = set(np.argsort(-self.repeated.documents.astype(np.int64))[:SHOWN].tolist())
        # Those that most documents have: how many, and the text.
        self.paragraphs: dict[int, tuple[int, str]] = {}
        of = {name: documents.source == place for place, name in enumerate(params.sources)}
        shares = params.shares()
        self.there = {name: int(sizes[self.alive & here].sum()) for name, here in of.items()}
        self.short = {name: self.there[name] for name, share in shares.items() if self.there[name] < share}
        while self._fit(sizes, of, shares):
            sizes = self._keep_paragraphs()  # another document keeps the paragraphs of what is gone now

    def _fit(self, sizes: np.ndarray, of: dict[str, np.ndarray], shares: dict[str, int]) -> bool:
        """Remove what is more than each source's share; whether anything was."""
        over = np.zeros(len(sizes), bool)
        for name, share in shares.items():
            here = self.alive & of[name]
            over |= here & ~within(self.documents.key, sizes, here, share)
        return self._remove("over_budget", over)

    def _keep_paragraphs(self) -> np.ndarray:
        """Choose the documents in which repeated paragraphs stay; the bytes of each without the others.

        A document of which too little is left goes, and may have kept some: they are chosen anew.
        """
        while len(self.repeated.hashes):
            sizes, lengths = self.documents.size.copy(), self.documents.length.copy()
            self.keepers = paragraphs.keepers(self.parts, self.repeated, self.alive)
            for document, bytes, characters in paragraphs.shared(self.parts, self.repeated, self.keepers):
                np.subtract.at(sizes, document, bytes)
                np.subtract.at(lengths, document, characters)
            small = (lengths < self.params.min_chars) & (lengths < self.documents.length)
            if not self._remove("repeated_paragraphs", small):
                return sizes
        return self.documents.size

    def _remove(self, rule: str, bad: np.ndarray) -> bool:
        """Remove documents, if they live still; whether any was."""
        bad = bad & self.alive
        self.removed_by[rule] = bad | self.removed_by.get(rule, False)
        self.alive &= ~bad
        return bool(bad.any())

    def too_little(self, funnels: dict[str, Funnel], examples: Examples) -> UserError:
        """What to say of a source that has less than its share."""
        params, (name, there) = self.params, next(iter(self.short.items()))
        if not there:
            here = self.documents.source == list(params.sources).index(name)
            removed = {rule: count.documents for rule, count in funnels[name].removed.items()}
            removed |= {rule: int((bad & here).sum()) for rule, bad in self.removed_by.items()}
            return none_left(name, funnels[name].read.documents, removed, examples)
        shares, budget = params.shares(), params.max_bytes or 0
        most = min(int(self.there[other] * budget / share) for other, share in shares.items() if share)
        return UserError(
            f"corpus.max_bytes: {budget}: source {name} has {there} bytes after the rules, less than its"
            f" share of {shares[name]}; lower max_bytes to {most}, lower the weight, or set max_bytes to null"
        )

    def rows(self, funnels: dict[str, Funnel], examples: Examples) -> Iterator[dict[str, Any]]:
        """The documents that stay, in the order of the sources, without repeated paragraphs. All others are
        counted on the way.
        """
        number = 0
        for table in self.parts.tables():
            for row in table.drop_columns(["bytes", "characters", "grams"]).to_pylist():
                if self.alive[number]:
                    yield {**row, "text": self._without_repeated(row, number, funnels)}
                else:
                    rule = next(rule for rule, bad in self.removed_by.items() if bad[number])
                    funnels[row["source"]].removed[rule].add(row["size"])
                    examples.add(rule, f"{row['source']}-{row['number']}", row["text"])
                number += 1

    def _without_repeated(self, row: dict[str, Any], number: int, funnels: dict[str, Funnel]) -> str:
        """The text without paragraphs that another document keeps."""
        repeated = self.repeated
        values = np.array(row["paragraphs"], np.uint64)
        known, places = repeated.found(values)
        there = list(zip(values[known].tolist(), places[known].tolist(), strict=True))
        if not there:
            return row["text"]
        batch = LaidOut([row["text"]])
        lines = list(zip(row["text"].split("\n"), batch.hashes(batch.lines).tolist(), strict=True))
        gone = {value for value, place in there if self.keepers[place] != number}
        for value, place in there:
            if value not in gone and place in self.most:
                line = next(line for line, own in lines if own == value)
                self.paragraphs[place] = int(repeated.documents[place]), line[:EXCERPT]
        if not gone:
            return row["text"]
        text = "\n".join(line for line, value in lines if value not in gone)
        lost = row["size"] - len(text.encode("utf-8"))
        funnels[row["source"]].removed["repeated_paragraphs"].add(lost, documents=0)
        return text


def contaminated(parts: Parts, grams: Grams, alive: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Which of the living documents give a text of the evaluation sets away; `group`: see `groups`."""
    found = list(list_values(parts, "grams"))
    document = np.concatenate([document for document, _ in found])
    gram = np.concatenate([gram for _, gram in found])
    there = alive[document]
    return grams.given_away(document[there], gram[there], group)


def check_source(name: str, funnel: Funnel, examples: Examples) -> None:
    """Refuse a source that adds nothing: it is not what its owner meant."""
    if not funnel.total_kept().documents:
        removed = {rule: count.documents for rule, count in funnel.removed.items()}
        raise none_left(name, funnel.read.documents, removed, examples)


def none_left(name: str, documents: int, removed: dict[str, int], examples: Examples) -> UserError:
    """What to say of a source of whose documents so many were removed by each rule, and none is left."""
    if not documents:
        return UserError(f"corpus.sources.{name}: no text in its files; put text there or remove the source")
    removed = {rule: count for rule, count in removed.items() if count}
    listed = ", ".join(f"{rule} {count}" for rule, count in removed.items())
    most = max(removed, key=lambda rule: removed[rule])
    hint = HINTS.get(most, f"spare it that rule: corpus.sources.{name}.without: [{most}]")
    if most == "unreadable":
        told = (text for _, id, text in examples.of_rule.get(most, []) if id.startswith(f"{name}-"))
        hint = f"such as: {next(told, '')}"
    return UserError(f"corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}")


def check_splits(everything: Funnel, params: CorpusParams) -> None:
    """Refuse a corpus one of whose splits is empty."""
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
