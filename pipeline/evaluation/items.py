"""reports/evaluate/items.parquet: what each model scored on each item, from which runs are compared.

A row has the task (`minimal_pairs.turblimp`: where its figures stand in metrics.json), the task's version,
the item's hash, the cluster of items that it was made with, its stratum, the model, the score, the item's
weight in the figure, and whether it counts as right (null where nothing is right or wrong).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.io import atomic_file
from pipeline.common.library_messages import recognize

FORMAT_VERSION = "1"
PEOPLE = "people"  # the model whose scores are those that people gave
SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("version", pa.int32()),
        ("item", pa.int64()),
        ("cluster", pa.int64()),
        ("stratum", pa.string()),
        ("model", pa.string()),
        ("score", pa.float32()),
        ("weight", pa.float32()),
        ("right", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Items:
    """The items of a task, and the scores of every model that was measured on them."""

    keys: np.ndarray  # int64 [items], hash of each item's texts
    clusters: np.ndarray  # int64 [items]
    strata: Sequence[str] = ()  # [items], or none: all of one
    weights: np.ndarray | None = None  # [items], or none: all alike
    scores: dict[str, np.ndarray] = field(default_factory=dict)  # by model
    right: dict[str, np.ndarray] = field(default_factory=dict)  # of the models whose items are right or wrong


class Measured(NamedTuple):
    """What is measured on a task: figures for metrics.json, and the items from which they follow."""

    figures: dict[str, Any]
    items: Items


def hash_texts(*texts: str) -> int:
    """Return a 64-bit hash of texts."""
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def hash_items(texts: Iterable[Sequence[str]]) -> np.ndarray:
    """Return the hash [items] of each item's texts."""
    return np.fromiter((hash_texts(*parts) for parts in texts), dtype=np.int64)


def write_items(
    path: Path, tasks: Mapping[str, Items], versions: Mapping[str, int], subsets: Mapping[str, Any]
) -> None:
    """Write the items of `tasks`, by task.

    `versions` are those of task files; others have 1. `subsets` are strata by task and by the subset's name,
    of which compare has a line of their own.
    """
    tables = [
        pa.table(
            {
                "task": [task] * len(items.keys),
                "version": np.full(len(items.keys), versions.get(task, 1)),
                "item": items.keys,
                "cluster": items.clusters,
                "stratum": list(items.strata) or [""] * len(items.keys),
                "model": [model] * len(items.keys),
                "score": scores,
                "weight": np.ones(len(items.keys)) if items.weights is None else items.weights,
                "right": items.right.get(model, [None] * len(items.keys)),
            }
        ).cast(SCHEMA)
        for task, items in tasks.items()
        for model, scores in items.scores.items()
    ]
    metadata = {"format": FORMAT_VERSION, "subsets": json.dumps(subsets)}
    table = pa.concat_tables([SCHEMA.empty_table(), *tables]).replace_schema_metadata(metadata)
    with atomic_file(path) as target:
        pq.write_table(table, target, compression="zstd", compression_level=19)


def read_items(source: Any, name: str) -> tuple[pa.Table, dict[str, dict[str, list[str]]]]:
    """Return the rows of an items file, and its subsets. `name` is what errors call it.

    Raises UserError for a file that is none, or one of another version of this program.
    """
    try:
        table = pq.read_table(source)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        subsets = json.loads(metadata.get("subsets", "{}"))
        as_ours = table.schema.equals(SCHEMA)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise UserError(
            "{name}: not a readable items.parquet ({error}); run `dvc repro evaluate`",
            name=name,
            error=recognize(str(error)),
        ) from None
    found = (metadata.get("format") if as_ours else None) or Translatable("unknown")
    if found != FORMAT_VERSION:
        raise UserError(
            "{name}: items of format {found}, not {format_version}; run `dvc repro evaluate` "
            "with this version",
            name=name,
            found=found,
            format_version=FORMAT_VERSION,
        )
    return table, subsets
