"""Data sets on the Hugging Face hub, or on a server with its API (`HF_ENDPOINT`), read in shards.

`datasets` finds the files of a configuration and split. Of Parquet only the row groups and columns that are
wanted are downloaded, by ranges. Other files are downloaded whole, and an interrupted download resumes.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.common.errors import UserError
from pipeline.corpus.params import HubSource
from pipeline.corpus.readers import parquet
from pipeline.corpus.readers.files import FORMATS, compression_ratio, file_format, read_file
from pipeline.corpus.readers.records import Record, choose_text_columns
from pipeline.corpus.sources.download_cache import download_folder
from pipeline.hub.access import hub_access
from pipeline.hub.data_sets import list_urls
from pipeline.readers.rows import Note, Unreadable

METADATA_THREADS = 16  # Parquet files whose footers are read at a time


@dataclass(frozen=True)
class RowGroupShard:
    """A row group of a Parquet file on the hub, or all of them where `group` is None."""

    source: str
    url: str  # hf://datasets/<set>@<revision>/<path>
    group: int | None
    text_column: str | None
    size: int

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """Yield its rows."""
        with hub_access(source_key(self.source)), _open_remote(self.url) as file:
            row_groups = None if self.group is None else [self.group]
            yield from parquet.read_parquet(file, self.url, self.text_column, row_groups)


@dataclass(frozen=True)
class HubFileShard:
    """A file on the hub in another format than Parquet."""

    source: str
    url: str
    text_column: str | None
    size: int

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """Yield its documents. The file is downloaded to the scratch folder and removed after it was read."""
        from huggingface_hub import hf_hub_download

        repository, _, rest = self.url.removeprefix("hf://datasets/").partition("@")
        revision, _, path = rest.partition("/")
        folder = download_folder(f"{repository} {revision}")
        with hub_access(source_key(self.source)):
            downloaded = Path(
                hf_hub_download(repository, path, repo_type="dataset", revision=revision, local_dir=folder)
            )
        yield from read_file(downloaded, self.text_column, name=self.url)
        downloaded.unlink()


def source_key(name: str) -> str:
    """Return the param that describes a source of the corpus."""
    return f"corpus.sources.{name}"


def list_hub_shards(name: str, source: HubSource, by_row_group: bool) -> list[RowGroupShard | HubFileShard]:
    """Return the shards of a source: its files, or with `by_row_group` the row groups of Parquet files.

    Raises UserError, naming the param, for a data set, configuration, split or revision that does not exist,
    for one that may not be read, and for files of an unknown format.
    """
    key = source_key(name)
    with hub_access(key):
        urls = list_urls(key, source)
        sizes = {url: int(_file_system().info(url)["size"]) for url in urls}
        for url in urls:
            if file_format(Path(url)) is None:
                raise UserError(
                    "{key}.dataset: {url}: of no known format; a set needs files of {formats}",
                    key=key,
                    url=url,
                    formats=FORMATS,
                )
        parquet_urls = [url for url in urls if file_format(Path(url)) == ".parquet"]
        group_sizes: dict[str, list[int]] = {}
        if by_row_group and parquet_urls:
            with ThreadPoolExecutor(METADATA_THREADS) as pool:
                text_bytes = pool.map(lambda url: _row_group_text_bytes(url, source), parquet_urls)
                group_sizes = dict(zip(parquet_urls, text_bytes, strict=True))
    shards: list[RowGroupShard | HubFileShard] = []
    text_column = source.text_column
    for url in urls:
        size = sizes[url] * compression_ratio(Path(url))
        if url in group_sizes:
            shards += [
                RowGroupShard(name, url, group, text_column, group_size)
                for group, group_size in enumerate(group_sizes[url])
            ]
        elif url in parquet_urls:
            shards.append(RowGroupShard(name, url, None, text_column, size))
        else:
            shards.append(HubFileShard(name, url, text_column, size))
    return shards


def _row_group_text_bytes(url: str, source: HubSource) -> list[int]:
    """Return the bytes of the text columns of each row group."""
    with _open_remote(url) as file:
        metadata = pq.ParquetFile(file).metadata
    kinds = parquet.column_kinds(metadata.schema.to_arrow_schema())
    template = choose_text_columns(kinds, source.text_column, url)
    sizes = []
    for group in range(metadata.num_row_groups):
        columns = [metadata.row_group(group).column(i) for i in range(metadata.num_columns)]
        sizes.append(sum(c.total_uncompressed_size for c in columns if c.path_in_schema in template.columns))
    return sizes


def _open_remote(url: str) -> Any:
    """Open a file on the hub. No more of it is downloaded than is read."""
    return _file_system().open(url, "rb", cache_type="none")


def _file_system() -> Any:
    from huggingface_hub import HfFileSystem

    return HfFileSystem()
