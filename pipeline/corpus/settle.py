"""The last of the three steps: what stays of the documents in the parts, split and written."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus import choose
from pipeline.corpus.choose import Documents
from pipeline.corpus.funnel import Examples, Funnel, total
from pipeline.corpus.ground_truth import write_ground_truth
from pipeline.corpus.ids import Ids, usable
from pipeline.corpus.laid_out import LaidOut
from pipeline.corpus.params import CorpusParams, MiniworldSource
from pipeline.corpus.parts import Parts
from pipeline.corpus.reading import Reading
from pipeline.corpus.rules.contamination import Grams
from pipeline.corpus.split import SPLITS, split_of
from pipeline.corpus.write import SplitWriter
from pipeline.errors import UserError

HINTS = {
    "unreadable": "set corpus.on_error: fail to see the first fault",
    "too_short": "lower corpus.min_chars",
    "duplicate": "remove the source: it repeats the ones before it",
    "over_budget": "its share of corpus.max_bytes is less than its shortest document: raise it or the weight",
}


def settled(settling: "Settling", seed: int, reading: Reading, folder: Path) -> dict[str, Any]:
    """Write the corpus into the empty `folder` and give its metrics (see slice.py)."""
    params, funnels = settling.params, reading.funnels
    if settling.short:
        raise settling.too_little()
    queries: list[tuple[str, str]] = []
    ids = Ids()
    with ExitStack() as stack:
        writers = {split: stack.enter_context(closing(SplitWriter(folder / split))) for split in SPLITS}
        for row in settling.rows(funnels, reading.examples):
            name, text = row["source"], row["text"]
            size = len(text.encode("utf-8"))
            split = split_of(row["choice"], params.val_fraction, params.test_fraction)
            id = new_id(ids, row, isinstance(params.sources[name], MiniworldSource))
            writers[split].add(id, name, text, size)
            funnels[name].kept[split].add(size)
            if split == "test":
                queries += [(query, id) for query in row["queries"]]
    for name, funnel in funnels.items():
        check_source(name, funnel)
    everything = total(list(funnels.values()))
    check_splits(everything, params)
    composed = [source.documents for source in params.sources.values() if isinstance(source, MiniworldSource)]
    rows = write_ground_truth(folder / "miniworld", seed, sum(composed), queries)
    return {
        **everything.metrics(),
        "miniworld": rows,
        "notes": reading.state["notes"],
        "sources": {name: funnel.metrics() for name, funnel in funnels.items()},
    }


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
        self._remove("duplicate", choose.duplicates(documents))
        if rules.contamination:
            self._remove("contamination", choose.contaminated(parts, grams, self.alive))
        if rules.near_copies:
            self._remove("near_copies", choose.near_copies(parts, documents, self.alive))
        self.repeated, self.keeper = np.empty(0, np.uint64), np.empty(0, np.int64)
        self.sizes = documents.size.copy()
        if rules.repeated_paragraphs:
            self.repeated, self.keeper = choose.repeated_paragraphs(parts, self.alive)
            for document, bytes in choose.shared(parts, self.repeated, self.keeper):
                np.subtract.at(self.sizes, document, bytes)
        sources = [documents.source == place for place in range(len(params.sources))]
        there = {
            name: int(self.sizes[self.alive & here].sum())
            for name, here in zip(params.sources, sources, strict=True)
        }
        shares = params.shares()
        self.short = {name: there[name] for name, share in shares.items() if there[name] < share}
        self.there = there
        over = np.zeros(count, bool)
        for here, share in zip(sources, shares.values(), strict=False):
            over |= here & ~choose.within(documents.choice, self.sizes, self.alive & here, share)
        self._remove("over_budget", over)

    def _remove(self, rule: str, bad: np.ndarray) -> None:
        bad = bad & self.alive
        self.removed_by[rule] = bad
        self.alive &= ~bad

    def too_little(self) -> UserError:
        """What to say of a source that has less than its share."""
        params, (name, there) = self.params, next(iter(self.short.items()))
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
            for row in table.drop_columns(["widths", "grams"]).to_pylist():
                if self.alive[number]:
                    if (text := self._without_repeated(row, number, funnels)) is not None:
                        yield {**row, "text": text}
                    else:
                        examples.add("repeated_paragraphs", f"{row['source']}-{row['number']}", row["text"])
                else:
                    rule = next(rule for rule, bad in self.removed_by.items() if bad[number])
                    funnels[row["source"]].removed[rule].add(row["size"])
                    examples.add(rule, f"{row['source']}-{row['number']}", row["text"])
                number += 1

    def _without_repeated(self, row: dict[str, Any], number: int, funnels: dict[str, Funnel]) -> str | None:
        """The text without paragraphs that another document keeps; None where too little is left."""
        found = np.searchsorted(self.repeated, np.array(row["paragraphs"], np.uint64))
        gone = {
            value
            for value, place in zip(row["paragraphs"], found, strict=True)
            if place < len(self.repeated) and self.repeated[place] == value and self.keeper[place] != number
        }
        if not gone:
            return row["text"]
        batch = LaidOut([row["text"]])
        hashes = batch.hashes(batch.lines).tolist()
        lines = row["text"].split("\n")
        text = "\n".join(line for line, value in zip(lines, hashes, strict=True) if value not in gone)
        removed = funnels[row["source"]].removed["repeated_paragraphs"]
        if len(text) < self.params.min_chars:
            removed.add(row["size"])
            return None
        removed.add(row["size"] - len(text.encode("utf-8")), documents=0)
        return text


def check_source(name: str, funnel: Funnel) -> None:
    """Refuse a source that adds nothing: it is not what its owner meant."""
    documents = funnel.read.documents
    if not documents:
        raise UserError(f"corpus.sources.{name}: no text in its files; put text there or remove the source")
    if not funnel.total_kept().documents:
        removed = {rule: count.documents for rule, count in funnel.removed.items() if count.documents}
        listed = ", ".join(f"{rule} {count}" for rule, count in removed.items())
        most = max(removed, key=lambda rule: removed[rule])
        hint = HINTS.get(most, f"spare it that rule: corpus.sources.{name}.without: [{most}]")
        raise UserError(f"corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}")


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
