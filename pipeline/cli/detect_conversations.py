"""Recognition of files of conversations among those that people bring as text."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.paths import RAW_SFT
from pipeline.readers.files import read_rows, row_format
from pipeline.readers.rows import Row
from pipeline.sft.shapes import ANSWERS, LISTS, QUESTIONS, match_names, read_messages


def refuse_conversations(path: Path, file: Path) -> None:
    """Raise UserError where the file at `path`, called `file`, holds conversations and no documents.

    Its first row tells, by the keys that tuning reads.
    """
    if is_conversation(read_first_row(path)):
        raise UserError(
            "{file}: holds conversations, no documents; `tezgah add --sft {quoted}` puts it under {folder} "
            "(as text: name its --column)",
            file=file,
            quoted=shlex.quote(str(file)),
            folder=RAW_SFT,
        )


def is_conversation(row: dict[str, Any]) -> bool:
    """Return whether a row has the keys of a shape of conversations, and values of their types."""
    names = match_names(row)
    for key in (key for name in LISTS for key in names.get(name, ())):
        messages = read_messages(row[key])
        if messages and {"role", "from"} & messages[0].keys():
            return True
    keys = [[key for name in known for key in names.get(name, ())] for known in (QUESTIONS, ANSWERS)]
    return all(any(isinstance(row[key], str) or read_messages(row[key]) for key in each) for each in keys)


def read_first_row(path: Path) -> dict[str, Any]:
    """Return the first row of a file by the names of its columns; nothing where it has none.

    What cannot be read has none: the reader of documents tells why.
    """
    with suppress(UserError, OSError):
        if row_format(path):
            return next((row.values for row in read_rows(path) if isinstance(row, Row)), {})
    return {}
