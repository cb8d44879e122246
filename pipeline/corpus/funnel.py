"""How many documents and bytes go in, leave by each rule, and stay."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.corpus.split import SPLITS

RULES = ("unreadable", "cleaning", "too_short", "duplicate", "over_budget")


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

    What goes in is what was removed and what was kept, in documents as in bytes. `cleaning` removes
    bytes only; `unreadable` counts records of unknown size; `over_budget` is the document at which
    a source's share of max_bytes was full (those after it were not read).
    """

    read: Count = field(default_factory=Count)
    removed: dict[str, Count] = field(default_factory=lambda: {rule: Count() for rule in RULES})
    kept: dict[str, Count] = field(default_factory=lambda: {split: Count() for split in SPLITS})

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
