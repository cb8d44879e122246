"""The plan by which documents are read and looked at: Daft runs it, on this machine or on a Ray cluster.

A file is a task of its own and is read as a stream; its documents go in batches to worker processes, which
apply the rules. Daft reads a Python source as fast as it can whatever the workers do (EXPERIMENTS.md), so
`Ahead` holds the reader back.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline.common.errors import UserError, one_line
from pipeline.corpus.filters.apply import EXAMINED, Examiner, bits
from pipeline.corpus.params import MiniworldSource, Rules, Source
from pipeline.corpus.readers.records import Missing, Note, Record
from pipeline.corpus.readers.split_long import MAX_CHARS, cut
from pipeline.corpus.sources.base import Piece

os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")

import daft
from daft.io.source import DataSource, DataSourceTask
from daft.recordbatch import RecordBatch
from daft.schema import Schema

READ = pa.schema(
    [
        ("source", pa.string()),
        ("unit", pa.int64()),  # which of all files
        ("row", pa.int64()),  # which document of it
        ("id", pa.string()),  # as the source gives it
        ("queries", pa.list_(pa.string())),
        ("text", pa.large_string()),
        ("spared", pa.int64()),  # rules that do not look at it (examine.bits)
        ("note", pa.string()),  # no document, but something that people should know
        ("fault", pa.string()),  # what cannot be read, in a line
        ("missing", pa.bool_()),  # which is no reason to stop
        ("fatal", pa.bool_()),  # and nothing after it
        ("last", pa.bool_()),  # a row that is no document and ends the file
    ]
)
ROWS = 256  # looked at in one call
READ_CHARS = 1_000_000  # read before they are handed on
AHEAD_BYTES = 64 << 20


class Ahead:
    """What has been read and not come out of the plan yet, where both happen in this process."""

    def __init__(self) -> None:
        self.start(counts=False)

    def start(self, counts: bool) -> None:
        """Begin with nothing; whether it `counts` at all."""
        self.counts = counts
        self.rows = self.bytes = 0

    def add(self, batch: pa.RecordBatch, sign: int = 1) -> None:
        """Count a batch that is read, or with `sign` -1 one that has come out."""
        self.rows += sign * len(batch)
        self.bytes += sign * batch.column("text").nbytes

    @property
    def far(self) -> bool:
        """Whether the reader has to wait. Some calls' worth is always let through."""
        return self.counts and self.bytes > AHEAD_BYTES and self.rows > 4 * ROWS


AHEAD = Ahead()


