"""Steps 2 and 3 of slice_corpus: select among the staged documents, then write the splits.

The selection deduplicates documents and paragraphs, removes text of the evaluation sets, and applies the byte
budgets of corpus.max_bytes.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.corpus.byte_budget import select_within_budget
from pipeline.corpus.dedup.exact import find_duplicates
from pipeline.corpus.dedup.near_duplicates import find_near_duplicates, group_near_duplicates
from pipeline.corpus.dedup.paragraphs import (
    RepeatedParagraphs,
    find_paragraph_owners,
    find_repeated_paragraphs,
    removed_paragraphs,
)
from pipeline.corpus.document_ids import DocumentIds, clean_record_id
from pipeline.corpus.filters.decontaminate import EvalNgrams
from pipeline.corpus.filters.text_batch import TextBatch
from pipeline.corpus.ingest import Ingest
from pipeline.corpus.params import CorpusParams, MiniworldSource
from pipeline.corpus.staging import Documents, StagingArea, list_values
from pipeline.corpus.stats import EXCERPT_CHARS, CorpusResult, Examples, SourceStats, sum_stats
from pipeline.data.splits import SPLITS, choose_split
from pipeline.data.writer import SplitWriter
from pipeline.miniworld.export import write_ground_truth

MIN_FILLED = 0.99  # of its byte budget that a source should fill, or a note says so
REPORTED_PARAGRAPHS = 20  # the most frequent ones
HINTS = {
    "too_short": "lower corpus.min_chars",
    "duplicate": "remove the source: it repeats the ones before it",
    "over_budget": "its share of corpus.max_bytes is less than its shortest document: raise it or the weight",
}


def write_corpus(selection: "Selection", seed: int, ingest: Ingest, folder: Path) -> CorpusResult:
    """Write the selected documents into the empty `folder` (see build.py)."""
    params, stats = selection.params, ingest.stats
    if selection.unfilled_sources:
        raise selection.unfilled_error(stats, ingest.examples)
    queries: list[tuple[str, str]] = []
    ids, length_histogram = DocumentIds(), Counter[int]()
    with ExitStack() as stack:
        writers = {split: stack.enter_context(closing(SplitWriter(folder / split))) for split in SPLITS}
        for row in selection.kept_rows(stats, ingest.examples):
            name, text = row["source"], row["text"]
            size = len(text.encode("utf-8"))
            split = choose_split(row["choice"], params.val_fraction, params.test_fraction)
            id = make_document_id(ids, row, isinstance(params.sources[name], MiniworldSource))
            writers[split].add(id, name, text, size)
            stats[name].kept[split].add(size)
            length_histogram[1 << len(text).bit_length()] += 1
            if split == "test":
                queries += [(query, id) for query in row["queries"]]
    for name, source_stats in stats.items():
        check_source(name, source_stats, ingest.examples)
    totals = sum_stats(list(stats.values()))
    check_splits(totals, params)
    notes = [
        f"corpus.sources.{name}: keeps {stats[name].total_kept().bytes} bytes of its share of {budget};"
        " its documents are too long to fill it"
        for name, budget in params.byte_budgets().items()
        if stats[name].total_kept().bytes < MIN_FILLED * budget
    ]
    miniworld_documents = sum(
        source.documents for source in params.sources.values() if isinstance(source, MiniworldSource)
    )
    miniworld = write_ground_truth(folder / "miniworld", seed, miniworld_documents, queries)
    metrics = {
        **totals.metrics(),
        "miniworld": miniworld,
        "sources": {name: source_stats.metrics() for name, source_stats in stats.items()},
    }
    frequent_paragraphs = sorted(selection.frequent_paragraphs.values(), reverse=True)
    return CorpusResult(
        metrics,
        [*ingest.state.notes, *notes],
        dict(length_histogram),
        frequent_paragraphs,
        ingest.examples,
    )


def make_document_id(ids: DocumentIds, row: dict[str, Any], is_miniworld: bool) -> str:
    """Return the document's id in the corpus; the miniworld's own ids stay, as its queries refer to them."""
    own = clean_record_id(row["id"])
    if own is None:
        return ids.from_number(row["source"], row["number"])
    return ids.from_record(own if is_miniworld else f"{row['source']}-{own}", row["number"])


class Selection:
    """The documents to keep, chosen rule by rule; each rule sees only what those before it have kept.

    `kept` is the mask of these documents. `available_bytes` holds for each source what was kept before the
    byte budgets were applied, and `unfilled_sources` the same for sources that have less than their budgets.
    """

    def __init__(self, params: CorpusParams, staging: StagingArea, eval_ngrams: EvalNgrams) -> None:
        self.params, self.staging = params, staging
        rules, documents = params.rules, Documents.load(staging, list(params.sources))
        self.documents = documents
        count = len(documents.size)
        self.kept = np.ones(count, bool)
        self.removed_by_rule: dict[str, np.ndarray] = {}
        self._remove("duplicate", find_duplicates(documents))
        group = np.arange(count)
        if rules.near_copies:
            group = group_near_duplicates(staging.signature_readers(), self.kept)
        if rules.contamination:
            self._remove("contamination", find_contaminated(staging, eval_ngrams, self.kept, group))
        self._remove("near_copies", find_near_duplicates(group, documents.size, self.kept))
        self.repeated = RepeatedParagraphs(*np.empty((2, 0), np.uint64))
        if rules.repeated_paragraphs:
            self.repeated = find_repeated_paragraphs(staging, self.kept)
        sizes = self._assign_paragraphs()
        by_frequency = np.argsort(-self.repeated.documents.astype(np.int64))
        self.reported = set(by_frequency[:REPORTED_PARAGRAPHS].tolist())
        # The reported paragraphs: (documents that have it, text).
        self.frequent_paragraphs: dict[int, tuple[int, str]] = {}
        in_source = {name: documents.source == i for i, name in enumerate(params.sources)}
        budgets = params.byte_budgets()
        self.available_bytes = {name: int(sizes[self.kept & mask].sum()) for name, mask in in_source.items()}
        self.unfilled_sources = {
            name: self.available_bytes[name]
            for name, budget in budgets.items()
            if self.available_bytes[name] < budget
        }
        while self._apply_budgets(sizes, in_source, budgets):
            sizes = self._assign_paragraphs()  # paragraphs of removed documents get other owners

    def _apply_budgets(
        self, sizes: np.ndarray, in_source: dict[str, np.ndarray], budgets: dict[str, int]
    ) -> bool:
        """Remove what exceeds each source's budget; return whether anything was removed."""
        is_over = np.zeros(len(sizes), bool)
        for name, budget in budgets.items():
            candidates = self.kept & in_source[name]
            is_over |= candidates & ~select_within_budget(self.documents.key, sizes, candidates, budget)
        return self._remove("over_budget", is_over)

    def _assign_paragraphs(self) -> np.ndarray:
        """Choose the document that keeps each repeated paragraph; return the bytes left of each document.

        Documents of which too little is left are removed. As they may own paragraphs, owners are then chosen
        again.
        """
        while len(self.repeated.hashes):
            sizes, lengths = self.documents.size.copy(), self.documents.length.copy()
            self.paragraph_owner = find_paragraph_owners(self.staging, self.repeated, self.kept)
            for document, bytes, characters in removed_paragraphs(
                self.staging, self.repeated, self.paragraph_owner
            ):
                np.subtract.at(sizes, document, bytes)
                np.subtract.at(lengths, document, characters)
            too_short = (lengths < self.params.min_chars) & (lengths < self.documents.length)
            if not self._remove("repeated_paragraphs", too_short):
                return sizes
        return self.documents.size

    def _remove(self, rule: str, mask: np.ndarray) -> bool:
        """Remove the documents of a mask that are kept so far; return whether there were any."""
        mask = mask & self.kept
        self.removed_by_rule[rule] = mask | self.removed_by_rule.get(rule, False)
        self.kept &= ~mask
        return bool(mask.any())

    def unfilled_error(self, stats: dict[str, SourceStats], examples: Examples) -> UserError:
        """Return the error for the first source that has less than its budget."""
        params, (name, available) = self.params, next(iter(self.unfilled_sources.items()))
        if not available:
            in_source = self.documents.source == list(params.sources).index(name)
            removed = {rule: count.documents for rule, count in stats[name].removed.items()}
            removed |= {rule: int((mask & in_source).sum()) for rule, mask in self.removed_by_rule.items()}
            return empty_source_error(name, stats[name].read.documents, removed, examples)
        budgets, total = params.byte_budgets(), params.max_bytes or 0
        lower = min(
            int(self.available_bytes[other] * total / budget) for other, budget in budgets.items() if budget
        )
        return UserError(
            f"corpus.max_bytes: {total}: source {name} has {available} bytes after the rules, less"
            f" than its share of {budgets[name]}; lower max_bytes to {lower}, lower the weight, or set"
            " max_bytes to null"
        )

    def kept_rows(self, stats: dict[str, SourceStats], examples: Examples) -> Iterator[dict[str, Any]]:
        """Yield the kept documents, in the order of the sources, without the repeated paragraphs they lose.

        The removed ones are counted on the way.
        """
        number = 0
        for table in self.staging.tables():
            for row in table.drop_columns(["bytes", "characters", "grams"]).to_pylist():
                if self.kept[number]:
                    yield {**row, "text": self._remove_paragraphs(row, number, stats)}
                else:
                    rule = next(rule for rule, mask in self.removed_by_rule.items() if mask[number])
                    stats[row["source"]].removed[rule].add(row["size"])
                    examples.add(rule, f"{row['source']}-{row['number']}", row["text"])
                number += 1

    def _remove_paragraphs(self, row: dict[str, Any], number: int, stats: dict[str, SourceStats]) -> str:
        """Return the text of document `number` without the paragraphs that another document owns."""
        hashes = np.array(row["paragraphs"], np.uint64)
        is_repeated, positions = self.repeated.lookup(hashes)
        repeated = list(zip(hashes[is_repeated].tolist(), positions[is_repeated].tolist(), strict=True))
        if not repeated:
            return row["text"]
        batch = TextBatch([row["text"]])
        lines = list(zip(row["text"].split("\n"), batch.hash_spans(batch.lines).tolist(), strict=True))
        removed = {hash for hash, position in repeated if self.paragraph_owner[position] != number}
        for hash, position in repeated:
            if hash not in removed and position in self.reported:
                line = next(line for line, line_hash in lines if line_hash == hash)
                self.frequent_paragraphs[position] = (
                    int(self.repeated.documents[position]),
                    line[:EXCERPT_CHARS],
                )
        if not removed:
            return row["text"]
        text = "\n".join(line for line, line_hash in lines if line_hash not in removed)
        lost_bytes = row["size"] - len(text.encode("utf-8"))
        stats[row["source"]].removed["repeated_paragraphs"].add(lost_bytes, documents=0)
        return text


