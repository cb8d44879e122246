"""Reading and filtering through Daft, and how far reading runs ahead of filtering."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from pipeline.corpus import read_task
from pipeline.corpus.executor import filtered_batches, restore_order
from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.params import LocalSource, Rules
from pipeline.corpus.read_task import ReadTask
from pipeline.corpus.readers.records import Record
from pipeline.overlap.decontaminate import EvalNgrams

BATCH_ROWS = 16
TEXT = "Dere kenarında yaşlı bir balıkçı oturur. " * 10


@dataclass
class CountedShard:
    """A shard that counts the documents read from it."""

    documents: int
    size: int = 0
    read: list[int] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        for number in range(self.documents):
            self.read.append(number)
            yield Record(f"{number}. {TEXT}")


def make_task(shard: CountedShard, number: int = 0, skip: int = 0) -> ReadTask:
    source = LocalSource(kind="local", path=["data/raw/corpus/a.txt"])
    return ReadTask(number, "mine", source, shard, skip)


@pytest.fixture
def filters() -> FilterPipeline:
    rules = Rules(**dict.fromkeys(Rules.model_fields, False))
    return FilterPipeline(rules, 1, 1, EvalNgrams.from_texts([]))


@pytest.fixture
def few_bytes_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFT_ANALYTICS_ENABLED", "0")  # before Daft is imported
    monkeypatch.setattr(read_task, "BATCH_ROWS", BATCH_ROWS)
    monkeypatch.setattr("pipeline.corpus.daft_plan.MAX_BYTES_IN_FLIGHT", 20_000)


@pytest.mark.usefixtures("few_bytes_in_flight")
def test_filtered_batches_hold_reader_back(filters: FilterPipeline) -> None:
    shards = [CountedShard(1500), CountedShard(500)]
    tasks = [make_task(shard, number) for number, shard in enumerate(shards)]
    consumed, ahead = 0, []
    for batch in filtered_batches(tasks, filters, workers=1):
        time.sleep(0.001)
        consumed += len(batch)
        ahead.append(sum(len(shard.read) for shard in shards) - consumed)
    assert consumed == 2000 + 2  # a row ends each task
    assert max(ahead) <= 12 * BATCH_ROWS  # of 2,000 rows; a busy machine has eight batches on their way


@pytest.mark.usefixtures("few_bytes_in_flight")
def test_task_without_backpressure_reads_on() -> None:
    """On Ray nothing tells the reader what was filtered: it must not wait for that."""
    from pipeline.corpus.daft_plan import Backpressure, DaftTask

    async def read(backpressure: Backpressure | None) -> int:
        task = DaftTask(make_task(CountedShard(500)), backpressure)
        return sum([len(batch) async for batch in task.read()])

    assert asyncio.run(read(None)) == 501
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(read(Backpressure()), timeout=0.3))


def test_restore_order_sorts_batches_of_resumed_tasks() -> None:
    tasks = [make_task(CountedShard(0), 3, skip=2), make_task(CountedShard(0), 4)]
    rows = [(3, 2, False), (3, 3, True), (4, 0, False), (4, 1, True)]
    batches = [
        pa.RecordBatch.from_pydict({"task": [task], "row": [row], "last": [last]}) for task, row, last in rows
    ]
    ordered = restore_order([batches[i] for i in (2, 1, 0, 3)], tasks)
    assert [batch.to_pylist()[0] for batch in ordered] == [batch.to_pylist()[0] for batch in batches]
