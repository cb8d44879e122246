"""Pack documents into shards: flat arrays of token ids, one document after another.

Worker processes read and encode row groups of the corpus. The main process cuts their results into files, in
the corpus's order, so that the bytes do not depend on the number of workers. A written shard stays, and a
run that was killed resumes after the last one.
"""

import json
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.common.io import atomic_file, sha256, write_json
from pipeline.common.runtime import exit_with_parent
from pipeline.data.reader import split_files
from pipeline.packing.encode import BatchEncoder
from pipeline.shards.format import ENTRY_KEYS
from pipeline.tokenizer.tokenizer import Tokenizer

TOTAL_KEYS = ("tokens", "documents", "bytes")
_encoder: BatchEncoder  # of this worker process


@dataclass
class EncodedDocuments:
    """Consecutive documents of a split, as token ids."""

    ids: np.ndarray  # of all documents, one after another
    token_counts: np.ndarray  # of each document
    byte_counts: np.ndarray  # of each document's text in UTF-8


def token_dtype(vocab_size: int) -> np.dtype:
    """Return `uint16` for fewer than 65,536 pieces, else `uint32`."""
    return np.dtype(np.uint16 if vocab_size < 1 << 16 else np.uint32)


def _init_worker(folder: Path) -> None:
    """Set up a worker process: it leaves Ctrl-C to the main process and ends with it, even by SIGKILL."""
    global _encoder
    _encoder = BatchEncoder(Tokenizer.load(folder))
    if parent := multiprocessing.parent_process():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert parent.pid is not None
        exit_with_parent(parent.pid)


def _encode_row_group(part: Path, group: int, skip: int) -> EncodedDocuments:
    """Encode the documents of a row group, without its first `skip`."""
    with pq.ParquetFile(part) as file:
        table = file.read_row_group(group, ["id", "text"], use_threads=False).slice(skip)
    texts = table["text"].combine_chunks()
    try:
        ids, token_counts = _encoder.encode(texts)
    except UserError:
        _raise_for_document(part, table)
        raise
    dtype = token_dtype(_encoder.tokenizer.vocab_size)
    return EncodedDocuments(ids.astype(dtype), token_counts, pc.binary_length(texts).to_numpy())


def _raise_for_document(part: Path, table: pa.Table) -> None:
    """Raise UserError that names the first document that cannot be encoded."""
    for row in range(len(table)):
        try:
            _encoder.encode(table["text"].combine_chunks()[row : row + 1])
        except UserError as error:
            raise UserError(
                "{part}: document {id}: {error}", part=part, id=table["id"][row], error=error
            ) from None


def iter_row_groups(corpus: Path, skip: int) -> Iterator[tuple[Path, int, int]]:
    """Yield (file, row group, documents to skip in it) of a split, without its first `skip` documents."""
    for part in split_files(corpus):
        with pq.ParquetFile(part) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        for group, size in enumerate(sizes):
            if skip < size:
                yield part, group, skip
            skip = max(0, skip - size)


def encode_split(corpus: Path, tokenizer: Path, workers: int, skip: int = 0) -> Iterator[EncodedDocuments]:
    """Yield all documents of a split in their order, encoded by `workers` processes."""
    groups = iter_row_groups(corpus, skip)
    if workers == 1:
        _init_worker(tokenizer)
        yield from (_encode_row_group(*group) for group in groups)
        return
    # Spawned, not forked: a fork of a process with running threads (Arrow's) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_init_worker, initargs=(tokenizer,)) as pool:
        # A bounded number in flight keeps the memory small for a corpus of any size.
        pending = deque(pool.submit(_encode_row_group, *group) for group in islice(groups, 2 * workers))
        try:
            while pending:
                yield pending.popleft().result()
                pending.extend(pool.submit(_encode_row_group, *group) for group in islice(groups, 1))
        except BrokenProcessPool:
            raise UserError(
                "runtime.workers: {workers}: a worker has ended too early, as it does where the "
                "system ends it for want of memory; lower it and start again: shards that are "
                "written stay",
                workers=workers,
            ) from None


def read_finished_entry(path: Path) -> dict[str, Any] | None:
    """Return the manifest's entry of a shard that an earlier run finished; None for any other."""
    try:
        entry = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return entry if tuple(entry) == ENTRY_KEYS and entry["sha256"] == sha256(path) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


