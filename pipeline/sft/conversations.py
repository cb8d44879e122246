"""Conversations from files: JSON, CSV, TSV or Parquet, compressed or not, in the shapes of shapes.py."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.hub_set import HubSet
from pipeline.common.i18n import Translatable
from pipeline.hub.data_sets import download_rows
from pipeline.readers.decompress import DamagedFile
from pipeline.readers.files import read_rows
from pipeline.readers.rows import Note, Row, Unreadable
from pipeline.sft.findings import Findings
from pipeline.sft.shapes import parse_row
from pipeline.tokenizer.chat_template import Message


def read_files(
    files: Iterable[Path], findings: Findings, columns: Mapping[str, str] | None = None
) -> Iterator[list[Message]]:
    """Yield the conversations of all files. Raises UserError for a file without any.

    `columns`: see `parse_row`. The rest of a compressed file that is damaged after some conversations counts
    as one unreadable row.
    """
    for file in files:
        is_empty, unreadable = True, findings.unreadable
        try:
            for messages in read_conversations(file, findings, columns):
                is_empty = False
                yield messages
        except DamagedFile as error:
            if is_empty:
                raise
            findings.add_error(error)
        if is_empty and findings.unreadable > unreadable:
            raise UserError(findings.example)
        if is_empty:
            raise UserError("{file}: no conversation in it; add some, or leave the file out", file=file)


def read_conversations(
    path: Path, findings: Findings, columns: Mapping[str, str] | None = None
) -> Iterator[list[Message]]:
    """Yield the conversations of a file, in order. Empty lines are skipped.

    Raises UserError that names file, line, value and what to do, unless `findings` says to skip such rows.
    """
    yield from parse_rows(read_rows(path), findings, columns)


def read_hub_set(
    key: str, hub_set: HubSet, findings: Findings, columns: Mapping[str, str] | None = None
) -> Iterator[list[Message]]:
    """Yield the conversations of a set on the hub, as its rows come. Raises UserError that names `key`."""
    rows = download_rows(f"{key}.hub", hub_set, streaming=True)
    template = "{key}: {dataset} row {number}"
    numbered = (
        Row(Translatable(template, key=key, dataset=hub_set.dataset, number=number), values)
        for number, values in enumerate(rows, start=1)
    )
    yield from parse_rows(numbered, findings, columns)


def parse_rows(
    rows: Iterable[Row | Unreadable | Note], findings: Findings, columns: Mapping[str, str] | None
) -> Iterator[list[Message]]:
    """Yield the conversations of rows. Raises UserError for a wrong one, unless such rows are skipped."""
    for row in rows:
        if isinstance(row, Note):
            findings.notes.append(row.message)
            continue
        try:
            if isinstance(row, Unreadable):
                raise UserError(row.message)
            messages = parse_row(row.values, row.location, columns, findings)
        except UserError as error:
            findings.add_error(error)
        else:
            findings.rows += 1
            yield messages


def unit_hash(messages: Sequence[Message], salt: str = "") -> float:
    """Hash the messages to a number in [0, 1), another one for another `salt`."""
    text = salt + json.dumps([[message["role"], message["content"]] for message in messages])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48
