"""Pack documents into shards: flat arrays of token ids, one document after another.

Worker processes read and encode row groups of the corpus; this one cuts what they bring, in the corpus's
order, into files, so that the bytes do not depend on the number of workers. A shard that is written stays: a
run that was killed goes on after the last one.
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
from pipeline.common.io import sha256, whole_file, write_json
from pipeline.common.runtime import end_with
from pipeline.data.reader import parts
from pipeline.packing.encode import BatchEncoder
from pipeline.shards.format import ENTRY
from pipeline.tokenizer.tokenizer import Tokenizer

TOTALS = ("tokens", "documents", "bytes")
_encoder: BatchEncoder  # of a worker process


@dataclass
class Encoded:
    """Consecutive documents of a split."""

    ids: np.ndarray  # of all, one after another
    tokens: np.ndarray  # how many each has
    bytes: np.ndarray  # of UTF-8 that each was


def token_dtype(vocab_size: int) -> np.dtype:
    """`uint16` for fewer than 65,536 pieces, else `uint32`."""
    return np.dtype(np.uint16 if vocab_size < 1 << 16 else np.uint32)


def _open(folder: Path) -> None:
    """Make this process a worker: it leaves Ctrl-C to the main process and ends with it, even if killed."""
    global _encoder
    _encoder = BatchEncoder(Tokenizer.load(folder))
    if parent := multiprocessing.parent_process():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert parent.pid is not None
        end_with(parent.pid)


def _encode(part: Path, group: int, skip: int) -> Encoded:
    """The documents of a row group, without its first `skip`."""
    with pq.ParquetFile(part) as file:
        table = file.read_row_group(group, ["id", "text"], use_threads=False).slice(skip)
    texts = table["text"].combine_chunks()
    try:
        ids, tokens = _encoder.encode(texts)
    except UserError:
        _name_fault(part, table)
        raise
    dtype = token_dtype(_encoder.tokenizer.vocab_size)
    return Encoded(ids.astype(dtype), tokens, pc.binary_length(texts).to_numpy())


def _name_fault(part: Path, table: pa.Table) -> None:
    """Raise UserError with the name of the first document that cannot be encoded."""
    for row in range(len(table)):
        try:
            _encoder.encode(table["text"].combine_chunks()[row : row + 1])
        except UserError as error:
            raise UserError(f"{part}: document {table['id'][row]}: {error}") from None


def row_groups(corpus: Path, skip: int) -> Iterator[tuple[Path, int, int]]:
    """(file, row group, documents to skip in it) of a split, without its first `skip` documents."""
    for part in parts(corpus):
        with pq.ParquetFile(part) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        for group, size in enumerate(sizes):
            if skip < size:
                yield part, group, skip
            skip = max(0, skip - size)


def encoded(corpus: Path, tokenizer: Path, workers: int, skip: int = 0) -> Iterator[Encoded]:
    """All documents of a split in their order, encoded by `workers` processes."""
    groups = row_groups(corpus, skip)
    if workers == 1:
        _open(tokenizer)
        yield from (_encode(*group) for group in groups)
        return
    # Spawned, not forked: a fork of a process with running threads (Arrow's) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_open, initargs=(tokenizer,)) as pool:
        # A bounded number at once, so that a corpus of any size passes through little memory.
        pending = deque(pool.submit(_encode, *group) for group in islice(groups, 2 * workers))
        try:
            while pending:
                yield pending.popleft().result()
                pending.extend(pool.submit(_encode, *group) for group in islice(groups, 1))
        except BrokenProcessPool:
            raise UserError(
                f"runtime.workers: {workers}: a worker has ended too early, as it does where the system"
                " ends it for want of memory; lower it and start again: shards that are written stay"
            ) from None


def written(path: Path) -> dict[str, Any] | None:
    """The manifest's entry of a shard that an earlier run wrote, whole; of any other None."""
    try:
        entry = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return entry if tuple(entry) == ENTRY and entry["sha256"] == sha256(path) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


