"""Step 1 of slice_corpus: read the sources, filter each document by itself, and stage what is left.

Sources are read in rounds. The first round takes all files of the user's. Of hub and url sources with a byte
budget it takes only as many shards as will fill that. While the budget is not filled, another round takes
more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError
from pipeline.corpus.executor import READ_SCHEMA, ReadTask, filtered_batches
from pipeline.corpus.filters.apply import CHANGING_RULES, DROPPING_RULES, FILTERED_SCHEMA, FilterPipeline
from pipeline.corpus.params import CorpusParams, HubSource, UrlsSource
from pipeline.corpus.sources.base import SourceShard, list_shards
from pipeline.corpus.staging import STAGED_SCHEMA, StagingArea
from pipeline.corpus.stats import Examples, SourceStats

Progress = Callable[[str, SourceStats], None]
OVERREAD = 1.1  # bytes to read for each byte of the budget, as duplicates are removed later
MIN_KEPT_FRACTION = 0.02  # of the bytes read, assumed to be kept at least


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
        initial_state: dict[str, Any] = {
            "round": [],  # (source, index of the shard) of each task of this round
            "first_task": 0,  # number of the round's first task
            "task": 0,  # number of the task to go on with
            "skip_rows": 0,  # rows of that task that were read
            "shards_taken": {},  # by source
            # Bytes to read of each source; a source without a target is read whole.
            "target_bytes": {name: budget * OVERREAD for name, budget in self.budgets.items()},
            "requests": {},  # for more, by source
            "counts": {},
            "examples": {},
            "notes": [],
        }
        self.state = self.staging.state or initial_state
        self.stats = {
            name: SourceStats.from_counts(self.state["counts"].get(name, {})) for name in self.params.sources
        }
        self.examples = Examples(self.state["examples"])
        self._shard_lists: dict[str, list[SourceShard]] = {}

    def run(self) -> None:
        """Read until every source has met its target or has no more shards."""
        while self._read_round() or self._start_round():
            pass
        self._write_part()

    def has_unread_shards(self, name: str) -> bool:
        """Return whether a source has shards that were not read."""
        return self.state["shards_taken"].get(name, 0) < len(self._shards(name))

    def request_more(self, name: str, available_bytes: int) -> None:
        """Raise the target of a source of which only `available_bytes` are left after deduplication.

        Each request asks for more than the one before it, as further text has more duplicates.
        """
        remaining = self.stats[name].remaining_bytes
        self.state["requests"] |= {name: self.state["requests"].get(name, 0) + 1}
        overread = OVERREAD * 2.0 ** self.state["requests"][name] * remaining / max(available_bytes, 1)
        self.state["target_bytes"][name] = remaining + (self.budgets[name] - available_bytes) * overread

    def _shards(self, name: str) -> list[SourceShard]:
        if name not in self._shard_lists:
            self._shard_lists[name] = list_shards(self.params, name, self.seed, self.root)
        return self._shard_lists[name]

    def _start_round(self) -> bool:
        """Choose the shards of the next round; return whether there are any."""
        chosen: list[tuple[str, int]] = []
        targets = self.state["target_bytes"]
        for name, source in self.params.sources.items():
            taken = self.state["shards_taken"].get(name, 0)
            if taken and name not in targets:
                continue
            shards = self._shards(name)
            stop = len(shards)
            if isinstance(source, HubSource | UrlsSource) and name in targets:
                remaining = self.stats[name].remaining_bytes
                read = sum(shard.size for shard in shards[:taken])
                kept_fraction = max(MIN_KEPT_FRACTION, remaining / read) if read else 1.0
                missing = (targets[name] - remaining) / kept_fraction
                stop = taken
                while stop < len(shards) and missing > 0:
                    missing -= shards[stop].size
                    stop += 1
            elif taken:
                continue
            chosen += [(name, i) for i in range(taken, stop)]
            self.state["shards_taken"] |= {name: stop}
        first_task = self.state["first_task"] + len(self.state["round"])
        self.state |= {"round": chosen, "first_task": first_task, "task": first_task, "skip_rows": 0}
        return bool(chosen)

    def _read_round(self) -> bool:
        """Read the unread tasks of this round; return whether there were any."""
        first_task, sources = self.state["first_task"], self.params.sources
        tasks = [
            ReadTask(number, name, sources[name], self._shards(name)[i])
            for number, (name, i) in enumerate(self.state["round"], first_task)
            if number >= self.state["task"]
        ]
        if not tasks:
            return False
        tasks[0].skip = self.state["skip_rows"]
        for batch in filtered_batches(tasks, self.filters, self.workers):
            is_full = self.staging.add(self._count_batch(batch))
            last = batch.select(["source", "task", "row", "last"]).slice(len(batch) - 1).to_pylist()[0]
            if last["last"]:
                self.state |= {"task": last["task"] + 1, "skip_rows": 0}
            else:
                self.state |= {"task": last["task"], "skip_rows": last["row"] + 1}
            if is_full:
                self._write_part()
            if self.progress:
                self.progress(last["source"], self.stats[last["source"]])
        return True

    def _write_part(self) -> None:
        counts = {name: stats.counts() for name, stats in self.stats.items()}
        self.staging.write_part(self.state | {"counts": counts, "examples": self.examples.by_rule})

    def _count_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Count a batch; return those of its documents that no rule has dropped, in STAGED_SCHEMA."""
        filtered = batch.column("filtered")
        rule, raw_bytes = filtered.field("rule").to_numpy(), filtered.field("raw").to_numpy()
        changed = filtered.field("changed").to_pylist()
        lost_bytes = filtered.field("lost").flatten().to_numpy().reshape(len(batch), -1)
        numbers = np.zeros(len(batch), np.int64)
        is_kept = np.zeros(len(batch), bool)
        rows = batch.select(["source", "note", "fault", "missing", "fatal", "last"]).to_pylist()
        for i, row in enumerate(rows):
            name, stats = row["source"], self.stats[row["source"]]
            note = f"corpus.sources.{name}: {row['note']}"
            if row["note"] is not None and note not in self.state["notes"]:
                self.state["notes"].append(note)
            if row["fault"] is not None:
                if row["fatal"]:
                    raise UserError(row["fault"])
                if self.params.on_error == "fail" and not row["missing"]:
                    raise UserError(f"{row['fault']}, or set corpus.on_error: skip")
                self.examples.add("unreadable", f"{name}-{stats.read.documents}", row["fault"])
                stats.read.add(0)
                stats.removed["unreadable"].add(0)
            if row["last"] or row["note"] is not None or row["fault"] is not None:
                continue
            numbers[i] = stats.read.documents
            stats.read.add(int(raw_bytes[i]))
            for changing, bytes, excerpt in zip(
                CHANGING_RULES, lost_bytes[i].tolist(), changed[i], strict=True
            ):
                stats.removed[changing].add(bytes, documents=0)
                if excerpt:
                    self.examples.add(changing, f"{name}-{numbers[i]}", excerpt)
            is_kept[i] = rule[i] < 0
            if not is_kept[i]:
                dropping = DROPPING_RULES[rule[i]]
                stats.removed[dropping].add(int(raw_bytes[i] - lost_bytes[i].sum()))
                self.examples.add(dropping, f"{name}-{numbers[i]}", filtered.field("text")[i].as_py())
        staged = set(STAGED_SCHEMA.names)
        columns = {name: batch.column(name) for name in READ_SCHEMA.names if name in staged}
        columns |= {
            field.name: filtered.field(field.name) for field in FILTERED_SCHEMA if field.name in staged
        }
        columns |= {"number": pa.array(numbers), "size": pa.array(raw_bytes - lost_bytes.sum(axis=1))}
        return pa.RecordBatch.from_pydict(columns, STAGED_SCHEMA).filter(pa.array(is_kept))
