"""Documents that have been looked at, in files of the scratch folder: what a killed run goes on from.

A part holds some 64 MB of text and numbers, `part-00000.parquet`, with its signatures beside it,
`part-00000.npy`, uint32 [orders, documents]. `part-00000.json` comes last: how far the sources were read and
what was counted so far.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.io import whole_file, write_json
from pipeline.corpus.dedup.minhash import ORDERS
from pipeline.corpus.filters.apply import EXAMINED

PART_BYTES = 64 << 20
DOCUMENTS = pa.schema(
    [
        ("source", pa.string()),
        ("number", pa.int64()),  # of the document in its source, from 0
        ("id", pa.string()),  # as the source gives it
        ("queries", pa.list_(pa.string())),
        ("size", pa.int64()),  # UTF-8 bytes of the text
        *(
            EXAMINED.field(name)
            for name in (
                "text",
                "length",
                "key",
                "choice",
                "paragraphs",
                "bytes",
                "characters",
                "grams",
                "signature",
            )
        ),
    ]
)


class Parts:
    """The parts that are there, and those that come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count = len(list(folder.glob("part-*.json")))
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0

    @property
    def state(self) -> Any:
        """What was noted with the last part; None before the first."""
        return json.loads(self._path(self.count - 1, "json").read_text("utf-8")) if self.count else None

    def add(self, batch: pa.RecordBatch) -> bool:
        """Take in documents, columns DOCUMENTS; whether a part is full and wants `write`."""
        self._pending.append(batch)
        self._bytes += batch.nbytes
        return self._bytes >= PART_BYTES

    def write(self, state: Any) -> None:
        """Write what is pending as a part, and the state after it."""
        table = pa.Table.from_batches(self._pending, DOCUMENTS)
        marks = table.column("signature").combine_chunks().flatten().to_numpy()
        numbers = BytesIO()  # into a file numpy writes by itself, and does not say why it could not
        np.save(numbers, marks.reshape(-1, ORDERS).T)
        with whole_file(self._path(self.count, "npy")) as file:
            file.write(numbers.getbuffer())
        with whole_file(self._path(self.count, "parquet")) as file:
            pq.write_table(table.drop_columns("signature"), file, compression="zstd", row_group_size=5000)
        write_json(self._path(self.count, "json"), state)
        self.count += 1
        self._pending, self._bytes = [], 0

    def forget(self) -> None:
        """Remove all."""
        for path in self.folder.glob("part-*"):
            path.unlink()

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """A column of every part."""
        for part in range(self.count):
            yield pq.read_table(self._path(part, "parquet"), columns=[name]).column(0)

    def tables(self) -> Iterator[pa.Table]:
        """The documents, some thousand at a time."""
        for part in range(self.count):
            with pq.ParquetFile(self._path(part, "parquet")) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, use_threads=False)

    def signatures(self) -> list[Callable[[], np.ndarray]]:
        """What reads the signatures of each part."""
        return [partial(np.load, self._path(part, "npy"), mmap_mode="r") for part in range(self.count)]

    def _path(self, part: int, kind: str) -> Path:
        return self.folder / f"part-{part:05}.{kind}"


class Documents(NamedTuple):
    """Numbers of every document of the parts, one after another."""

    source: np.ndarray  # which, by its place in corpus.sources
    size: np.ndarray  # UTF-8 bytes
    length: np.ndarray  # characters
    key: np.ndarray

    @classmethod
    def of(cls, parts: Parts, sources: Sequence[str]) -> "Documents":
        """Read them."""
        place = {name: number for number, name in enumerate(sources)}
        named = [place[name] for column in parts.column("source") for name in column.to_pylist()]
        read = [_numbers(parts, name) for name in ("size", "length", "key")]
        return cls(np.array(named, np.int16), *read)


def _numbers(parts: Parts, name: str) -> np.ndarray:
    return np.concatenate([column.to_numpy() for column in parts.column(name)])


def list_values(parts: Parts, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The values of a column of lists, with the number of each one's document."""
    start = 0
    for column in parts.column(name):
        lists = column.combine_chunks()
        counts = np.diff(lists.offsets.to_numpy())
        yield np.repeat(np.arange(start, start + len(counts)), counts), lists.flatten().to_numpy()
        start += len(counts)
