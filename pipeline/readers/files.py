"""Read the rows of a file: JSON, CSV, TSV or Parquet. All but Parquet may be compressed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.readers.decompress import content_suffix, is_compressed, open_decompressed
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Note, Row, Unreadable
from pipeline.readers.tables import Fields, read_table

JSON_SUFFIXES, TABLE_SUFFIXES = (".jsonl", ".ndjson", ".json"), (".csv", ".tsv")
ROW_FORMATS = Translatable("jsonl, ndjson, json, csv, tsv (these also .gz, .xz or .zst), parquet")
PARQUET_BATCH_ROWS = 256


def row_format(path: Path) -> str | None:
    """Return the suffix that names the format of a file of rows, in lower case; None for another file."""
    suffix = content_suffix(path)
    known = JSON_SUFFIXES + TABLE_SUFFIXES + (() if is_compressed(path) else (".parquet",))
    return suffix if suffix in known else None


def check_format(path: Path) -> str:
    """Return the format of a file of rows. Raises UserError for another file."""
    if suffix := row_format(path):
        return suffix
    raise UserError(
        "{path}: of no known format; rename or convert it to one of {formats}", path=path, formats=ROW_FORMATS
    )


def read_rows(path: Path) -> Iterator[Row | Unreadable | Note]:
    """Yield the rows of a file, those that cannot be read, and notes.

    Values of a table are texts. Raises UserError for an unknown format, and for a file that cannot be read.
    """
    suffix = check_format(path)
    if suffix == ".parquet":
        yield from read_parquet_rows(path)
        return
    with open_decompressed(path) as stream:
        if suffix in JSON_SUFFIXES:
            yield from read_json_rows(stream, str(path))
        else:
            yield from read_table_rows(stream, str(path))


def read_table_rows(stream: BinaryIO, name: str) -> Iterator[Row | Unreadable | Note]:
    """Yield the rows under the header of a table (see `read_table`)."""
    names, rows = read_table(stream, name)
    check_column_names(names, name)
    for row in rows:
        if isinstance(row, Fields):
            values = dict(zip(names, row.values, strict=True))
            yield Row(f"{name}:{row.number}", {key: value for key, value in values.items() if key})
        else:
            yield row


def check_column_names(names: Sequence[str], name: str) -> None:
    """Raise UserError where two columns of the file called `name` have one name. Blank names are no names."""
    if twice := sorted({column for column in names if column and names.count(column) > 1}):
        raise UserError(
            "{name}: two columns are called {column}; rename one", name=name, column=repr(twice[0])
        )


def read_parquet_rows(path: Path) -> Iterator[Row | Unreadable]:
    """Yield the rows of a Parquet file. Raises UserError where it is damaged."""
    number = 0
    try:
        with pq.ParquetFile(path) as table:
            check_column_names(table.schema_arrow.names, str(path))
            for batch in table.iter_batches(PARQUET_BATCH_ROWS, use_threads=False):
                for i in range(len(batch)):
                    number += 1
                    location = Translatable("{path}: row {number}", path=path, number=number)
                    try:
                        (values,) = batch.slice(i, 1).to_pylist()
                    except UnicodeDecodeError as error:
                        yield Unreadable(
                            Translatable(
                                "{location}: text not UTF-8 at byte {start}; fix it",
                                location=location,
                                start=error.start,
                            )
                        )
                    except (ValueError, OverflowError) as error:  # such as a date of year 29,000
                        yield Unreadable(
                            Translatable(
                                "{location}: not readable ({error}); fix it",
                                location=location,
                                error=one_line(error),
                            )
                        )
                    else:
                        yield Row(location, values)
    except (pa.ArrowException, OSError) as error:
        reason = recognize(one_line(error))
        raise UserError(
            "{path}: not readable as Parquet ({reason}); copy or download it again", path=path, reason=reason
        ) from None
