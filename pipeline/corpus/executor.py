"""Reading and filtering in parallel: Daft runs it, on this machine or on a Ray cluster.

Each file is a task that is read as a stream; its documents go in batches to worker processes, which apply the
filters. Daft reads a Python source as fast as it can, however slow the workers are (EXPERIMENTS.md), so
`Backpressure` holds the reader back.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline.common.errors import UserError, one_line
from pipeline.corpus.filters.apply import FILTERED_SCHEMA, FilterPipeline, rule_bits
from pipeline.corpus.params import MiniworldSource, Rules, Source
from pipeline.corpus.readers.records import Missing, Note, Record
from pipeline.corpus.readers.split_long import MAX_CHARS, split_long_text
from pipeline.corpus.sources.base import SourceShard

os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")

import daft
from daft.io.source import DataSource, DataSourceTask
from daft.recordbatch import RecordBatch
from daft.schema import Schema

READ_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("task", pa.int64()),  # number of the ReadTask
        ("row", pa.int64()),  # number of the document in the task
        ("id", pa.string()),  # as the source gives it
        ("queries", pa.list_(pa.string())),
        ("text", pa.large_string()),
        ("skipped_rules", pa.int64()),  # bits of the rules that are not applied to it (see `rule_bits`)
        ("note", pa.string()),  # instead of a document: something the user should know
        ("fault", pa.string()),  # instead of a document: one line on what cannot be read
        ("missing", pa.bool_()),  # the fault is no reason to stop
        ("fatal", pa.bool_()),  # nothing after the fault can be read
        ("last", pa.bool_()),  # a row without a document that ends the task
    ]
)
BATCH_ROWS = 256  # documents filtered in one call
BATCH_CHARS = 1_000_000  # a reader's batch is handed on when it has as many
MAX_BYTES_IN_FLIGHT = 64 << 20


class Backpressure:
    """Counts what was read and not yet filtered, where both happen in this process."""

    def __init__(self) -> None:
        self.reset(enabled=False)

    def reset(self, enabled: bool) -> None:
        """Start from zero; unless `enabled` nothing ever waits."""
        self.enabled = enabled
        self.rows = self.bytes = 0

    def add(self, batch: pa.RecordBatch, sign: int = 1) -> None:
        """Count a batch that was read, or with `sign` -1 one that has come out filtered."""
        self.rows += sign * len(batch)
        self.bytes += sign * batch.column("text").nbytes

    @property
    def should_wait(self) -> bool:
        """True if the reader has to wait. Rows for a few calls are always let through."""
        return self.enabled and self.bytes > MAX_BYTES_IN_FLIGHT and self.rows > 4 * BATCH_ROWS


BACKPRESSURE = Backpressure()


class ReadTask(DataSourceTask):
    """Reads one shard of a source, without its first `skip` rows, which were read before."""

    def __init__(self, number: int, name: str, source: Source, shard: SourceShard, skip: int = 0) -> None:
        self.number, self.name, self.shard, self.skip = number, name, shard, skip
        skipped_rules = Rules.model_fields if isinstance(source, MiniworldSource) else source.without
        self.skipped_rules = rule_bits(skipped_rules)

    @property
    def schema(self) -> Schema:
        """READ_SCHEMA as a Daft schema."""
        return Schema.from_pyarrow_schema(READ_SCHEMA)

    async def read(self) -> AsyncIterator[RecordBatch]:
        """Yield the rows in batches, as fast as the back-pressure allows."""
        for batch in self.batches():
            while BACKPRESSURE.should_wait:
                await asyncio.sleep(0.005)
            BACKPRESSURE.add(batch)
            yield RecordBatch.from_arrow_record_batches([batch], READ_SCHEMA)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows after the first `skip` in batches of READ_SCHEMA."""
        rows: list[dict[str, Any]] = []
        chars = 0
        for row in islice(self._rows(), self.skip, None):
            rows.append(row)
            chars += len(row["text"])
            if chars >= BATCH_CHARS or len(rows) >= BATCH_ROWS:
                yield pa.RecordBatch.from_pylist(rows, READ_SCHEMA)
                rows, chars = [], 0
        if rows:
            yield pa.RecordBatch.from_pylist(rows, READ_SCHEMA)

    def _rows(self) -> Iterator[dict[str, Any]]:
        number = 0
        blank: dict[str, Any] = {
            "source": self.name, "task": self.number, "skipped_rules": self.skipped_rules, "id": None,
            "queries": [], "text": "", "note": None, "fault": None, "missing": False, "fatal": False,
            "last": False,
        }  # fmt: skip
        try:
            for record in self.shard.records():
                if isinstance(record, Record):
                    known = {"id": record.id, "queries": list(record.queries)}
                    is_short = len(record.text) <= MAX_CHARS
                    for text in [record.text] if is_short else split_long_text(record.text):
                        yield {**blank, **known, "row": number, "text": text}
                        number += 1
                else:
                    kind = "note" if isinstance(record, Note) else "fault"
                    missing = isinstance(record, Missing)
                    yield {**blank, "row": number, kind: record.message, "missing": missing}
                    number += 1
        except UserError as error:
            yield {**blank, "row": number, "fault": str(error), "fatal": True}
        except OSError as error:  # a file that was there when the run began
            fault = f"corpus.sources.{self.name}: {one_line(error)}"
            yield {**blank, "row": number, "fault": fault, "fatal": True}
        yield {**blank, "row": number, "last": True}