class ShardWriter:
    """Writes a split into `folder/shard-*.npy`; a shard ends with the document that fills it.

    Beside each shard lies its entry of the manifest, from which a new writer resumes.
    """

    def __init__(self, folder: Path, shard_tokens: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.shard_tokens = folder, shard_tokens
        self.shards: list[dict[str, Any]] = []
        while entry := read_finished_entry(self.next_path()):
            self.shards.append(entry)
        self.buffered: list[EncodedDocuments] = []  # of the next shard
        self.buffered_tokens = 0

    def next_path(self) -> Path:
        """Return the next shard's path."""
        return self.folder / f"shard-{len(self.shards):05d}.npy"

    def totals(self) -> dict[str, int]:
        """Return the numbers of tokens, documents and bytes in all shards."""
        return {key: sum(shard[key] for shard in self.shards) for key in TOTAL_KEYS}

    def add(self, documents: EncodedDocuments) -> None:
        """Append documents."""
        ends = np.cumsum(documents.token_counts)
        first = 0
        while first < len(ends):
            before = int(ends[first - 1]) if first else 0
            # The document that reaches this many is the shard's last.
            last = int(np.searchsorted(ends, before + self.shard_tokens - self.buffered_tokens))
            stop = min(last + 1, len(ends))
            ids = documents.ids[before : ends[stop - 1]]
            token_counts, byte_counts = documents.token_counts[first:stop], documents.byte_counts[first:stop]
            self.buffered.append(EncodedDocuments(ids, token_counts, byte_counts))
            self.buffered_tokens += len(ids)
            first = stop
            if self.buffered_tokens >= self.shard_tokens:
                self.close()

    def close(self) -> None:
        """Write the buffered documents as a shard; without any, do nothing."""
        if not self.buffered:
            return
        ids = np.concatenate([documents.ids for documents in self.buffered])
        with atomic_file(self.next_path()) as file:
            np.save(file, ids)
        entry = {
            "file": self.next_path().name,
            "tokens": len(ids),
            "documents": sum(len(documents.token_counts) for documents in self.buffered),
            "bytes": sum(int(documents.byte_counts.sum()) for documents in self.buffered),
            "sha256": sha256(self.next_path()),
        }
        write_json(self.next_path().with_suffix(".json"), entry)  # last: it marks the shard as finished
        self.shards.append(entry)
        self.buffered, self.buffered_tokens = [], 0


def write_split(
    folder: Path, corpus: Path, tokenizer: Path, shard_tokens: int, workers: int
) -> dict[str, Any]:
    """Write `folder/shard-*.npy` of the documents in `corpus`; return the split's part of the manifest.

    Resumes after the shards that an earlier run finished. Raises UserError where there is no document.
    """
    writer = ShardWriter(folder, shard_tokens)
    done = writer.totals()["documents"]
    if done:
        print_message("resumed after {count:,} documents of {corpus}", count=done, corpus=corpus)
    for documents in encode_split(corpus, tokenizer, workers, skip=done):
        writer.add(documents)
    writer.close()
    if not writer.shards:
        raise UserError("{corpus}: holds no document; run `dvc repro --force slice_corpus`", corpus=corpus)
    return {**writer.totals(), "shards": writer.shards}


def write_sources(folder: Path, corpus: Path) -> list[str]:
    """Write `folder/sources.npy`, the index of each document's source; return the sources' names."""
    index_of: dict[str, int] = {}  # by source name
    sources = [
        index_of.setdefault(name, len(index_of))
        for part in split_files(corpus)
        for name in pq.read_table(part, columns=["source"], use_threads=False)["source"].to_pylist()
    ]
    with atomic_file(folder / "sources.npy") as file:
        np.save(file, np.array(sources, np.uint16))
    return list(index_of)


def write_manifest(folder: Path, tokenizer: Tokenizer, splits: dict[str, Any]) -> None:
    """Write `folder/manifest.json`: the splits' shards and the tokenizer that made them."""
    write_json(
        folder / "manifest.json",
        {
            "dtype": token_dtype(tokenizer.vocab_size).name,
            "vocab_size": tokenizer.vocab_size,
            "tokenizer_sha256": sha256(tokenizer.folder / "tokenizer.model"),
            **splits,
        },
    )
