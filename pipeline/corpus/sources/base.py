"""Shards of the sources: what one worker reads at a time, each by itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.common.data_files import matching_files
from pipeline.common.paths import RAW_CORPUS
from pipeline.corpus.params import CorpusParams, LocalSource, MiniworldSource, UrlsSource, path_key
from pipeline.corpus.readers.files import compression_ratio, read_file
from pipeline.corpus.readers.records import Missing, Record
from pipeline.corpus.readers.txt import DocumentBoundary
from pipeline.corpus.sources import hub, urls
from pipeline.miniworld import texts
from pipeline.readers.rows import Note, Unreadable


class SourceShard(Protocol):
    """A part of a source. Workers on other machines may read it."""

    @property
    def size(self) -> int:
        """Estimated bytes of text."""

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """Yield its documents, and what cannot be read. Raises UserError where nothing after that can be."""


@dataclass(frozen=True)
class MiniworldShard:
    """All documents of the miniworld."""

    documents: int
    seed: int
    size: int = 0

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """Yield the documents, as they are composed."""
        for document in texts.compose_documents(self.seed, self.documents):
            yield Record(document.text, document.id, document.queries)


@dataclass(frozen=True)
class LocalFileShard:
    """A file of the user."""

    path: Path
    text_column: str | None
    boundary: DocumentBoundary
    has_header: bool = True

    @property
    def size(self) -> int:
        """Estimated bytes of text, by the file's size."""
        return self.path.stat().st_size * compression_ratio(self.path)

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """Yield the documents of the file."""
        return read_file(self.path, self.text_column, self.boundary, has_header=self.has_header)


def list_shards(params: CorpusParams, name: str, seed: int, root: Path) -> list[SourceShard]:
    """Return all shards of a source, in the order in which they are read.

    Those that are downloaded are shuffled where corpus.max_bytes leaves the source only a share of its text.
    """
    source = params.sources[name]
    if isinstance(source, MiniworldSource):
        return [MiniworldShard(source.documents, seed)]
    if isinstance(source, LocalSource):
        paths = matching_files(path_key(name), source.path, RAW_CORPUS, root)
        return [LocalFileShard(path, source.text_column, source.documents, source.header) for path in paths]
    if isinstance(source, UrlsSource):
        lists = matching_files(path_key(name), source.path, RAW_CORPUS, root)
        shards: list[SourceShard] = [
            shard for path in lists for shard in urls.list_url_shards(name, source, path)
        ]
    else:
        shards = list(hub.list_hub_shards(name, source, by_row_group=params.max_bytes is not None))
    return shards if params.max_bytes is None else random.Random(seed).sample(shards, len(shards))
