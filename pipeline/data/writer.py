"""Writes a split as Parquet files: the same documents give the same bytes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("id", pa.string()), ("source", pa.string()), ("text", pa.string())])
GROUP_BYTES = 8 << 20  # of a row group before compression; the contract allows 16 MiB
PART_BYTES = 256 << 20  # of a file before compression
ROW_BYTES = 12  # offsets of three columns


class SplitWriter:
    """Writes `folder/part-00000.parquet`, `part-00001.parquet`, …; at least one, even without documents."""

    def __init__(self, folder: Path, group_bytes: int = GROUP_BYTES, part_bytes: int = PART_BYTES) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._group_bytes = group_bytes
        self._part_bytes = part_bytes
        self._parts = 0
        self._rows: tuple[list[str], list[str], list[str]] = ([], [], [])
        self._pending = 0  # bytes in the rows not yet written
        self._written = 0  # bytes in the open part
        self._part = self._new_part()

    def add(self, id: str, source: str, text: str, text_bytes: int) -> None:
        """Append a document whose text has `text_bytes` UTF-8 bytes."""
        size = text_bytes + len(id) + len(source) + ROW_BYTES
        if self._pending and self._pending + size > self._group_bytes:
            self._write_group()
            if self._written >= self._part_bytes:
                self._part.close()
                self._part = self._new_part()
        for column, value in zip(self._rows, (id, source, text), strict=True):
            column.append(value)
        self._pending += size

    def close(self) -> None:
        """Write the pending rows and close the last part."""
        if self._pending:
            self._write_group()
        self._part.close()

    def _new_part(self) -> pq.ParquetWriter:
        path = self._folder / f"part-{self._parts:05d}.parquet"
        self._parts += 1
        self._written = 0
        # A dictionary of texts that are all different would only cost memory.
        return pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=["source"])

    def _write_group(self) -> None:
        table = pa.table([pa.array(column, pa.string()) for column in self._rows], schema=SCHEMA)
        self._part.write_table(table, row_group_size=len(table))
        for column in self._rows:
            column.clear()
        self._written += self._pending
        self._pending = 0
