"""Writes the selected documents into their splits, and counts what was kept and removed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.i18n import Translatable
from pipeline.corpus.checks import check_source, check_splits
from pipeline.corpus.document_ids import DocumentIds, clean_record_id
from pipeline.corpus.ingest import Ingest
from pipeline.corpus.params import CorpusParams, MiniworldSource
from pipeline.corpus.select import Selection
from pipeline.corpus.stats import EXCERPT_CHARS, CorpusResult, SourceStats, sum_stats
from pipeline.data.splits import SPLITS, choose_split
from pipeline.data.writer import SplitWriter
from pipeline.miniworld.export import write_ground_truth
from pipeline.overlap.text_batch import TextBatch

READ_COLUMNS = ("source", "number", "id", "queries", "text", "size", "choice", "paragraphs")
MIN_FILLED = 0.99  # of its byte budget that a source should fill, or a note says so
REPORTED_PARAGRAPHS = 20  # the most frequent ones


@dataclass
class Written:
    """What is gathered while the documents are written."""

    # Most frequent paragraphs by their position in `Selection.repeated`; "" until their document is written.
    paragraphs: dict[int, str]
    queries: list[tuple[str, str]] = field(default_factory=list)  # question, id of the test document
    length_histogram: Counter[int] = field(default_factory=Counter)  # see CorpusResult


def write_corpus(selection: Selection, ingest: Ingest, folder: Path) -> CorpusResult:
    """Write the selected documents and the miniworld into the empty `folder`; return what was counted.

    Raises UserError for a source of which nothing is kept, and for an empty split.
    """
    params, stats = ingest.params, ingest.stats
    written = write_splits(selection, ingest, folder)
    for name, source_stats in stats.items():
        check_source(name, source_stats, ingest.examples)
    totals = sum_stats(list(stats.values()))
    check_splits(totals, params)

    sources = [source for source in params.sources.values() if isinstance(source, MiniworldSource)]
    composed = sum(source.documents for source in sources)
    small_talk = max((source.small_talk for source in sources), default=0.0)
    miniworld = write_ground_truth(folder / "miniworld", ingest.seed, composed, small_talk, written.queries)
    metrics = {
        **totals.metrics(),
        "miniworld": miniworld,
        "sources": {name: source_stats.metrics() for name, source_stats in stats.items()},
    }
    counts = selection.repeated.documents
    frequent = [(int(counts[position]), text) for position, text in written.paragraphs.items() if text]
    return CorpusResult(
        metrics,
        [*ingest.state.notes, *budget_notes(params, stats)],
        dict(written.length_histogram),
        sorted(frequent, reverse=True),
        ingest.examples,
    )


def write_splits(selection: Selection, ingest: Ingest, folder: Path) -> Written:
    """Write the kept documents, each into the split that the hash of its text chooses."""
    params, ids = ingest.params, DocumentIds()
    by_frequency = np.argsort(-selection.repeated.documents.astype(np.int64))
    written = Written(dict.fromkeys(by_frequency[:REPORTED_PARAGRAPHS].tolist(), ""))
    with ExitStack() as stack:
        writers = {split: stack.enter_context(closing(SplitWriter(folder / split))) for split in SPLITS}
        for row in kept_rows(selection, ingest, written.paragraphs):
            name, text = row["source"], row["text"]
            split = choose_split(row["choice"], params.val_fraction, params.test_fraction)
            id = make_document_id(ids, row, isinstance(params.sources[name], MiniworldSource))
            size = len(text.encode("utf-8"))
            writers[split].add(id, name, text, size)
            stats = ingest.stats[name]
            stats.kept[split].add(size)
            stats.removed["repeated_paragraphs"].add(row["size"] - size, documents=0)
            written.length_histogram[1 << len(text).bit_length()] += 1
            if split == "test":
                written.queries += [(query, id) for query in row["queries"]]
    return written


def kept_rows(selection: Selection, ingest: Ingest, frequent: dict[int, str]) -> Iterator[dict[str, Any]]:
    """Yield the kept documents, in the order of the sources, without the repeated paragraphs they lose.

    The removed ones are counted on the way. `frequent` is `Written.paragraphs`.
    """
    for number, row in enumerate(ingest.staging.rows(READ_COLUMNS)):
        if selection.kept[number]:
            yield {**row, "text": remove_paragraphs(row, number, selection, frequent)}
        else:
            rule = selection.removing_rule(number)
            ingest.stats[row["source"]].removed[rule].add(row["size"])
            ingest.examples.add(rule, f"{row['source']}-{row['number']}", row["text"])


def remove_paragraphs(
    row: dict[str, Any], number: int, selection: Selection, frequent: dict[int, str]
) -> str:
    """Return the text of document `number` without the repeated paragraphs that another document keeps.

    Those of `frequent` that this document keeps are noted there.
    """
    hashes = np.array(row["paragraphs"], np.uint64)
    is_repeated, positions = selection.repeated.lookup(hashes)
    if not is_repeated.any():
        return row["text"]
    batch = TextBatch([row["text"]])
    lines = list(zip(row["text"].split("\n"), batch.hash_spans(batch.lines).tolist(), strict=True))
    removed = set()
    for hash, position in zip(hashes[is_repeated].tolist(), positions[is_repeated].tolist(), strict=True):
        if selection.paragraph_owner[position] != number:
            removed.add(hash)
        elif position in frequent:
            line = next(line for line, line_hash in lines if line_hash == hash)
            frequent[position] = line[:EXCERPT_CHARS]
    return "\n".join(line for line, line_hash in lines if line_hash not in removed)


def make_document_id(ids: DocumentIds, row: dict[str, Any], is_miniworld: bool) -> str:
    """Return the document's id in the corpus; the miniworld's own ids stay, as its queries refer to them."""
    own = clean_record_id(row["id"])
    if own is None:
        return ids.from_number(row["source"], row["number"])
    return ids.from_record(own if is_miniworld else f"{row['source']}-{own}", row["number"])


def budget_notes(params: CorpusParams, stats: dict[str, SourceStats]) -> list[str]:
    """Return a note for each source whose documents are too long to fill its byte budget."""
    return [
        Translatable(
            "corpus.sources.{name}: keeps {bytes} bytes of its share of {share}; its documents "
            "are too long to fill it",
            name=name,
            bytes=stats[name].total_kept().bytes,
            share=budget,
        )
        for name, budget in params.byte_budgets().items()
        if stats[name].total_kept().bytes < MIN_FILLED * budget
    ]