class ShardWriter:
    """Cuts a split into `folder/shard-*.npy`, each closed by the document that fills it.

    What it has written it finds again: beside each shard lies its entry of the manifest.
    """

    def __init__(self, folder: Path, shard_tokens: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.shard_tokens = folder, shard_tokens
        self.shards: list[dict[str, Any]] = []
        while entry := written(self.path()):
            self.shards.append(entry)
        self.open: list[Encoded] = []
        self.waiting = 0  # tokens in `open`

    def path(self) -> Path:
        """The next shard's."""
        return self.folder / f"shard-{len(self.shards):05d}.npy"

    def totals(self) -> dict[str, int]:
        """Tokens, documents and bytes in all shards."""
        return {key: sum(shard[key] for shard in self.shards) for key in TOTALS}

    def add(self, more: Encoded) -> None:
        """Append documents."""
        ends = np.cumsum(more.tokens)  # of documents
        first = 0
        while first < len(ends):
            before = int(ends[first - 1]) if first else 0
            # The document that reaches this many is the shard's last.
            last = int(np.searchsorted(ends, before + self.shard_tokens - self.waiting))
            some = slice(first, min(last + 1, len(ends)))
            ids = more.ids[before : ends[some.stop - 1]]
            self.open.append(Encoded(ids, more.tokens[some], more.bytes[some]))
            self.waiting += len(ids)
            first = some.stop
            if self.waiting >= self.shard_tokens:
                self.close()

    def close(self) -> None:
        """Write what is open as a shard; nothing where there is nothing."""
        if not self.open:
            return
        ids = np.concatenate([each.ids for each in self.open])
        with whole_file(self.path()) as file:
            np.save(file, ids)
        entry = {
            "file": self.path().name,
            "tokens": len(ids),
            "documents": sum(len(each.tokens) for each in self.open),
            "bytes": sum(int(each.bytes.sum()) for each in self.open),
            "sha256": sha256(self.path()),
        }
        write_json(self.path().with_suffix(".json"), entry)  # last: it says that the shard is whole
        self.shards.append(entry)
        self.open, self.waiting = [], 0


def write_split(
    folder: Path, corpus: Path, tokenizer: Path, shard_tokens: int, workers: int
) -> dict[str, Any]:
    """Write `folder/shard-*.npy` of the documents in `corpus`; return the split's part of the manifest.

    Goes on after the shards that are there already. Raises UserError where there is no document.
    """
    writer = ShardWriter(folder, shard_tokens)
    done = writer.totals()["documents"]
    if done:
        print(f"resumed after {done:,} documents of {corpus}", flush=True)
    for some in encoded(corpus, tokenizer, workers, skip=done):
        writer.add(some)
    writer.close()
    if not writer.shards:
        raise UserError(f"{corpus}: holds no document; run `dvc repro --force slice_corpus`")
    return {**writer.totals(), "shards": writer.shards}


def write_sources(folder: Path, corpus: Path) -> list[str]:
    """Write `folder/sources.npy`, the number of each document's source; returns the sources' names."""
    numbers: dict[str, int] = {}
    found = [
        numbers.setdefault(name, len(numbers))
        for part in parts(corpus)
        for name in pq.read_table(part, columns=["source"], use_threads=False)["source"].to_pylist()
    ]
    with whole_file(folder / "sources.npy") as file:
        np.save(file, np.array(found, np.uint16))
    return list(numbers)


def write_manifest(folder: Path, tokenizer: Tokenizer, splits: dict[str, Any]) -> None:
    """Write `folder/manifest.json`: what the shards hold and which tokenizer made them."""
    write_json(
        folder / "manifest.json",
        {
            "dtype": token_dtype(tokenizer.vocab_size).name,
            "vocab_size": tokenizer.vocab_size,
            "tokenizer_sha256": sha256(tokenizer.folder / "tokenizer.model"),
            **splits,
        },
    )
