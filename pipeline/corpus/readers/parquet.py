"""Read documents from Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.corpus.readers.records import BINARY, ID_COLUMN, Record, choose_text_columns
from pipeline.readers.rows import Note, Unreadable

BATCH_ROWS, BATCH_BYTES = 1000, 16 << 20  # at most, for rows of the file's mean length
BUFFER_BYTES = 1 << 20  # read a column in chunks: a row group may be as large as the file


def read_parquet(
    file: BinaryIO, name: str, text_column: str | None = None, row_groups: list[int] | None = None
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a Parquet file, or of some of its row groups. A row without a text is empty.

    An error that keeps the file from being read, such as a broken connection, is passed on. Raises UserError
    where the file itself is damaged.
    """
    try:
        with pq.ParquetFile(file, buffer_size=BUFFER_BYTES) as table:
            yield from _read_rows(table, name, text_column, row_groups)
    except (pa.ArrowException, OSError) as error:
        if not isinstance(error, pa.ArrowException) and type(error) is not OSError:
            raise
        reason = recognize(one_line(error))
        raise UserError(
            "{name}: not readable as Parquet ({reason}); copy or download it again", name=name, reason=reason
        ) from None


def column_kinds(schema: pa.Schema) -> dict[str, str | None]:
    """Return the type of every column by its name, None for text."""
    return {field.name: _kind(field.type) for field in schema}


def _kind(type: pa.DataType) -> str | None:
    value = type.value_type if pa.types.is_dictionary(type) else type
    if pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value):
        return None
    if pa.types.is_binary(value) or pa.types.is_large_binary(value) or pa.types.is_binary_view(value):
        return BINARY
    return str(type).partition("<")[0]  # list, struct, without what they hold


def _read_rows(
    table: pq.ParquetFile, name: str, text_column: str | None, row_groups: list[int] | None
) -> Iterator[Record | Unreadable | Note]:
    schema = table.schema_arrow
    template = choose_text_columns(column_kinds(schema), text_column, name)
    yield from template.notes
    columns = list(template.columns)
    has_id = ID_COLUMN in schema.names and ID_COLUMN not in columns
    if has_id:
        kind = schema.field(ID_COLUMN).type
        has_id = _kind(kind) is None or pa.types.is_integer(kind)
    row_number = 0
    read_columns = [*columns, ID_COLUMN] if has_id else columns
    metadata = table.metadata
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(size, 1)))
    for batch in table.iter_batches(
        batch_rows, row_groups=row_groups, columns=read_columns, use_threads=False
    ):
        values = [_values(batch.column(column)) for column in columns]
        ids = _values(batch.column(ID_COLUMN)) if has_id else [None] * len(batch)
        for id, *row in zip(ids, *values, strict=True):
            row_number += 1
            errors = [value for value in row if isinstance(value, UnicodeDecodeError)]
            if errors:
                yield Unreadable(
                    Translatable(
                        "{name}: row {row_number}: text not UTF-8 at byte {start}; fix it",
                        name=name,
                        row_number=row_number,
                        start=errors[0].start,
                    )
                )
            else:
                yield Record(template.render(row), None if id is None else str(id))


def _values(column: pa.Array) -> list[Any]:
    """Return the column's values, binary ones as text; in place of one that is not UTF-8, its error."""
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]
    return [_decode(value) if isinstance(value, bytes) else value for value in values]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        return error


def _decode(raw: bytes) -> str | UnicodeDecodeError:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error
