"""The Daft plan that reads and filters. Imported by executor.py alone.

Each file is a task that is read as a stream; its documents go in batches to worker processes, which apply the
filters. Daft reads a Python source as fast as it can, however slow the workers are, so `Backpressure` holds
the reader back (experiments/corpus-size.md).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import daft
import pyarrow as pa
from daft.io.source import DataSource, DataSourceTask
from daft.recordbatch import RecordBatch
from daft.schema import Schema

from pipeline.corpus import read_task
from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.read_task import ReadTask
from pipeline.corpus.rows import FILTERED_TYPE, READ_SCHEMA

MAX_BYTES_IN_FLIGHT = 64 << 20
POLL_SECONDS = 0.005


class Backpressure:
    """Counts what was read and not yet filtered. The reader and the consumer of a run share one."""

    def __init__(self) -> None:
        self._rows = self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch that was read."""
        self._rows += len(batch)
        self._bytes += batch.column("text").nbytes

    def remove(self, batch: pa.RecordBatch) -> None:
        """Count a batch that has come out filtered."""
        self._rows -= len(batch)
        self._bytes -= batch.column("text").nbytes

    async def wait(self) -> None:
        """Return when more may be read. Rows for a few calls are always let through."""
        while self._bytes > MAX_BYTES_IN_FLIGHT and self._rows > 4 * read_task.BATCH_ROWS:
            await asyncio.sleep(POLL_SECONDS)


class DaftTask(DataSourceTask):
    """A read task as Daft runs it. Without `backpressure` it never waits."""

    def __init__(self, task: ReadTask, backpressure: Backpressure | None) -> None:
        self.task, self.backpressure = task, backpressure

    @property
    def schema(self) -> Schema:
        """READ_SCHEMA as a Daft schema."""
        return Schema.from_pyarrow_schema(READ_SCHEMA)

    async def read(self) -> AsyncIterator[RecordBatch]:
        """Yield the rows in batches, as fast as the back-pressure allows."""
        for batch in self.task.batches():
            if self.backpressure:
                await self.backpressure.wait()
                self.backpressure.add(batch)
            yield RecordBatch.from_arrow_record_batches([batch], READ_SCHEMA)


class DaftSource(DataSource):
    """All read tasks as one Daft source."""

    def __init__(self, tasks: list[DaftTask]) -> None:
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


def run_plan(tasks: list[ReadTask], filters: FilterPipeline, workers: int) -> Iterator[pa.RecordBatch]:
    """Run the plan; yield its rows in batches.

    Daft's native runner reads in this process and keeps the tasks as they are, so they share the
    back-pressure. On Ray they are read in other processes, which this one cannot hold back.
    """
    is_native = daft.runners.get_or_create_runner().name == "native"
    backpressure = Backpressure() if is_native else None
    source = DaftSource([DaftTask(task, backpressure) for task in tasks])
    with daft.execution_config_ctx(maintain_order=True, scantask_max_parallel=1):
        for batch in build_plan(source, filters, workers).to_arrow_iter(results_buffer_size=2):
            if backpressure:
                backpressure.remove(batch)
            yield batch


def build_plan(source: DaftSource, filters: FilterPipeline, workers: int) -> daft.DataFrame:
    """Return a lazy data frame of all rows: READ_SCHEMA, and FILTERED_TYPE in the column `filtered`."""
    filtered_type = daft.DataType.from_arrow_type(FILTERED_TYPE)
    process_options = (
        {"use_process": True, "max_concurrency": workers, "cpus": 0}
        if workers > 1
        else {"use_process": False}
    )

    @daft.cls(**process_options)
    class Worker:
        def __init__(self, filters: FilterPipeline) -> None:
            self.filters = filters

        @daft.method.batch(return_dtype=filtered_type, batch_size=read_task.BATCH_ROWS)
        def __call__(self, text: Any, skipped_rules: Any) -> Any:
            return self.filters.apply(text.to_arrow().to_pylist(), skipped_rules.to_arrow().to_numpy())

    worker = Worker(filters)
    rows = source.read()
    return rows.with_column("filtered", worker(rows["text"], rows["skipped_rules"]))