def find_contaminated(
    staging: StagingArea, eval_ngrams: EvalNgrams, kept: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Return a mask of the kept documents that contain text of the evaluation sets.

    `group` [documents] comes from `group_near_duplicates`.
    """
    columns = list(list_values(staging, "grams"))
    document = np.concatenate([document for document, _ in columns])
    gram = np.concatenate([gram for _, gram in columns])
    in_kept = kept[document]
    return eval_ngrams.contaminated_documents(document[in_kept], gram[in_kept], group)


def check_source(name: str, stats: SourceStats, examples: Examples) -> None:
    """Raise UserError for a source of which nothing is kept; its owner cannot have meant that."""
    if not stats.total_kept().documents:
        removed = {rule: count.documents for rule, count in stats.removed.items()}
        raise empty_source_error(name, stats.read.documents, removed, examples)


def empty_source_error(name: str, documents: int, removed: dict[str, int], examples: Examples) -> UserError:
    """Return the error for a source of which nothing is left; `removed` counts its documents by rule."""
    if not documents:
        return UserError(f"corpus.sources.{name}: no text in its files; put text there or remove the source")
    removed = {rule: count for rule, count in removed.items() if count}
    listed = ", ".join(f"{rule} {count}" for rule, count in removed.items())
    main_rule = max(removed, key=lambda rule: removed[rule])
    hint = HINTS.get(main_rule, f"spare it that rule: corpus.sources.{name}.without: [{main_rule}]")
    if main_rule == "unreadable":
        faults = (text for _, id, text in examples.by_rule.get(main_rule, []) if id.startswith(f"{name}-"))
        hint = f"such as: {next(faults, '')}"
    return UserError(f"corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}")


def check_splits(totals: SourceStats, params: CorpusParams) -> None:
    """Raise UserError for a corpus one of whose splits is empty."""
    documents = totals.total_kept().documents
    advice = "or add text (in a .txt, a blank line ends a document)"
    for split, fraction in (("val", params.val_fraction), ("test", params.test_fraction)):
        if not totals.kept[split].documents:
            key = f"corpus.{split}_fraction: {fraction}"
            raise UserError(f"{key} of {documents} documents left {split} empty; raise it {advice}")
    if not totals.kept["train"].documents:
        raise UserError(
            f"corpus.val_fraction and test_fraction: of {documents} documents none is left for train; "
            f"lower them {advice}"
        )
