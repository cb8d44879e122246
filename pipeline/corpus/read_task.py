"""Reads one shard of a source as rows: its documents, and what cannot be read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import dump_messages, join_texts
from pipeline.corpus.filters.apply import rule_bits
from pipeline.corpus.params import MiniworldSource, Rules, Source
from pipeline.corpus.readers.records import Missing, Record
from pipeline.corpus.readers.split_long import MAX_CHARS, split_long_text
from pipeline.corpus.rows import READ_SCHEMA
from pipeline.corpus.sources.base import SourceShard
from pipeline.readers.rows import Note

BATCH_ROWS = 256  # documents filtered in one call
BATCH_CHARS = 1_000_000  # a reader's batch is handed on when it has as many


@dataclass(frozen=True)
class ReadTask:
    """Reads one shard of a source, without its first `skip` rows, which were read before."""

    number: int  # of the task; they are read in this order
    name: str  # of the source
    source: Source
    shard: SourceShard
    skip: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows after the first `skip` in batches of READ_SCHEMA."""
        rows: list[dict[str, Any]] = []
        chars = 0
        for row in islice(self._rows(), self.skip, None):
            rows.append(row)
            chars += len(row["text"])
            if chars >= BATCH_CHARS or len(rows) >= BATCH_ROWS:
                yield pa.RecordBatch.from_pylist(rows, READ_SCHEMA)
                rows, chars = [], 0
        if rows:
            yield pa.RecordBatch.from_pylist(rows, READ_SCHEMA)

    def _rows(self) -> Iterator[dict[str, Any]]:
        number = 0
        skipped = Rules.model_fields if isinstance(self.source, MiniworldSource) else self.source.without
        blank: dict[str, Any] = {
            "source": self.name, "task": self.number, "skipped_rules": rule_bits(skipped), "id": None,
            "queries": [], "text": "", "note": None, "fault": None, "missing": False, "fatal": False,
            "last": False,
        }  # fmt: skip
        try:
            for record in self.shard.records():
                if isinstance(record, Record):
                    known = {"id": record.id, "queries": list(record.queries)}
                    is_short = len(record.text) <= MAX_CHARS
                    for text in [record.text] if is_short else split_long_text(record.text):
                        yield {**blank, **known, "row": number, "text": text}
                        number += 1
                else:
                    kind = "note" if isinstance(record, Note) else "fault"
                    missing = isinstance(record, Missing)
                    yield {**blank, "row": number, kind: write_message(record.message), "missing": missing}
                    number += 1
        except UserError as error:
            yield {**blank, "row": number, "fault": write_message(error.message), "fatal": True}
        except OSError as error:  # a file that was there when the run began
            fault = join_texts(": ", [f"corpus.sources.{self.name}", one_line(error)])
            yield {**blank, "row": number, "fault": write_message(fault), "fatal": True}
        yield {**blank, "row": number, "last": True}


def write_message(message: str) -> str:
    """Return a message as JSON, so that a column of text keeps what its translation needs."""
    return json.dumps(dump_messages(message))
