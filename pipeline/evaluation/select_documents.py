"""Select the documents of a corpus split to evaluate on, by a hash, so that the selection is stable."""

import hashlib
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.reader import read_documents
from pipeline.eval_sets.readers import Document, Retrieval, read_json_records


def hash_sort_key(text: str, seed: int = 0) -> bytes:
    """Return a pseudo-random sort key that depends only on the text and the seed."""
    return hashlib.sha256(f"evaluate:{seed}:{text}".encode()).digest()


def select_documents(folder: Path, max_bytes: int) -> list[Document]:
    """Select documents of at most `max_bytes` UTF-8 bytes in all (always one): the first by hash of their id.

    They are in the order of the split. Raises UserError where the split is empty.
    """
    sizes = [
        (hash_sort_key(row["id"]), row["id"], len(row["text"].encode())) for row in read_documents(folder)
    ]
    if not sizes:
        raise UserError(
            "{folder}: holds no documents; enlarge the corpus or its fraction of this split", folder=folder
        )
    selected: set[str] = set()
    total = 0
    for _, key, size in sorted(sizes):
        total += size
        if selected and total > max_bytes:
            break
        selected.add(key)
    return [Document(**row) for row in read_documents(folder) if row["id"] in selected]


def load_miniworld_retrieval(queries: Path, folder: Path, pool_size: int) -> Retrieval:
    """Load the miniworld's queries with a pool of `pool_size` documents of a split, or all of a smaller one.

    Target documents come first, then others, both by hash of their id. Queries for documents outside
    the pool are left out.
    """
    pairs = [(record["query"], record["document_id"]) for _, record in read_json_records(queries)]
    targets = {key for _, key in pairs}
    ids = [row["id"] for row in read_documents(folder)]
    pool = sorted(ids, key=lambda key: (key not in targets, hash_sort_key(key)))[:pool_size]
    index = {key: i for i, key in enumerate(pool)}
    texts = {row["id"]: row["text"] for row in read_documents(folder) if row["id"] in index}
    kept = [(query, index[key]) for query, key in pairs if key in index]
    return Retrieval(
        tuple(query for query, _ in kept),
        tuple(texts[key] for key in pool),
        tuple(target for _, target in kept),
    )
