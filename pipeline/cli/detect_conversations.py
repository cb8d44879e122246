"""Recognition of files of conversations among those that people bring as text."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.errors import UserError
from pipeline.common.paths import RAW_SFT
from pipeline.corpus.readers.files import file_format
from pipeline.readers.decompress import is_compressed, open_decompressed
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Row
from pipeline.readers.tables import Fields, read_table
from pipeline.sft.conversations import FORMATS

JSON_FORMATS = (".json", ".jsonl", ".ndjson")


def refuse_conversations(path: Path, file: Path) -> None:
    """Raise UserError where the file at `path`, called `file`, holds conversations and no documents.

    Its first row tells, by the keys that tuning reads.
    """
    if not is_conversation(read_first_row(path)):
        return
    if file_format(path) in JSON_FORMATS and not is_compressed(path):
        command = f"`tezgah add --sft {shlex.quote(str(file))}` puts it under {RAW_SFT}"
    else:
        command = f"write it as JSON, not compressed, and `tezgah add --sft` puts it under {RAW_SFT}"
    raise UserError(f"{file}: holds conversations, no documents; {command} (as text: name its --column)")


def is_conversation(row: dict[str, Any]) -> bool:
    """Return whether a row has the keys of a format of conversations, and values of their types."""
    for keys in FORMATS:
        values = [row.get(key) for key in keys]
        if len(keys) == 1 and isinstance(values[0], list):
            first = values[0][0] if values[0] else None
            if isinstance(first, dict) and not first.keys().isdisjoint({"role", "from"}):
                return True
        elif len(keys) > 1 and all(isinstance(value, str) for value in values):
            return True
    return False


def read_first_row(path: Path) -> dict[str, Any]:
    """Return the first row of a file by the names of its columns; nothing where it has none.

    What cannot be read has none: the reader of documents tells why.
    """
    suffix = file_format(path)
    with suppress(UserError, pa.ArrowException, OSError):
        if suffix == ".parquet":
            with pq.ParquetFile(path) as table:
                return next((batch.to_pylist()[0] for batch in table.iter_batches(1)), {})
        elif suffix in JSON_FORMATS:
            with open_decompressed(path) as stream:
                rows = read_json_rows(stream, str(path))
                return next((row.values for row in rows if isinstance(row, Row)), {})
        elif suffix in (".csv", ".tsv"):
            with open_decompressed(path) as stream:
                names, fields = read_table(stream, str(path))
                first = next((row.values for row in fields if isinstance(row, Fields)), [])
                return dict(zip(names, first, strict=False))
    return {}
