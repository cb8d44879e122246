"""Reads the corpus that slice_corpus wrote."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.common.errors import UserError

BATCH_ROWS = 1000


def read_documents(folder: Path | str) -> Iterator[dict[str, str]]:
    """Yield every document of a split (`data/corpus/train`) as a dict of id, source and text.

    They come in written order. Holds a batch of rows in memory, not the split. Raises UserError if the split
    does not exist.
    """
    for batch in _batches(folder, ["id", "source", "text"]):
        yield from batch.to_pylist()


def read_texts(folder: Path | str) -> Iterator[str]:
    """Yield the texts alone (see `read_documents`)."""
    for batch in _batches(folder, ["text"]):
        yield from batch.column("text").to_pylist()


def split_files(folder: Path | str) -> list[Path]:
    """Return the Parquet files of a split, in order. Raises UserError if the split does not exist."""
    files = sorted(Path(folder).glob("part-*.parquet"))
    if not files:
        raise UserError("{folder}: no corpus there; run `dvc repro slice_corpus`", folder=folder)
    return files


def _batches(folder: Path | str, columns: list[str]) -> Iterator:
    for path in split_files(folder):
        with pq.ParquetFile(path, buffer_size=1 << 20) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False)
