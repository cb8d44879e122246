"""Which documents of a corpus split are measured: chosen by a hash, so that the choice stays."""

import hashlib
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.reader import documents
from pipeline.eval_sets.readers import Document, Retrieval, json_records


def hash_order(text: str, seed: int = 0) -> bytes:
    """A sort key that looks random and depends on nothing but the text and the seed."""
    return hashlib.sha256(f"evaluate:{seed}:{text}".encode()).digest()


def chosen_documents(folder: Path, max_bytes: int) -> list[Document]:
    """Documents of at most `max_bytes` UTF-8 bytes together (always one): the first by hash of their id.

    They come in the order of the split. Raises UserError where the split is empty.
    """
    sizes = [(hash_order(row["id"]), row["id"], len(row["text"].encode())) for row in documents(folder)]
    if not sizes:
        raise UserError(f"{folder}: holds no documents; enlarge the corpus or its fraction of this split")
    chosen: set[str] = set()
    total = 0
    for _, key, size in sorted(sizes):
        total += size
        if chosen and total > max_bytes:
            break
        chosen.add(key)
    return [Document(**row) for row in documents(folder) if row["id"] in chosen]


def miniworld_retrieval(queries: Path, folder: Path, pool_size: int) -> Retrieval:
    """The miniworld's queries among `pool_size` documents of a split, or all where there are fewer.

    Documents that are asked for come first, then others, both by hash of their id. Queries for
    documents outside the pool are left out.
    """
    asked = [(record["query"], record["document_id"]) for _, record in json_records(queries)]
    targets = {key for _, key in asked}
    ids = [row["id"] for row in documents(folder)]
    pool = sorted(ids, key=lambda key: (key not in targets, hash_order(key)))[:pool_size]
    index = {key: i for i, key in enumerate(pool)}
    texts = {row["id"]: row["text"] for row in documents(folder) if row["id"] in index}
    kept = [(query, index[key]) for query, key in asked if key in index]
    return Retrieval(
        tuple(query for query, _ in kept),
        tuple(texts[key] for key in pool),
        tuple(target for _, target in kept),
    )