class ReadTasks(DataSource):
    """All read tasks as one Daft source."""

    def __init__(self, tasks: list[ReadTask]) -> None:
        self.tasks = tasks

    @property
    def name(self) -> str:
        """The name in Daft's own messages."""
        return "corpus.sources"

    @property
    def schema(self) -> Schema:
        """READ_SCHEMA as a Daft schema."""
        return Schema.from_pyarrow_schema(READ_SCHEMA)

    async def get_tasks(self, _pushdowns: Any) -> AsyncIterator[DataSourceTask]:
        """Yield the tasks in their order."""
        for task in self.tasks:
            yield task


def build_plan(tasks: list[ReadTask], filters: FilterPipeline, workers: int) -> daft.DataFrame:
    """Return a lazy data frame of all rows: READ_SCHEMA, and FILTERED_SCHEMA in the column `filtered`."""
    filtered_type = daft.DataType.from_arrow_type(FILTERED_SCHEMA)
    process_options = (
        {"use_process": True, "max_concurrency": workers, "cpus": 0}
        if workers > 1
        else {"use_process": False}
    )

    @daft.cls(**process_options)
    class Worker:
        def __init__(self, filters: FilterPipeline) -> None:
            self.filters = filters

        @daft.method.batch(return_dtype=filtered_type, batch_size=BATCH_ROWS)
        def __call__(self, text: Any, skipped_rules: Any) -> Any:
            return self.filters.apply(text.to_arrow().to_pylist(), skipped_rules.to_arrow().to_numpy())

    worker = Worker(filters)
    rows = ReadTasks(tasks).read()
    return rows.with_column("filtered", worker(rows["text"], rows["skipped_rules"]))


def filtered_batches(
    tasks: list[ReadTask], filters: FilterPipeline, workers: int
) -> Iterator[pa.RecordBatch]:
    """Run the plan; yield its rows in batches, in the order of the tasks."""
    # On Ray the reader runs in another process, where this one cannot hold it back.
    BACKPRESSURE.reset(enabled=daft.runners.get_or_create_runner().name == "native")
    with daft.execution_config_ctx(maintain_order=True, scantask_max_parallel=1):
        batches = build_plan(tasks, filters, workers).to_arrow_iter(results_buffer_size=2)
        for batch in restore_order(batches, tasks):
            BACKPRESSURE.add(batch, -1)
            yield batch


def restore_order(batches: Iterable[pa.RecordBatch], tasks: list[ReadTask]) -> Iterator[pa.RecordBatch]:
    """Yield the batches in order of task and row; on Ray they come in the order in which workers finish."""
    waiting: dict[tuple[int, int], pa.RecordBatch] = {}
    starts = {task.number: task.skip for task in tasks}
    next_row = min(starts.items())  # (task, row)
    for batch in batches:
        waiting[batch.column("task")[0].as_py(), batch.column("row")[0].as_py()] = batch
        while next_row in waiting:
            batch = waiting.pop(next_row)
            task, is_last = batch.column("task")[-1].as_py(), batch.column("last")[-1].as_py()
            if is_last:
                next_row = (task + 1, starts.get(task + 1, 0))
            else:
                next_row = (task, batch.column("row")[-1].as_py() + 1)
            yield batch
