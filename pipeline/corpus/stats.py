"""How many documents and bytes go in, leave by each rule, and stay."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pipeline.data.splits import SPLITS

RULES = (
    "unreadable", "cleaning", "boilerplate", "too_short", "language", "repetition", "lines", "prose",
    "personal_data", "duplicate", "contamination", "near_copies", "repeated_paragraphs", "over_budget",
)  # fmt: skip
EXAMPLES = 5  # of what each rule removed
EXCERPT = 300  # characters of each


@dataclass
class Count:
    """Documents and their UTF-8 bytes of text."""

    documents: int = 0
    bytes: int = 0

    def add(self, bytes: int, documents: int = 1) -> None:
        """Count one more, or `documents` more, of together `bytes`."""
        self.documents += documents
        self.bytes += bytes


@dataclass
class Funnel:
    """The counts of one source, or of all.

    What goes in is what was removed and what was kept, in documents as in bytes. `cleaning`, `boilerplate`
    and `personal_data` remove bytes only (less than none, where markers are longer than what they replace);
    `repeated_paragraphs` removes documents only where too little is left of them; `unreadable` counts records
    of unknown size.
    """

    read: Count = field(default_factory=Count)
    removed: dict[str, Count] = field(default_factory=lambda: {rule: Count() for rule in RULES})
    kept: dict[str, Count] = field(default_factory=lambda: {split: Count() for split in SPLITS})

    @property
    def left(self) -> int:
        """Bytes that no rule has removed so far."""
        return self.read.bytes - sum(count.bytes for count in self.removed.values())

    @classmethod
    def of(cls, counts: dict[str, Any]) -> "Funnel":
        """The funnel whose `counts` these are; an empty one for none."""
        removed = {rule: Count(**counts["removed"][rule]) for rule in RULES} if counts else {}
        return cls(Count(**counts["read"]), removed) if counts else cls()

    def counts(self) -> dict[str, Any]:
        """What was read and removed, as numbers, before anything is kept."""
        return {
            "read": vars(self.read),
            "removed": {rule: vars(count) for rule, count in self.removed.items()},
        }

    def total_kept(self) -> Count:
        """All splits together."""
        return _sum(list(self.kept.values()))

    def metrics(self) -> dict[str, Any]:
        """Nested dicts of numbers, for `write_metrics`."""
        return {
            "in": vars(self.read),
            "removed": {rule: vars(count) for rule, count in self.removed.items()},
            "kept": vars(self.total_kept()),
            **{split: vars(count) for split, count in self.kept.items()},
        }


def total(funnels: list[Funnel]) -> Funnel:
    """The sum of several sources' funnels."""
    return Funnel(
        _sum([funnel.read for funnel in funnels]),
        {rule: _sum([funnel.removed[rule] for funnel in funnels]) for rule in RULES},
        {split: _sum([funnel.kept[split] for funnel in funnels]) for split in SPLITS},
    )


def _sum(counts: list[Count]) -> Count:
    return Count(sum(count.documents for count in counts), sum(count.bytes for count in counts))


class Examples:
    """A few documents that each rule has removed, drawn from all of them whatever their order."""

    def __init__(self, of_rule: dict[str, list[list[str]]] | None = None) -> None:
        self.of_rule = of_rule or {}

    def add(self, rule: str, id: str, text: str) -> None:
        """Take in a document, or not: those stay whose ids have the lowest hashes."""
        drawn = hashlib.blake2b(id.encode(), digest_size=8).hexdigest()
        there = self.of_rule.setdefault(rule, [])
        if len(there) < EXAMPLES or drawn < there[-1][0]:
            self.of_rule[rule] = sorted([*there, [drawn, id, text[:EXCERPT]]])[:EXAMPLES]


@dataclass
class Sliced:
    """What slicing has to tell."""

    metrics: dict[str, Any]
    notes: list[str]
    lengths: dict[int, int]  # documents with fewer characters than this power of two, and not fewer than half
    paragraphs: list[tuple[int, str]]  # that most documents had, and how many
    examples: Examples
