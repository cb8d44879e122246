"""Read the corpus that slice_corpus wrote."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.common.errors import UserError

BATCH_ROWS = 1000


def documents(folder: Path | str) -> Iterator[dict[str, str]]:
    """Every document of a split (`data/corpus/train`) as a dict of id, source and text, in written order.

    Holds a batch of rows in memory, not the split. Raises UserError if the split is not there.
    """
    for batch in _batches(folder, ["id", "source", "text"]):
        yield from batch.to_pylist()


def texts(folder: Path | str) -> Iterator[str]:
    """The texts alone (see `documents`)."""
    for batch in _batches(folder, ["text"]):
        yield from batch.column("text").to_pylist()


def parts(folder: Path | str) -> list[Path]:
    """The files of a split, in order. Raises UserError if the split is not there."""
    found = sorted(Path(folder).glob("part-*.parquet"))
    if not found:
        raise UserError(f"{folder}: no corpus there; run `dvc repro slice_corpus`")
    return found


def _batches(folder: Path | str, columns: list[str]) -> Iterator:
    for part in parts(folder):
        with pq.ParquetFile(part, buffer_size=1 << 20) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False)
