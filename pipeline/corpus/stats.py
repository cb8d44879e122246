"""Counts of documents and bytes that are read, removed by each rule, and kept; examples of removed text."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.splits import SPLITS

RULES = (
    "unreadable", "cleaning", "boilerplate", "too_short", "language", "repetition", "lines", "prose",
    "personal_data", "duplicate", "contamination", "near_copies", "repeated_paragraphs", "over_budget",
)  # fmt: skip
# Those of one document at a time (filters/apply.py): they drop it, or change its text.
DROPPING_RULES = ("too_short", "language", "repetition", "lines", "prose")
CHANGING_RULES = ("cleaning", "boilerplate", "personal_data")
EXAMPLES_PER_RULE = 5
EXCERPT_CHARS = 300  # of each example


@dataclass
class Count:
    """A number of documents and of their UTF-8 bytes of text."""

    documents: int = 0
    bytes: int = 0

    def add(self, bytes: int, documents: int = 1) -> None:
        """Add `documents` documents of `bytes` bytes in all."""
        self.documents += documents
        self.bytes += bytes


@dataclass
class SourceStats:
    """The counts of one source, or of all sources.

    read = removed + kept, in documents and in bytes. `cleaning`, `boilerplate` and `personal_data` remove
    bytes only (a negative number where markers are longer than what they replace). `repeated_paragraphs`
    removes documents only where too little is left of them. `unreadable` counts records of unknown size.
    """

    read: Count = field(default_factory=Count)
    removed: dict[str, Count] = field(default_factory=lambda: {rule: Count() for rule in RULES})
    kept: dict[str, Count] = field(default_factory=lambda: {split: Count() for split in SPLITS})

    @property
    def remaining_bytes(self) -> int:
        """Bytes that no rule has removed so far."""
        return self.read.bytes - sum(count.bytes for count in self.removed.values())

    @classmethod
    def from_counts(cls, counts: dict[str, Any]) -> "SourceStats":
        """Return the stats that `counts()` was made of; empty ones for an empty dict."""
        removed = {rule: Count(**counts["removed"][rule]) for rule in RULES} if counts else {}
        return cls(Count(**counts["read"]), removed) if counts else cls()

    def counts(self) -> dict[str, Any]:
        """Return what was read and removed as numbers, for JSON; `kept` is not filled by then."""
        return {
            "read": vars(self.read),
            "removed": {rule: vars(count) for rule, count in self.removed.items()},
        }

    def total_kept(self) -> Count:
        """Return the sum over the splits."""
        return _sum_counts(list(self.kept.values()))

    def metrics(self) -> dict[str, Any]:
        """Return nested dicts of numbers, for `write_metrics`."""
        return {
            "in": vars(self.read),
            "removed": {rule: vars(count) for rule, count in self.removed.items()},
            "kept": vars(self.total_kept()),
            **{split: vars(count) for split, count in self.kept.items()},
        }


def sum_stats(stats: list[SourceStats]) -> SourceStats:
    """Return the sum of several sources' stats."""
    return SourceStats(
        _sum_counts([each.read for each in stats]),
        {rule: _sum_counts([each.removed[rule] for each in stats]) for rule in RULES},
        {split: _sum_counts([each.kept[split] for each in stats]) for split in SPLITS},
    )


def _sum_counts(counts: list[Count]) -> Count:
    return Count(sum(count.documents for count in counts), sum(count.bytes for count in counts))


class Examples:
    """A few of the documents that each rule has removed; which ones does not depend on their order."""

    def __init__(self, by_rule: dict[str, list[list[str]]] | None = None) -> None:
        self.by_rule = by_rule or {}  # rule -> [hash, id, excerpt] of each example

    def add(self, rule: str, id: str, text: str) -> None:
        """Add a document; a rule keeps those EXAMPLES_PER_RULE whose ids have the lowest hashes."""
        hashed = hashlib.blake2b(id.encode(), digest_size=8).hexdigest()
        examples = self.by_rule.setdefault(rule, [])
        if len(examples) < EXAMPLES_PER_RULE or hashed < examples[-1][0]:
            excerpt = text if len(text) <= EXCERPT_CHARS else text[:EXCERPT_CHARS]  # a message stays one
            self.by_rule[rule] = sorted([*examples, [hashed, id, excerpt]])[:EXAMPLES_PER_RULE]


@dataclass
class CorpusResult:
    """Metrics, notes and examples of the corpus that was written."""

    metrics: dict[str, Any]
    notes: list[str]  # for the user
    length_histogram: dict[int, int]  # power of two -> documents of fewer characters, but at least half
    frequent_paragraphs: list[tuple[int, str]]  # (documents that had it, text), the most frequent first
    examples: Examples
