"""Vectors of an index: one byte a number, and an exact search over all of them.

A vector is kept as whole numbers from -127 to 127 and a scale, whose product it is, but for rounding.

N passages    D width of a vector
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.common.io import sha256
from pipeline.encoder.numpy_table import SearchEncoder

BLOCK_ROWS = 4096  # widened at a time: they fit the processor's cache
BATCH_PASSAGES = 1024  # embedded at a time
COMMIT_PASSAGES = 16 * BATCH_PASSAGES  # in a transaction
LARGEST = 127


class Vectors(NamedTuple):
    """The vectors of an index, in the order of the passages' ids."""

    passages_N: np.ndarray
    scales_N: np.ndarray
    numbers_NxD: np.ndarray  # int8

    def cosines(self, query_D: np.ndarray) -> np.ndarray:
        """Return the cosine [N] of every passage's vector with that of a query, both of length 1."""
        products_N = np.empty(len(self.scales_N), np.float32)
        for start in range(0, len(products_N), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            products_N[rows] = self.numbers_NxD[rows].astype(np.float32) @ query_D
        return products_N * self.scales_N

    def best(self, cosines_N: np.ndarray, count: int) -> dict[int, float]:
        """Return the largest cosines by their passages, the largest first."""
        rows = np.argpartition(-cosines_N, count)[:count] if count < len(cosines_N) else slice(None)
        pairs = zip(self.passages_N[rows].tolist(), cosines_N[rows].tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def select(self, cosines_N: np.ndarray, passages: list[int]) -> dict[int, float]:
        """Return the cosines of some passages, without those that have no vector."""
        rows = np.flatnonzero(np.isin(self.passages_N, passages))
        return dict(zip(self.passages_N[rows].tolist(), cosines_N[rows].tolist(), strict=True))


def quantize(vectors_NxD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors as scales [N] and whole numbers [N, D]."""
    largest_N = np.abs(vectors_NxD).max(axis=1)
    scales_N = np.where(largest_N > 0, largest_N, 1.0).astype(np.float32) / LARGEST
    return scales_N, np.rint(vectors_NxD / scales_N[:, None]).astype(np.int8)


def read_vectors(connection: sqlite3.Connection, width: int) -> Vectors:
    """Return all vectors of an index."""
    rows = connection.execute("SELECT passage_id, scale, numbers FROM vectors ORDER BY passage_id").fetchall()
    passages, scales, numbers = zip(*rows, strict=True) if rows else ((), (), ())
    numbers_NxD = np.frombuffer(b"".join(numbers), np.int8).reshape(-1, width)
    return Vectors(np.array(passages, np.int64), np.array(scales, np.float32), numbers_NxD)


def update_vectors(
    connection: sqlite3.Connection,
    folder: Path,
    encoder: SearchEncoder,
    watch: Callable[[str, int, int], None],
) -> int:
    """Give every passage without a vector the one of the encoder of `folder`, and return how many those are.

    The vectors of another encoder are removed first.
    """
    digest = hash_encoder(folder)
    if connection.execute("SELECT sha256 FROM encoder").fetchall() != [(digest,)]:
        connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM encoder")
    insert = "INSERT INTO encoder (folder, sha256, is_complete) VALUES (?, ?, 0)"
    connection.execute(insert, (str(folder.resolve()), digest))
    select = """
        SELECT id, text FROM passages LEFT JOIN vectors ON passage_id = id WHERE passage_id IS NULL
        ORDER BY id LIMIT ?
    """
    (total,) = connection.execute(
        "SELECT (SELECT count(*) FROM passages) - (SELECT count(*) FROM vectors)"
    ).fetchone()
    count = 0
    while batch := connection.execute(select, (COMMIT_PASSAGES,)).fetchall():
        for start in range(0, len(batch), BATCH_PASSAGES):
            ids, texts = zip(*batch[start : start + BATCH_PASSAGES], strict=True)
            scales_N, numbers_NxD = quantize(encoder.embed(texts))
            watch("vectors", count + start, total)
            rows = zip(ids, scales_N.tolist(), map(bytes, numbers_NxD), strict=True)
            connection.executemany("INSERT INTO vectors (passage_id, scale, numbers) VALUES (?, ?, ?)", rows)
        connection.commit()
        count += len(batch)
    connection.execute("UPDATE encoder SET is_complete = 1")
    connection.commit()
    return count


def hash_encoder(folder: Path) -> str:
    """Return what tells an encoder from others: the hashes of its weights, vocabulary and shape."""
    files = (folder / name for name in ("model.safetensors", "tokenizer.json", "config.json"))
    return " ".join(sha256(file) for file in files if file.name != "config.json" or file.exists())