class Unit(DataSourceTask):
    """A piece of a source; its first `skip` documents have been dealt with."""

    def __init__(self, number: int, name: str, source: Source, piece: Piece, skip: int = 0) -> None:
        self.number, self.name, self.piece, self.skip = number, name, piece, skip
        spared = Rules.model_fields if isinstance(source, MiniworldSource) else source.without
        self.spared = bits(spared)

    @property
    def schema(self) -> Schema:
        """READ, as Daft has it."""
        return Schema.from_pyarrow_schema(READ)

    async def read(self) -> AsyncIterator[RecordBatch]:
        """The documents in batches, as far ahead as may be."""
        for batch in self.batches():
            while AHEAD.far:
                await asyncio.sleep(0.005)
            AHEAD.add(batch)
            yield RecordBatch.from_arrow_record_batches([batch], READ)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The documents after the first `skip`, some at a time."""
        rows: list[dict[str, Any]] = []
        chars = 0
        for row in islice(self._rows(), self.skip, None):
            rows.append(row)
            chars += len(row["text"])
            if chars >= READ_CHARS or len(rows) >= ROWS:
                yield pa.RecordBatch.from_pylist(rows, READ)
                rows, chars = [], 0
        if rows:
            yield pa.RecordBatch.from_pylist(rows, READ)

    def _rows(self) -> Iterator[dict[str, Any]]:
        number = 0
        nothing: dict[str, Any] = {
            "source": self.name, "unit": self.number, "spared": self.spared, "id": None, "queries": [],
            "text": "", "note": None, "fault": None, "missing": False, "fatal": False, "last": False,
        }  # fmt: skip
        try:
            for record in self.piece.records():
                if isinstance(record, Record):
                    known = {"id": record.id, "queries": list(record.queries)}
                    pieces = [record.text] if len(record.text) <= MAX_CHARS else cut(record.text)
                    for text in pieces:
                        yield {**nothing, **known, "row": number, "text": text}
                        number += 1
                else:
                    kind = "note" if isinstance(record, Note) else "fault"
                    missing = isinstance(record, Missing)
                    yield {**nothing, "row": number, kind: record.message, "missing": missing}
                    number += 1
        except UserError as error:
            yield {**nothing, "row": number, "fault": str(error), "fatal": True}
        except OSError as error:  # a file that was there when the run began
            fault = f"corpus.sources.{self.name}: {one_line(error)}"
            yield {**nothing, "row": number, "fault": fault, "fatal": True}
        yield {**nothing, "row": number, "last": True}


class Units(DataSource):
    """All files, one after another."""

    def __init__(self, units: list[Unit]) -> None:
        self.units = units

    @property
    def name(self) -> str:
        """For Daft's own messages."""
        return "corpus.sources"

    @property
    def schema(self) -> Schema:
        """READ, as Daft has it."""
        return Schema.from_pyarrow_schema(READ)

    async def get_tasks(self, _pushdowns: Any) -> AsyncIterator[DataSourceTask]:
        """The files."""
        for unit in self.units:
            yield unit


def plan(units: list[Unit], examiner: Examiner, workers: int) -> daft.DataFrame:
    """READ and EXAMINED of all documents of the units, in order. Nothing runs before rows are asked for."""
    kind = daft.DataType.from_arrow_type(EXAMINED)
    apart = (
        {"use_process": True, "max_concurrency": workers, "cpus": 0}
        if workers > 1
        else {"use_process": False}
    )

    @daft.cls(**apart)
    class Worker:
        def __init__(self, examiner: Examiner) -> None:
            self.examiner = examiner

        @daft.method.batch(return_dtype=kind, batch_size=ROWS)
        def __call__(self, text: Any, spared: Any) -> Any:
            return self.examiner.examine(text.to_arrow().to_pylist(), spared.to_arrow().to_numpy())

    worker = Worker(examiner)
    read = Units(units).read()
    return read.with_column("examined", worker(read["text"], read["spared"]))


def examined(units: list[Unit], examiner: Examiner, workers: int) -> Iterator[pa.RecordBatch]:
    """The plan's rows in batches, in the order of the units."""
    # Ray reads in processes of its own.
    AHEAD.start(counts=daft.runners.get_or_create_runner().name == "native")
    with daft.execution_config_ctx(maintain_order=True, scantask_max_parallel=1):
        for batch in in_order(plan(units, examiner, workers).to_arrow_iter(results_buffer_size=2), units):
            AHEAD.add(batch, -1)
            yield batch


def in_order(batches: Iterable[pa.RecordBatch], units: list[Unit]) -> Iterator[pa.RecordBatch]:
    """The batches, each held back until those before it have come, as on Ray the quicker worker is first."""
    waiting: dict[tuple[int, int], pa.RecordBatch] = {}
    starts = {unit.number: unit.skip for unit in units}
    at = min(starts.items())
    for batch in batches:
        waiting[batch.column("unit")[0].as_py(), batch.column("row")[0].as_py()] = batch
        while at in waiting:
            batch = waiting.pop(at)
            unit, last = batch.column("unit")[-1].as_py(), batch.column("last")[-1].as_py()
            at = (unit + 1, starts.get(unit + 1, 0)) if last else (unit, batch.column("row")[-1].as_py() + 1)
            yield batch
