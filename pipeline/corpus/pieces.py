"""What the sources are read in: a piece at a time, each by itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.corpus import hub
from pipeline.corpus.decompress import SUFFIXES
from pipeline.corpus.files import file_records
from pipeline.corpus.params import RAW, CorpusParams, LocalSource, MiniworldSource, path_key
from pipeline.corpus.records import Note, Record, Unreadable
from pipeline.inputs import matching_files
from pipeline.miniworld import texts


class Piece(Protocol):
    """A part of a source; workers on other machines may read it."""

    @property
    def size(self) -> int:
        """Bytes of text that it has, roughly."""

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """Its documents, and what cannot be read. Raises UserError where nothing after it can."""


@dataclass(frozen=True)
class Composed:
    """All that the miniworld tells."""

    documents: int
    seed: int
    size: int = 0

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """The documents, as it composes them."""
        for document in texts.documents(self.seed, self.documents):
            yield Record(document.text, document.id, document.queries)


@dataclass(frozen=True)
class LocalFile:
    """A file of the user's."""

    path: Path
    text_column: str | None

    @property
    def size(self) -> int:
        """By its size."""
        return self.path.stat().st_size * (hub.PACKED if self.path.suffix in (*SUFFIXES, ".parquet") else 1)

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """The documents of the file."""
        return file_records(self.path, self.text_column)


def pieces(params: CorpusParams, name: str, seed: int, root: Path) -> list[Piece]:
    """All pieces of a source, in the order in which they are read; those of a set on the hub of which only a
    share is wanted are shuffled.
    """
    source = params.sources[name]
    if isinstance(source, MiniworldSource):
        return [Composed(source.documents, seed)]
    if isinstance(source, LocalSource):
        paths = matching_files(path_key(name), source.path, RAW, root)
        return [LocalFile(path, source.text_column) for path in paths]
    found = hub.pieces(name, source, in_groups=params.max_bytes is not None)
    return list(found) if params.max_bytes is None else random.Random(seed).sample(found, len(found))
