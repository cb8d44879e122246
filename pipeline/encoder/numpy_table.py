"""An encoder for search: a table of vectors is read by numpy alone, as importing torch takes seconds."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from pipeline.tokenizer.special import UNK


class SearchEncoder(Protocol):
    """From texts to vectors [texts, D], of length 1 or of zeros. See TextEncoder."""

    prefix_weight: float

    @property
    def width(self) -> int: ...  # noqa: D102

    def embed(self, texts: Sequence[str]) -> np.ndarray: ...  # noqa: D102


class NumpyTable:
    """A table of vectors without torch: its vectors are those of VectorTable but for rounding."""

    def __init__(self, vectors_VxD: np.ndarray, tokenizer: Tokenizer, prefix_weight: float) -> None:
        self.vectors_VxD = vectors_VxD
        self.tokenizer = tokenizer
        self.prefix_weight = prefix_weight

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.vectors_VxD.shape[1]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors [texts, D] of some texts; of zeros where nothing is known."""
        vectors_NxD = np.zeros((len(texts), self.width), np.float32)
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        for vector_D, encoding in zip(vectors_NxD, encodings, strict=True):
            ids = np.array(encoding.ids, np.int64)
            self.vectors_VxD[ids[ids != UNK]].sum(0, out=vector_D)
        return vectors_NxD / np.linalg.norm(vectors_NxD, axis=1, keepdims=True).clip(1e-12)


def open_encoder(folder: Path) -> SearchEncoder:
    """Return the encoder of a folder. Raises UserError where it is missing or damaged."""
    with suppress(Exception):
        return read_table(folder)
    from pipeline.encoder.hf_io import load_encoder  # a network; or it tells what is wrong

    return load_encoder(folder)


def read_table(folder: Path) -> NumpyTable:
    """Return the table of an encoder's folder. Raises any error where there is none, or a damaged one."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    vectors_VxD = load_file(folder / "model.safetensors")["embedding.weight"]
    if vectors_VxD.shape != (tokenizer.get_vocab_size(), vectors_VxD.shape[1]):
        raise LookupError("no vector for each piece")
    weight = float(json.loads((folder / "search.json").read_text(encoding="utf-8"))["prefix_weight"])
    if not math.isfinite(weight):
        raise ValueError
    return NumpyTable(vectors_VxD.astype(np.float32, copy=False), tokenizer, weight)
