"""Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.errors import UserError, one_line
from pipeline.corpus.readers.records import ID_COLUMN, Note, Record, Unreadable, text_of

BATCH_ROWS, BATCH_BYTES = 1000, 16 << 20  # at most, of rows as long as the file's are in the mean
BUFFER_BYTES = 1 << 20  # read a column in pieces: a row group may be as large as the file


def records(
    file: BinaryIO, name: str, wanted: str | None = None, groups: list[int] | None = None
) -> Iterator[Record | Unreadable | Note]:
    """The documents of a Parquet file, or of some of its row groups. A row without a text is an empty one.

    What keeps the file from being read, such as a broken connection, is passed on; what is wrong with it is
    told.
    """
    try:
        with pq.ParquetFile(file, buffer_size=BUFFER_BYTES) as table:
            yield from _records(table, name, wanted, groups)
    except (pa.ArrowException, OSError) as error:
        if not isinstance(error, pa.ArrowException) and type(error) is not OSError:
            raise
        why = one_line(error)
        raise UserError(f"{name}: not readable as Parquet ({why}); copy or download it again") from None


def text_columns(schema: pa.Schema) -> list[str]:
    """The columns that hold strings."""
    return [field.name for field in schema if _is_text(field.type)]


def _records(
    table: pq.ParquetFile, name: str, wanted: str | None, groups: list[int] | None
) -> Iterator[Record | Unreadable | Note]:
    schema = table.schema_arrow
    text = text_of(schema.names, text_columns(schema), wanted, name)
    yield from text.notes
    columns = list(text.columns)
    has_id = ID_COLUMN in schema.names and ID_COLUMN not in columns
    if has_id:
        kind = schema.field(ID_COLUMN).type
        has_id = _is_text(kind) or pa.types.is_integer(kind)
    number = 0
    read = [*columns, ID_COLUMN] if has_id else columns
    meta = table.metadata
    size = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES * meta.num_rows // max(size, 1)))
    for batch in table.iter_batches(rows, row_groups=groups, columns=read, use_threads=False):
        values = [_values(batch.column(column)) for column in columns]
        ids = _values(batch.column(ID_COLUMN)) if has_id else [None] * len(batch)
        for own, *row in zip(ids, *values, strict=True):
            number += 1
            bad = [value for value in row if isinstance(value, UnicodeDecodeError)]
            if bad:
                yield Unreadable(f"{name}: row {number}: text not UTF-8 at byte {bad[0].start}; mend it")
            else:
                yield Record(text.text(row), None if own is None else str(own))


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
