"""The folder of an n-gram model: its arrays as files that are mapped into memory, and a manifest.

`models/base/ngram` has, for the n-grams of each length n, `starts.n`, `tokens.n`, `discounted.n` and
`backoff.n` (see `NGramLevel`) as plain numbers, little-endian. The tokens of length 1 are the vocabulary.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError, one_line
from pipeline.common.io import sha256, write_json
from pipeline.common.library_messages import recognize
from pipeline.ngrams.counting import Counts, smooth_level
from pipeline.ngrams.model import NGramLevel, NGramModel
from pipeline.ngrams.storage import Storage

FORMAT = 1
ARRAYS = ("starts", "tokens", "discounted", "backoff")
NOT_IN_FILES = ("starts.1", "tokens.1")


def write_ngram_folder(folder: Path, counts: list[Counts], tokenizer: Path) -> NGramModel:
    """Write the model of `counts` into the new `folder`, and return it. `tokenizer` made the tokens."""
    folder.mkdir()
    vocab_size = len(counts[0].tokens)
    levels = [smooth_level(of_length, n, None, Storage(folder)) for n, of_length in enumerate(counts, 1)]
    model = NGramModel(vocab_size, tuple(levels))
    arrays = list_arrays(model)
    for name, array in arrays.items():
        if name.startswith(("starts", "tokens")):  # smoothing has written the others
            array.tofile(folder / name)
    manifest = {
        "format": FORMAT,
        "order": len(counts),
        "vocab_size": vocab_size,
        "text_tokens": int(counts[0].counts.sum()),
        "tokenizer_sha256": sha256(tokenizer),
        "arrays": {
            name: {"dtype": array.dtype.str, "length": len(array), "sha256": sha256(folder / name)}
            for name, array in arrays.items()
        },
    }
    write_json(folder / "manifest.json", manifest)
    return model


def list_arrays(model: NGramModel) -> dict[str, np.ndarray]:
    """Return the arrays of a model by the names of their files."""
    arrays = {
        f"{name}.{n}": getattr(level, name) for n, level in enumerate(model.levels, 1) for name in ARRAYS
    }
    return {name: array for name, array in arrays.items() if name not in NOT_IN_FILES}


def open_ngram_folder(folder: Path, tokenizer: Path, check: bool = False) -> NGramModel:
    """Return the model in `folder`, whose arrays stay on disk until they are read.

    Raises UserError where a file is missing or has another size, or where the tokens are not those of the
    file `tokenizer`. With `check` all of each file is read and compared with its checksum.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        order, vocab_size = manifest["order"], manifest["vocab_size"]
        file_format, tokenizer_sha256 = manifest["format"], manifest["tokenizer_sha256"]
        names = [f"{name}.{n}" for n in range(1, order + 1) for name in ARRAYS]
        entries = {name: manifest["arrays"][name] for name in names if name not in NOT_IN_FILES}
        arrays = {name: map_array(folder / name, entry, check) for name, entry in entries.items()}
        if (len(arrays["discounted.1"]), len(arrays["backoff.1"])) != (vocab_size, 1):
            raise UserError("manifest.json contradicts its files")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            "{folder}: damaged: {error}; run `dvc repro --force train_base`",
            folder=folder,
            error=recognize(one_line(error)),
        ) from None
    if file_format != FORMAT:
        raise UserError(
            "{path}: format {found}: this program reads {known}; update it",
            path=path,
            found=file_format,
            known=FORMAT,
        )
    if tokenizer_sha256 != sha256(tokenizer):
        raise UserError("{folder}: counted with another tokenizer; run `dvc repro train_base`", folder=folder)
    arrays["starts.1"], arrays["tokens.1"] = np.array([0, vocab_size]), np.arange(vocab_size)
    levels = [NGramLevel(*(arrays[f"{name}.{n}"] for name in ARRAYS)) for n in range(1, order + 1)]
    return NGramModel(vocab_size, tuple(levels))


def map_array(path: Path, entry: dict[str, Any], check: bool) -> np.ndarray:
    """Return the array in a file. Raises ValueError where it is not what the manifest says."""
    dtype, length = np.dtype(entry["dtype"]), entry["length"]
    is_whole = path.stat().st_size == length * dtype.itemsize
    if not is_whole or (check and sha256(path) != entry["sha256"]):
        raise UserError("{file} is not the file of the manifest", file=path.name)
    return np.memmap(path, dtype, "r", shape=(length,)) if length else np.empty(0, dtype)
