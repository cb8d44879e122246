"""The first of the three steps: documents of all sources, looked at by themselves, into parts on disk.

Sources are read in rounds. The first takes all that is there, but of what comes from the net for a share of
max_bytes only as many pieces as that will fill; as long as it is not full, another round takes more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError
from pipeline.corpus.executor import READ, Unit, examined
from pipeline.corpus.filters.apply import CHANGING, DROPPING, EXAMINED, Examiner
from pipeline.corpus.params import CorpusParams, HubSource, UrlsSource
from pipeline.corpus.sources.base import Piece, pieces
from pipeline.corpus.staging import DOCUMENTS, Parts
from pipeline.corpus.stats import Examples, Funnel

Progress = Callable[[str, Funnel], None]
SPARE = 1.1  # bytes to be read for one that is wanted, as copies go later
WORST = 0.02  # of what is read, at least so much is taken to stay


@dataclass
class Reading:
    """Reads what is wanted, from where an earlier run was stopped."""

    params: CorpusParams
    seed: int
    parts: Parts
    examiner: Examiner
    root: Path
    workers: int
    progress: Progress | None

    def __post_init__(self) -> None:
        self.shares = self.params.shares()
        none: dict[str, Any] = {"round": [], "first": 0, "unit": 0, "rows": 0, "taken": {}, "counts": {}}
        wanted = {name: share * SPARE for name, share in self.shares.items()}  # bytes; absent: all there is
        none |= {"examples": {}, "notes": [], "wanted": wanted, "asked": {}}
        self.state = self.parts.state or none
        self.funnels = {name: Funnel.of(self.state["counts"].get(name, {})) for name in self.params.sources}
        self.examples = Examples(self.state["examples"])
        self._pieces: dict[str, list[Piece]] = {}

    def run(self) -> None:
        """Read until every source has what is wanted of it, or no more."""
        while self._round() or self._next():
            pass
        self._write()

    def more(self, name: str) -> bool:
        """Whether a source has pieces that were not read."""
        return self.state["taken"].get(name, 0) < len(self._of(name))

    def want(self, name: str, there: int) -> None:
        """More of a source of which only so many bytes are `there` once copies are gone; each time with more
        to spare, as further text has more copies.
        """
        left = self.funnels[name].left
        self.state["asked"] |= {name: self.state["asked"].get(name, 0) + 1}
        spare = SPARE * 2.0 ** self.state["asked"][name] * left / max(there, 1)
        self.state["wanted"][name] = left + (self.shares[name] - there) * spare

    def _of(self, name: str) -> list[Piece]:
        if name not in self._pieces:
            self._pieces[name] = pieces(self.params, name, self.seed, self.root)
        return self._pieces[name]

    def _next(self) -> bool:
        """Begin another round, if anything is wanted."""
        chosen: list[tuple[str, int]] = []
        wanted = self.state["wanted"]
        for name, source in self.params.sources.items():
            taken = self.state["taken"].get(name, 0)
            if taken and name not in wanted:
                continue
            there, funnel = self._of(name), self.funnels[name]
            stop = len(there)
            if isinstance(source, HubSource | UrlsSource) and name in wanted:
                kept = funnel.left
                read = sum(piece.size for piece in there[:taken])
                missing = (wanted[name] - kept) / (max(WORST, kept / read) if read else 1.0)
                stop = taken
                while stop < len(there) and missing > 0:
                    missing -= there[stop].size
                    stop += 1
            elif taken:
                continue
            chosen += [(name, place) for place in range(taken, stop)]
            self.state["taken"] |= {name: stop}
        first = self.state["first"] + len(self.state["round"])
        self.state |= {"round": chosen, "first": first, "unit": first, "rows": 0}
        return bool(chosen)

    def _round(self) -> bool:
        """Read what is left of this round; False where nothing is."""
        first, sources = self.state["first"], self.params.sources
        left = [
            Unit(number, name, sources[name], self._of(name)[place])
            for number, (name, place) in enumerate(self.state["round"], first)
            if number >= self.state["unit"]
        ]
        if not left:
            return False
        left[0].skip = self.state["rows"]
        for batch in examined(left, self.examiner, self.workers):
            full = self.parts.add(self._counted(batch))
            last = batch.select(["source", "unit", "row", "last"]).slice(len(batch) - 1).to_pylist()[0]
            at = {"unit": last["unit"] + 1, "rows": 0} if last["last"] else {"rows": last["row"] + 1}
            self.state |= {"unit": last["unit"]} | at
            if full:
                self._write()
            if self.progress:
                self.progress(last["source"], self.funnels[last["source"]])
        return True

    def _write(self) -> None:
        counts = {name: funnel.counts() for name, funnel in self.funnels.items()}
        self.parts.write(self.state | {"counts": counts, "examples": self.examples.of_rule})

    def _counted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The documents of a batch that no rule has dropped, in the form that parts have."""
        seen = batch.column("examined")
        rule, raw = seen.field("rule").to_numpy(), seen.field("raw").to_numpy()
        changed = seen.field("changed").to_pylist()
        lost = seen.field("lost").flatten().to_numpy().reshape(len(batch), -1)
        numbers = np.zeros(len(batch), np.int64)
        stays = np.zeros(len(batch), bool)
        rows = batch.select(["source", "note", "fault", "missing", "fatal", "last"]).to_pylist()
        for place, row in enumerate(rows):
            name, funnel = row["source"], self.funnels[row["source"]]
            note = f"corpus.sources.{name}: {row['note']}"
            if row["note"] is not None and note not in self.state["notes"]:
                self.state["notes"].append(note)
            if row["fault"] is not None:
                if row["fatal"]:
                    raise UserError(row["fault"])
                if self.params.on_error == "fail" and not row["missing"]:
                    raise UserError(f"{row['fault']}, or set corpus.on_error: skip")
                self.examples.add("unreadable", f"{name}-{funnel.read.documents}", row["fault"])
                funnel.read.add(0)
                funnel.removed["unreadable"].add(0)
            if row["last"] or row["note"] is not None or row["fault"] is not None:
                continue
            numbers[place] = funnel.read.documents
            funnel.read.add(int(raw[place]))
            for changing, bytes, done in zip(CHANGING, lost[place].tolist(), changed[place], strict=True):
                funnel.removed[changing].add(bytes, documents=0)
                if done:
                    self.examples.add(changing, f"{name}-{numbers[place]}", done)
            stays[place] = rule[place] < 0
            if not stays[place]:
                dropping = DROPPING[rule[place]]
                funnel.removed[dropping].add(int(raw[place] - lost[place].sum()))
                self.examples.add(dropping, f"{name}-{numbers[place]}", seen.field("text")[place].as_py())
        known = {name: batch.column(name) for name in READ.names if name in DOCUMENTS.names}
        known |= {field.name: seen.field(field.name) for field in EXAMINED if field.name in DOCUMENTS.names}
        known |= {"number": pa.array(numbers), "size": pa.array(raw - lost.sum(axis=1))}
        return pa.RecordBatch.from_pydict(known, DOCUMENTS).filter(pa.array(stays))
