"""Pack documents into shards: flat arrays of token ids, one document after another."""

import hashlib
import io
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.files import sha256, write_json, write_whole
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer

BATCH_CHARS = 1 << 20  # of text in one task of a worker
_tokenizer: Tokenizer  # of a worker process


def _open(folder: Path) -> None:
    global _tokenizer
    _tokenizer = Tokenizer.load(folder)


def _encode(texts: list[str]) -> list[np.ndarray]:
    dtype = token_dtype(_tokenizer.vocab_size)
    return [np.array([BOS, *_tokenizer.encode(text), EOS], dtype=dtype) for text in texts]


def token_dtype(vocab_size: int) -> np.dtype:
    """`uint16` where every id fits, else `uint32`."""
    return np.dtype(np.uint16 if vocab_size < 1 << 16 else np.uint32)


def in_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Lists of consecutive texts of about BATCH_CHARS characters each."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def encoded(texts: Iterable[str], tokenizer: Path, workers: int) -> Iterator[tuple[int, np.ndarray]]:
    """(UTF-8 bytes, ids) of every text in its order, encoded by `workers` processes."""
    batches = in_batches(texts)
    # Spawned, not forked: a fork of a process with running threads (Arrow's) can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_open, initargs=(tokenizer,)) as pool:
        pending: deque[tuple[list[str], Future[list[np.ndarray]]]] = deque()

        def submit(count: int) -> None:
            pending.extend((batch, pool.submit(_encode, batch)) for batch in islice(batches, count))

        submit(2 * workers)  # bounded, so that a corpus of any size passes through little memory
        while pending:
            batch, future = pending.popleft()
            for text, ids in zip(batch, future.result(), strict=True):
                yield len(text.encode("utf-8")), ids
            submit(1)


def write_split(
    folder: Path, texts: Iterable[str], tokenizer: Path, shard_tokens: int, workers: int
) -> dict[str, Any]:
    """Write `folder/shard-*.npy` and return the split's part of the manifest."""
    folder.mkdir(parents=True)
    shards: list[dict[str, Any]] = []
    documents: list[np.ndarray] = []
    tokens = text_bytes = 0

    def close() -> None:
        nonlocal documents, tokens, text_bytes
        if not documents:
            return
        path = folder / f"shard-{len(shards):05d}.npy"
        content = io.BytesIO()
        np.save(content, np.concatenate(documents))
        write_whole(path, content.getvalue())
        shards.append(
            {
                "file": path.name,
                "tokens": tokens,
                "documents": len(documents),
                "bytes": text_bytes,
                "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
            }
        )
        documents, tokens, text_bytes = [], 0, 0

    for size, ids in encoded(texts, tokenizer, workers):
        documents.append(ids)
        tokens += len(ids)
        text_bytes += size
        if tokens >= shard_tokens:
            close()
    close()
    totals = {key: sum(shard[key] for shard in shards) for key in ("tokens", "documents", "bytes")}
    return {**totals, "shards": shards}


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
