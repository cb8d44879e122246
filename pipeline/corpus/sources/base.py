"""What the sources are read in: a piece at a time, each by itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.common.data_files import matching_files
from pipeline.corpus.params import RAW, CorpusParams, LocalSource, MiniworldSource, UrlsSource, path_key
from pipeline.corpus.readers.decompress import SUFFIXES
from pipeline.corpus.readers.files import file_records
from pipeline.corpus.readers.records import Missing, Note, Record, Unreadable
from pipeline.corpus.readers.txt import Divided
from pipeline.corpus.sources import hub, urls
from pipeline.miniworld import texts


class Piece(Protocol):
    """A part of a source; workers on other machines may read it."""

    @property
    def size(self) -> int:
        """Bytes of text that it has, roughly."""

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """Its documents, and what cannot be read. Raises UserError where nothing after it can."""


@dataclass(frozen=True)
class Composed:
    """All that the miniworld tells."""

    documents: int
    seed: int
    size: int = 0

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """The documents, as it composes them."""
        for document in texts.documents(self.seed, self.documents):
            yield Record(document.text, document.id, document.queries)


@dataclass(frozen=True)
class LocalFile:
    """A file of the user's."""

    path: Path
    text_column: str | None
    divided: Divided

    @property
    def size(self) -> int:
        """By its size."""
        return self.path.stat().st_size * (hub.PACKED if self.path.suffix in (*SUFFIXES, ".parquet") else 1)

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """The documents of the file."""
        return file_records(self.path, self.text_column, self.divided)


def pieces(params: CorpusParams, name: str, seed: int, root: Path) -> list[Piece]:
    """All pieces of a source, in the order in which they are read; those that come from the net are shuffled
    where only a share of them is wanted.
    """
    source = params.sources[name]
    if isinstance(source, MiniworldSource):
        return [Composed(source.documents, seed)]
    if isinstance(source, LocalSource):
        paths = matching_files(path_key(name), source.path, RAW, root)
        return [LocalFile(path, source.text_column, source.documents) for path in paths]
    if isinstance(source, UrlsSource):
        lists = matching_files(path_key(name), source.path, RAW, root)
        found: list[Piece] = [piece for path in lists for piece in urls.slices(name, source, path)]
    else:
        found = list(hub.pieces(name, source, in_groups=params.max_bytes is not None))
    return found if params.max_bytes is None else random.Random(seed).sample(found, len(found))
