"""Reads the sources, filters each document by itself, and stages what is left.

Sources are read in rounds. The first round takes all files of the user's. Of hub and url sources with a byte
budget it takes only as many shards as will fill that. While the budget is not filled, another round takes
more.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError
from pipeline.common.i18n import dump_messages, join_texts, load_messages
from pipeline.corpus.executor import filtered_batches
from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.params import CorpusParams, HubSource, UrlsSource
from pipeline.corpus.read_task import ReadTask
from pipeline.corpus.rows import FILTERED_SCHEMA, STAGED_SCHEMA
from pipeline.corpus.sources.base import SourceShard, list_shards
from pipeline.corpus.staging import StagingArea
from pipeline.corpus.stats import CHANGING_RULES, DROPPING_RULES, Examples, SourceStats

Progress = Callable[[str, SourceStats], None]
OVERREAD = 1.1  # bytes to read for each byte of the budget, as duplicates are removed later
MIN_KEPT_FRACTION = 0.02  # of the bytes read, assumed to be kept at least


@dataclass
class IngestState:
    """How far the sources were read. Saved as JSON with each part of the staging area."""

    # Bytes to read of each source. A source without a target is read whole.
    target_bytes: dict[str, float]
    round: list[tuple[str, int]] = field(default_factory=list)  # (source, index of the shard) of its tasks
    first_task: int = 0  # number of the round's first task
    task: int = 0  # number of the task to go on with
    skip_rows: int = 0  # rows of that task that were read
    shards_taken: dict[str, int] = field(default_factory=dict)  # shards in this round and before, by source
    requests: dict[str, int] = field(default_factory=dict)  # for more text, by source
    notes: list[str] = field(default_factory=list)  # for the user
    # Of the time of saving; while reading, `Ingest.stats` and `Ingest.examples` count on from them.
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)  # SourceStats.counts(), by source
    examples: dict[str, list[list[str]]] = field(default_factory=dict)  # Examples.by_rule


@dataclass
class Ingest:
    """Reads the sources until their targets are met, resuming where an earlier run was stopped."""

    params: CorpusParams
    seed: int
    staging: StagingArea
    filters: FilterPipeline
    root: Path
    workers: int
    progress: Progress | None

    def __post_init__(self) -> None:
        self.budgets = self.params.byte_budgets()
        if saved := self.staging.state:
            self.state = IngestState(**load_messages(saved))
        else:
            self.state = IngestState({name: budget * OVERREAD for name, budget in self.budgets.items()})
        self.stats = {
            name: SourceStats.from_counts(self.state.counts.get(name, {})) for name in self.params.sources
        }
        self.examples = Examples(self.state.examples)
        self._shard_lists: dict[str, list[SourceShard]] = {}

    def run(self) -> None:
        """Read until every source has met its target or has no more shards."""
        while self._read_round() or self._start_round():
            pass
        self._write_part()

    def has_unread_shards(self, name: str) -> bool:
        """Return whether a source has shards that were not read."""
        return self.state.shards_taken.get(name, 0) < len(self._shards(name))

    def request_more(self, name: str, available_bytes: int) -> None:
        """Raise the target of a source of which only `available_bytes` are left after deduplication.

        Each request asks for twice as much as the one before it, as further text has more duplicates. The
        same fraction of the text is expected to be left that is left of what was read.
        """
        state, remaining = self.state, self.stats[name].remaining_bytes
        state.requests[name] = state.requests.get(name, 0) + 1
        overread = OVERREAD * 2.0 ** state.requests[name] * remaining / max(available_bytes, 1)
        state.target_bytes[name] = remaining + (self.budgets[name] - available_bytes) * overread

    def _shards(self, name: str) -> list[SourceShard]:
        if name not in self._shard_lists:
            self._shard_lists[name] = list_shards(self.params, name, self.seed, self.root)
        return self._shard_lists[name]

    def _start_round(self) -> bool:
        """Choose the shards of the next round; return whether there are any."""
        state = self.state
        state.first_task += len(state.round)
        state.task, state.skip_rows, state.round = state.first_task, 0, []
        for name in self.params.sources:
            taken, stop = state.shards_taken.get(name, 0), self._shards_to_take(name)
            state.round += [(name, i) for i in range(taken, stop)]
            state.shards_taken[name] = stop
        return bool(state.round)

    def _shards_to_take(self, name: str) -> int:
        """Return how many shards of a source, from its first on, must have been read to meet its target.

        The unread ones are expected to keep the same fraction of their bytes as the read ones.
        """
        taken = self.state.shards_taken.get(name, 0)
        target = self.state.target_bytes.get(name)
        if target is None or not isinstance(self.params.sources[name], HubSource | UrlsSource):
            return taken or len(self._shards(name))  # all of them, in the first round
        shards, remaining = self._shards(name), self.stats[name].remaining_bytes
        read = sum(shard.size for shard in shards[:taken])
        kept_fraction = max(MIN_KEPT_FRACTION, remaining / read) if read else 1.0
        missing = (target - remaining) / kept_fraction
        stop = taken
        while stop < len(shards) and missing > 0:
            missing -= shards[stop].size
            stop += 1
        return stop

    def _read_round(self) -> bool:
        """Read the unread tasks of this round; return whether there were any."""
        state = self.state
        tasks = [
            ReadTask(
                number,
                name,
                self.params.sources[name],
                self._shards(name)[i],
                skip=state.skip_rows if number == state.task else 0,
            )
            for number, (name, i) in enumerate(state.round, state.first_task)
            if number >= state.task
        ]
        if not tasks:
            return False
        for batch in filtered_batches(tasks, self.filters, self.workers):
            is_full = self.staging.add(self._count_batch(batch))
            last = batch.select(["source", "task", "row", "last"]).slice(len(batch) - 1).to_pylist()[0]
            if last["last"]:
                state.task, state.skip_rows = last["task"] + 1, 0
            else:
                state.task, state.skip_rows = last["task"], last["row"] + 1
            if is_full:
                self._write_part()
            if self.progress:
                self.progress(last["source"], self.stats[last["source"]])
        return True

    def _write_part(self) -> None:
        counts = {name: stats.counts() for name, stats in self.stats.items()}
        state = asdict(replace(self.state, counts=counts, examples=self.examples.by_rule))
        self.staging.write_part(dump_messages(state))

    def _count_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Count a batch; return those of its documents that no rule has dropped, in STAGED_SCHEMA."""
        filtered = pa.RecordBatch.from_struct_array(batch.column("filtered"))
        numbers = np.zeros(len(batch), np.int64)
        is_kept = np.zeros(len(batch), bool)
        rows = batch.select(["source", "note", "fault", "missing", "fatal", "last"]).to_pylist()
        results = filtered.select(["text", "rule", "raw", "size", "lost", "changed"]).to_pylist()
        for i, (row, result) in enumerate(zip(rows, results, strict=True)):
            if row["note"] is not None:
                self._add_note(row)
            elif row["fault"] is not None:
                self._count_fault(row)
            elif not row["last"]:
                numbers[i] = self.stats[row["source"]].read.documents
                is_kept[i] = self._count_document(row["source"], result)
        columns = {
            name: filtered.column(name) if name in FILTERED_SCHEMA.names else batch.column(name)
            for name in STAGED_SCHEMA.names
            if name != "number"
        }
        columns["number"] = pa.array(numbers)
        return pa.RecordBatch.from_pydict(columns, STAGED_SCHEMA).filter(pa.array(is_kept))

    def _add_note(self, row: dict[str, Any]) -> None:
        note = join_texts(": ", [f"corpus.sources.{row['source']}", load_messages(json.loads(row["note"]))])
        if note not in self.state.notes:
            self.state.notes.append(note)

    def _count_fault(self, row: dict[str, Any]) -> None:
        """Count what could not be read. Raises UserError for a fault at which reading has to stop."""
        fault, stats = load_messages(json.loads(row["fault"])), self.stats[row["source"]]
        if row["fatal"]:
            raise UserError(fault)
        if self.params.on_error == "fail" and not row["missing"]:
            raise UserError("{fault}, or set corpus.on_error: skip", fault=fault)
        self.examples.add("unreadable", f"{row['source']}-{stats.read.documents}", fault)
        stats.read.add(0)
        stats.removed["unreadable"].add(0)

    def _count_document(self, source: str, result: dict[str, Any]) -> bool:
        """Count a document, columns FILTERED_SCHEMA; return whether the filters have kept it."""
        stats = self.stats[source]
        id = f"{source}-{stats.read.documents}"
        stats.read.add(result["raw"])
        for rule, bytes, excerpt in zip(CHANGING_RULES, result["lost"], result["changed"], strict=True):
            stats.removed[rule].add(bytes, documents=0)
            if excerpt:
                self.examples.add(rule, id, excerpt)
        if result["rule"] < 0:
            return True
        rule = DROPPING_RULES[result["rule"]]
        stats.removed[rule].add(result["size"])
        self.examples.add(rule, id, result["text"])
        return False
