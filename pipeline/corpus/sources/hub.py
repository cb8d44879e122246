"""Sets on the Hugging Face hub, or on one that speaks its language (`HF_ENDPOINT`), read in pieces.

`datasets` finds the files of a configuration and split. Of Parquet only the row groups and columns that are
wanted are fetched, by ranges; other files are fetched whole, and a download that was cut off goes on.
"""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.common.errors import UserError, one_line
from pipeline.corpus.params import HubSource
from pipeline.corpus.readers import parquet
from pipeline.corpus.readers.decompress import SUFFIXES
from pipeline.corpus.readers.files import KINDS, file_records, kind_of
from pipeline.corpus.readers.records import Note, Record, Unreadable, text_of
from pipeline.corpus.sources.download_cache import folder_of

ENV = Path(".env")  # may hold HF_TOKEN=…
LOOKS = 16  # files whose ends are read at a time
PACKED = 4  # bytes of text in one of a compressed file


@dataclass(frozen=True)
class RowGroup:
    """A row group of a Parquet file on the hub; all of the file's where `group` is None."""

    source: str
    url: str  # hf://datasets/<set>@<revision>/<path>
    group: int | None
    text_column: str | None
    size: int

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """Its rows."""
        with told(self.source), _opened(self.url) as file:
            groups = None if self.group is None else [self.group]
            yield from parquet.records(file, self.url, self.text_column, groups)


@dataclass(frozen=True)
class HubFile:
    """Another file on the hub."""

    source: str
    url: str
    text_column: str | None
    size: int

    def records(self) -> Iterator[Record | Unreadable | Note]:
        """Its documents. The file is fetched to the scratch folder and removed when it has been read."""
        from huggingface_hub import hf_hub_download

        repository, _, rest = self.url.removeprefix("hf://datasets/").partition("@")
        revision, _, path = rest.partition("/")
        folder = folder_of(f"{repository} {revision}")
        with told(self.source):
            fetched = Path(
                hf_hub_download(repository, path, repo_type="dataset", revision=revision, local_dir=folder)
            )
        yield from file_records(fetched, self.text_column, name=self.url)
        fetched.unlink()


def pieces(name: str, source: HubSource, in_groups: bool) -> list[RowGroup | HubFile]:
    """What a source can be read in: files, or where `in_groups` is asked for the row groups of Parquet files.

    Raises UserError, naming the param, for a set, a configuration, a split or a revision that is not there,
    one that may not be read, and files of no known format.
    """
    key = f"corpus.sources.{name}"
    with told(name):
        if source.revision is None:
            from huggingface_hub import HfApi

            now = HfApi().dataset_info(source.dataset).sha
            raise UserError(f'{key}.revision: missing; {source.dataset} is now at "{now}", put that there')
        urls = _urls(key, source)
        sizes = {url: int(_files().info(url)["size"]) for url in urls}
        for url in urls:
            if kind_of(Path(url)) is None:
                raise UserError(f"{key}.dataset: {url}: of no known format; a set needs files of {KINDS}")
        parquet = [url for url in urls if url.endswith(".parquet")]
        groups: dict[str, list[int]] = {}
        if in_groups and parquet:
            with ThreadPoolExecutor(LOOKS) as pool:
                sized = pool.map(lambda url: _text_bytes(url, source), parquet)
                groups = dict(zip(parquet, sized, strict=True))
    found: list[RowGroup | HubFile] = []
    wanted = source.text_column
    for url in urls:
        if url in groups:
            found += [RowGroup(name, url, group, wanted, size) for group, size in enumerate(groups[url])]
        elif url in parquet:
            found.append(RowGroup(name, url, None, wanted, sizes[url] * PACKED))
        else:
            packed = PACKED if Path(url).suffix in SUFFIXES else 1
            found.append(HubFile(name, url, wanted, sizes[url] * packed))
    return found


def _urls(key: str, source: HubSource) -> list[str]:
    """The files of a configuration and split at a revision, in the order of the set."""
    import datasets

    datasets.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(source.dataset, source.config, revision=source.revision)
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        raise UserError(
            f"{key}.dataset: {source.dataset} needs a script of its own to be loaded, which is not supported;"
            " load it yourself, save it as Parquet or JSON lines, and add that as a source of kind local"
        ) from None
    except ValueError as error:  # no such configuration
        raise UserError(f"{key}.config: {source.config!r}: {one_line(error)}") from None
    files = builder.config.data_files or {}
    if source.split not in files:
        raise UserError(f"{key}.split: {source.split!r}: not there; it has {', '.join(files) or 'none'}")
    return [str(url) for url in files[source.split]]


def _text_bytes(url: str, source: HubSource) -> list[int]:
    """For each row group how many bytes the wanted columns have."""
    with _opened(url) as file:
        meta = pq.ParquetFile(file).metadata
    names = meta.schema.to_arrow_schema()
    wanted = text_of(names.names, parquet.text_columns(names), source.text_column, url).columns
    found = []
    for group in range(meta.num_row_groups):
        columns = [meta.row_group(group).column(place) for place in range(meta.num_columns)]
        found.append(sum(one.total_uncompressed_size for one in columns if one.path_in_schema in wanted))
    return found


def _opened(url: str) -> Any:
    """A file on the hub; of what is read of it no more is fetched than asked for."""
    return _files().open(url, "rb", cache_type="none")


def _files() -> Any:
    from huggingface_hub import HfFileSystem

    return HfFileSystem()


@contextmanager
def told(name: str) -> Iterator[None]:
    """Reading the hub inside the block: with the token of `.env`, and errors in one line."""
    if "HF_TOKEN" not in os.environ and (token := _token(ENV)):
        os.environ["HF_TOKEN"] = token
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
    from httpx2 import HTTPError
    from huggingface_hub import errors

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every attempt
    key = f"corpus.sources.{name}"
    refused = errors.GatedRepoError, errors.RepositoryNotFoundError, errors.RevisionNotFoundError
    try:
        yield
    except (*refused, DatasetNotFoundError) as error:
        if "evision" in str(error) and "gated" not in str(error):
            raise UserError(f"{key}.revision: not there; set it to null to be told the current one") from None
        raise UserError(
            f"{key}.dataset: not there, or not to be read without leave ({one_line(error)}); check its name,"
            " or ask for access on its page and put a token in the environment or in .env: HF_TOKEN=hf_…"
        ) from None
    except (errors.EntryNotFoundError, DataFilesNotFoundError, FileNotFoundError) as error:
        raise UserError(f"{key}: {one_line(error)}") from None
    except (errors.HfHubHTTPError, HTTPError, OSError) as error:
        raise UserError(
            f"{key}: the hub does not answer ({one_line(error)}); run again, and it goes on"
        ) from None


def _token(path: Path) -> str | None:
    """What an `.env` file has for HF_TOKEN."""
    if not path.is_file():
        return None
    lines = (line.partition("=") for line in path.read_text("utf-8").splitlines())
    found = {key.strip().removeprefix("export "): value.strip().strip("\"'") for key, _, value in lines}
    return found.get("HF_TOKEN") or None
