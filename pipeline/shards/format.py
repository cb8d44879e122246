"""Read shards: one long stream of tokens, memory-mapped, checked against the manifest."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.io import sha256
from pipeline.common.library_messages import recognize
from pipeline.tokenizer.special import BOS

ENTRY_KEYS = ("file", "tokens", "documents", "bytes", "sha256")  # of a shard in the manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of `data/shards`. Raises UserError where it is missing or not a JSON object."""
    path = folder / "manifest.json"
    if not path.exists():
        raise UserError("{path}: no such file; run `dvc repro pack_shards`", path=path)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _damaged_error(path, recognize(str(error))) from None
    if not isinstance(manifest, dict):
        raise _damaged_error(path, Translatable("holds a {kind}", kind=type(manifest).__name__))
    return manifest


def _damaged_error(path: Path, reason: str) -> UserError:
    return UserError(
        "{path}: damaged: {reason}; run `dvc repro --force pack_shards`", path=path, reason=reason
    )


def check_tokenizer(shards_folder: Path, tokenizer_folder: Path) -> None:
    """Raise UserError unless `shards_folder` was packed with the tokenizer in `tokenizer_folder`."""
    model = tokenizer_folder / "tokenizer.model"
    if not model.exists():
        raise UserError("{path}: no such file; run `dvc repro train_tokenizer`", path=model)
    if read_manifest(shards_folder).get("tokenizer_sha256") != sha256(model):
        raise UserError(
            "{folder} was packed with another tokenizer; run `dvc repro pack_shards`", folder=shards_folder
        )


class Shards:
    """The tokens of one split as one stream; the files stay on disk until read."""

    def __init__(self, folder: Path | str) -> None:
        """Open `data/shards/<split>`. Raises UserError where a file is missing, damaged or altered."""
        self.folder = folder = Path(folder)
        manifest = read_manifest(folder.parent)
        try:
            split = manifest[folder.name]
            self.documents: int = split["documents"]
            self.bytes: int = split["bytes"]
            self.vocab_size: int = manifest["vocab_size"]
            self.dtype = np.dtype(manifest["dtype"])
            self.source_names: list[str] = split.get("sources", [])
            self.entries = [{key: shard[key] for key in ENTRY_KEYS} for shard in split["shards"]]
            paths = [folder / entry["file"] for entry in self.entries]
        except KeyError as error:
            raise _damaged_error(
                folder.parent / "manifest.json", Translatable("{key} is missing", key=error)
            ) from None
        except TypeError as error:
            raise _damaged_error(folder.parent / "manifest.json", str(error)) from None
        self.arrays: list[np.ndarray] = []
        for path, entry in zip(paths, self.entries, strict=True):
            if not path.exists() or sha256(path) != entry["sha256"]:
                raise UserError(
                    "{path}: not the file that manifest.json describes; run `dvc repro --force pack_shards`",
                    path=path,
                )
            self.arrays.append(np.load(path, mmap_mode="r"))
        self.starts = np.cumsum([0, *map(len, self.arrays)])  # of each file in the stream, and its end
        self.tokens = int(self.starts[-1])

    def document_starts(self) -> np.ndarray:
        """Return the positions in the stream of the documents' first tokens (`<s>`): int64 [documents]."""
        files = zip(self.starts, self.arrays, strict=False)
        starts = [start + np.flatnonzero(ids == BOS) for start, ids in files]
        return np.concatenate([np.empty(0, np.int64), *starts])

    def document_sources(self) -> tuple[list[str], np.ndarray]:
        """Return the sources' names and the index of each document's source; only val has them."""
        path = self.folder / "sources.npy"
        if not path.exists():
            raise UserError("{path}: no such file; run `dvc repro --force pack_shards`", path=path)
        return self.source_names, np.load(path)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return tokens [start, stop) of the stream, across files."""
        if not 0 <= start <= stop <= self.tokens:
            raise IndexError(f"tokens {start} to {stop} of {self.tokens}")
        ids = np.empty(stop - start, self.dtype)
        shard = int(np.searchsorted(self.starts, start, side="right")) - 1
        position = start
        while position < stop:
            end = min(stop, int(self.starts[shard + 1]))
            offset = int(self.starts[shard])
            ids[position - start : end - start] = self.arrays[shard][position - offset : end - offset]
            position, shard = end, shard + 1
        return ids
