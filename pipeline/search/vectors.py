"""Vectors of an index: one byte a number, and an exact search over all of them.

A vector is kept as whole numbers from -127 to 127 and a scale, whose product it is, but for rounding. The
table `vectors` has many of them in a row, as reading each by itself takes four times as long.

N passages    D width of a vector
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.common.io import sha256
from pipeline.encoder.numpy_table import SearchEncoder

# Called with what is counted ("files" or "vectors"), how many are done, and of how many.
Watch = Callable[[str, int, int], None]

BLOCK_ROWS = 4096  # of a row of the table, and widened at a time: they fit the processor's cache
COMMIT_BLOCKS = 4  # in a transaction
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
    select = "SELECT passages, scales, numbers FROM vectors ORDER BY first_passage"
    blocks = connection.execute(select).fetchall()
    passages, scales, numbers = (
        (b"".join(column) for column in zip(*blocks, strict=True)) if blocks else [b""] * 3
    )
    numbers_NxD = np.frombuffer(numbers, np.int8).reshape(-1, width)
    return Vectors(np.frombuffer(passages, "<i8"), np.frombuffer(scales, "<f4"), numbers_NxD)


def add_vectors(connection: sqlite3.Connection, vectors: Vectors) -> None:
    """Add vectors as a row of the table. Their passages must come after all others."""
    row = (
        int(vectors.passages_N[0]),
        int(vectors.passages_N[-1]),
        vectors.passages_N.astype("<i8").tobytes(),
        vectors.scales_N.astype("<f4").tobytes(),
        vectors.numbers_NxD.tobytes(),
    )
    connection.execute("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", row)


def remove_vectors(connection: sqlite3.Connection, passages: list[int]) -> None:
    """Remove the vectors of some passages."""
    if not passages:
        return
    select = """
        SELECT first_passage, passages, scales, numbers FROM vectors
        WHERE last_passage >= ? AND first_passage <= ?
    """
    for first, *columns in connection.execute(select, (min(passages), max(passages))).fetchall():
        ids_N, scales_N = np.frombuffer(columns[0], "<i8"), np.frombuffer(columns[1], "<f4")
        kept_N = ~np.isin(ids_N, passages)
        if kept_N.all():
            continue
        numbers_NxD = np.frombuffer(columns[2], np.int8).reshape(len(ids_N), -1)
        connection.execute("DELETE FROM vectors WHERE first_passage = ?", (first,))
        if kept_N.any():
            add_vectors(connection, Vectors(ids_N[kept_N], scales_N[kept_N], numbers_NxD[kept_N]))


def update_vectors(
    connection: sqlite3.Connection,
    folder: Path,
    encoder: SearchEncoder,
    watch: Watch,
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
    (last,) = connection.execute("SELECT ifnull(max(last_passage), 0) FROM vectors").fetchone()
    # Ids of passages grow, so that those behind the last vector have none.
    (total,) = connection.execute("SELECT count(*) FROM passages WHERE id > ?", (last,)).fetchone()
    count = blocks = 0
    select = "SELECT id, text FROM passages WHERE id > ? ORDER BY id LIMIT ?"
    while block := connection.execute(select, (last, BLOCK_ROWS)).fetchall():
        watch("vectors", count, total)
        passages, texts = zip(*block, strict=True)
        add_vectors(connection, Vectors(np.array(passages), *quantize(encoder.embed(texts))))
        last, count, blocks = passages[-1], count + len(block), blocks + 1
        if blocks % COMMIT_BLOCKS == 0:
            connection.commit()
    connection.execute("UPDATE encoder SET is_complete = 1")
    connection.commit()
    return count


def hash_encoder(folder: Path) -> str:
    """Return what tells an encoder from others: the hashes of its weights, vocabulary and shape."""
    files = (folder / name for name in ("model.safetensors", "tokenizer.json", "config.json"))
    return " ".join(sha256(file) for file in files if file.name != "config.json" or file.exists())
