"""Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.records import ID_COLUMN, Record, Unreadable, text_column
from pipeline.errors import UserError, one_line

BATCH_ROWS = 1000
BUFFER_BYTES = 1 << 20  # read a column in pieces: a row group may be as large as the file


def records(path: Path, wanted: str | None = None) -> Iterator[Record | Unreadable]:
    """The documents of a Parquet file. A row without a text is an empty document."""
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            yield from _records(file, path, wanted)
    except (pa.ArrowException, OSError) as error:
        why = one_line(error)
        raise UserError(f"{path}: not readable as Parquet ({why}); copy or download it again") from None


def _records(file: pq.ParquetFile, path: Path, wanted: str | None) -> Iterator[Record | Unreadable]:
    schema = file.schema_arrow
    strings = [field.name for field in schema if _is_text(field.type)]
    column = text_column(schema.names, strings, wanted, str(path))
    columns = [column]
    if ID_COLUMN in schema.names and column != ID_COLUMN:
        kind = schema.field(ID_COLUMN).type
        columns += [ID_COLUMN] if _is_text(kind) or pa.types.is_integer(kind) else []
    number = 0
    for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
        texts = _values(batch.column(column))
        ids = _values(batch.column(ID_COLUMN)) if ID_COLUMN in columns else [None] * len(texts)
        for text, own in zip(texts, ids, strict=True):
            number += 1
            if isinstance(text, UnicodeDecodeError):
                yield Unreadable(f"{path}: row {number}: text not UTF-8 at byte {text.start}; mend it")
            else:
                yield Record(text or "", None if own is None else str(own))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _values(column: pa.Array) -> list[Any]:
    """The column's values; in place of one that is not UTF-8, its error."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        return error
