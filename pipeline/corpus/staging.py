"""The staging area: filtered documents in files of the scratch folder, from which a killed run resumes.

A part holds some 64 MB of text and numbers in `part-00000.parquet`, and its MinHash signatures in
`part-00000.npy`, uint32 [hashes, documents]. `part-00000.json` is written last: how far the sources were read
and what was counted so far.
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

from pipeline.common.io import atomic_file, write_json
from pipeline.corpus.rows import STAGED_SCHEMA
from pipeline.overlap.minhash import SIGNATURE_HASHES

PART_BYTES = 64 << 20


class StagingArea:
    """Writes the parts and reads them back; parts that an earlier run has left come first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.part_count = len(list(folder.glob("part-*.json")))
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0

    @property
    def state(self) -> Any:
        """The state that was saved with the last part; None before the first."""
        return (
            json.loads(self._path(self.part_count - 1, "json").read_text("utf-8"))
            if self.part_count
            else None
        )

    def add(self, batch: pa.RecordBatch) -> bool:
        """Add documents, columns STAGED_SCHEMA; return whether a part is full and `write_part` is due."""
        self._pending.append(batch)
        self._pending_bytes += batch.nbytes
        return self._pending_bytes >= PART_BYTES

    def write_part(self, state: Any) -> None:
        """Write the pending documents as a part, then the state."""
        table = pa.Table.from_batches(self._pending, STAGED_SCHEMA)
        signatures = table.column("signature").combine_chunks().flatten().to_numpy()
        buffer = BytesIO()  # numpy's own writing to a file does not say why it failed
        np.save(buffer, signatures.reshape(-1, SIGNATURE_HASHES).T)
        with atomic_file(self._path(self.part_count, "npy")) as file:
            file.write(buffer.getbuffer())
        with atomic_file(self._path(self.part_count, "parquet")) as file:
            pq.write_table(table.drop_columns("signature"), file, compression="zstd", row_group_size=5000)
        write_json(self._path(self.part_count, "json"), state)
        self.part_count += 1
        self._pending, self._pending_bytes = [], 0

    def clear(self) -> None:
        """Remove all parts."""
        for path in self.folder.glob("part-*"):
            path.unlink()

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """Yield a column of every part."""
        for part in range(self.part_count):
            yield pq.read_table(self._path(part, "parquet"), columns=[name]).column(0)

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield these columns of every document. Holds a row group (some thousand) in memory."""
        for part in range(self.part_count):
            with pq.ParquetFile(self._path(part, "parquet")) as file:
                for group in range(file.num_row_groups):
                    yield from file.read_row_group(group, [*columns], use_threads=False).to_pylist()

    def signature_readers(self) -> list[Callable[[], np.ndarray]]:
        """Return for each part a function that reads its signatures."""
        return [partial(np.load, self._path(part, "npy"), mmap_mode="r") for part in range(self.part_count)]

    def _path(self, part: int, suffix: str) -> Path:
        return self.folder / f"part-{part:05}.{suffix}"


class Documents(NamedTuple):
    """The numbers by which all staged documents are compared, in their order."""

    source: np.ndarray  # index into corpus.sources
    size: np.ndarray  # UTF-8 bytes
    length: np.ndarray  # characters
    key: np.ndarray  # hash of the normalized text, equal for duplicates

    @classmethod
    def load(cls, staging: StagingArea, sources: Sequence[str]) -> "Documents":
        """Read them from the staging area."""
        index = {name: i for i, name in enumerate(sources)}
        source = [index[name] for column in staging.column("source") for name in column.to_pylist()]
        columns = [_number_column(staging, name) for name in ("size", "length", "key")]
        return cls(np.array(source, np.int16), *columns)


def _number_column(staging: StagingArea, name: str) -> np.ndarray:
    return np.concatenate([column.to_numpy() for column in staging.column(name)])


def list_values(staging: StagingArea, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each part the values of a column of lists, flattened: (document of each value, value)."""
    start = 0
    for column in staging.column(name):
        lists = column.combine_chunks()
        counts = np.diff(lists.offsets.to_numpy())
        yield np.repeat(np.arange(start, start + len(counts)), counts), lists.flatten().to_numpy()
        start += len(counts)
