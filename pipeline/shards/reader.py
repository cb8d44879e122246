"""Read shards: one long stream of tokens, memory-mapped, checked against the manifest."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.files import sha256


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of `data/shards`. Raises UserError where there is none."""
    path = folder / "manifest.json"
    if not path.exists():
        raise UserError(f"{path}: no such file; run `dvc repro pack_shards`")
    return json.loads(path.read_text(encoding="utf-8"))


class Shards:
    """The tokens of one split as if in one array; files stay on disk until read."""

    def __init__(self, folder: Path | str) -> None:
        """Open `data/shards/<split>`. Raises UserError where a file is missing or altered."""
        folder = Path(folder)
        manifest = read_manifest(folder.parent)
        split = manifest[folder.name]
        self.documents: int = split["documents"]
        self.bytes: int = split["bytes"]
        self.vocab_size: int = manifest["vocab_size"]
        self.dtype = np.dtype(manifest["dtype"])
        self.arrays: list[np.ndarray] = []
        for shard in split["shards"]:
            path = folder / shard["file"]
            if not path.exists() or sha256(path) != shard["sha256"]:
                raise UserError(
                    f"{path}: not the file that manifest.json describes; run `dvc repro --force pack_shards`"
                )
            self.arrays.append(np.load(path, mmap_mode="r"))
        self.starts = np.cumsum([0, *map(len, self.arrays)])
        self.tokens = int(self.starts[-1])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Tokens [start, stop) of the stream, across files."""
        if not 0 <= start <= stop <= self.tokens:
            raise IndexError(f"tokens {start} to {stop} of {self.tokens}")
        result = np.empty(stop - start, self.dtype)
        shard = int(np.searchsorted(self.starts, start, side="right")) - 1
        at = start
        while at < stop:
            end = min(stop, int(self.starts[shard + 1]))
            offset = int(self.starts[shard])
            result[at - start : end - start] = self.arrays[shard][at - offset : end - offset]
            at, shard = end, shard + 1
        return result
