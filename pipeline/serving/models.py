"""The models that a server has: decoders with their engines, and an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.encoder.numpy_table import SearchEncoder, open_encoder
from pipeline.inference.constraint import Constraint, Constraints
from pipeline.inference.engine import Engine
from pipeline.model.decoder import Decoder
from pipeline.ngrams.mixture import find_mixture
from pipeline.serving.documents import Documents
from pipeline.serving.errors import ApiError
from pipeline.serving.schemas import ResponseFormat
from pipeline.tokenizer.chat_template import ChatTokenizer


@dataclass
class ServedModel:
    """A decoder that answers under a name."""

    name: str
    folder: Path
    model: Decoder
    tokenizer: ChatTokenizer
    slots: int
    int8: bool = False
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        mixture = find_mixture(self.folder, self.model.params.width)
        adjust = mixture.mix_next if mixture else None
        forbidden = self.tokenizer.forbidden_ids
        options: dict[str, Any] = {"forbidden_ids": forbidden, "adjust": adjust, "int8": self.int8}
        self.engine = Engine(self.model, self.slots, **options)

    @cached_property
    def constraints(self) -> Constraints:
        """What makes constraints for this model's tokens. Raises UserError without llguidance."""
        return Constraints(self.folder, self.model.vocab_size, self.tokenizer.stop_ids)

    def constrain(self, wanted: ResponseFormat | None) -> Constraint | None:
        """Return the constraint of a response format, None for any text. Raises UserError for a wrong one."""
        if wanted is None or wanted.type == "text":
            return None
        if wanted.pattern is not None:
            return self.constraints.match_regex(wanted.pattern)
        schema = wanted.json_schema.schema_ if wanted.json_schema else {"type": "object"}
        return self.constraints.match_schema(schema)


@dataclass
class ServedEncoder:
    """An encoder that answers under a name."""

    name: str
    folder: Path
    encoder: SearchEncoder = field(init=False)
    tokenizer: Tokenizer = field(init=False)

    def __post_init__(self) -> None:
        self.encoder = open_encoder(self.folder)
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    def embed(self, texts: Sequence[str]) -> tuple[np.ndarray, int]:
        """Return the vectors [texts, D] of texts, and how many tokens they have."""
        tokens = sum(len(row.ids) for row in self.tokenizer.encode_batch(list(texts)))
        return self.encoder.embed(texts), tokens


@dataclass
class Catalog:
    """All that a server has. The first model answers where a request names none."""

    models: Sequence[ServedModel]
    encoder: ServedEncoder | None = None
    documents: Documents | None = None

    def find_model(self, name: str) -> ServedModel:
        """Return the model of that name. Raises ApiError 404 where there is none."""
        for model in self.models:
            if name in ("", model.name):
                return model
        known = ", ".join(model.name for model in self.models)
        raise ApiError(404, f"model: {name!r}: no such model; there are {known}", "model", "model_not_found")

    def find_encoder(self, name: str) -> ServedEncoder:
        """Return the encoder. Raises ApiError 404 where it has another name, or where there is none."""
        if self.encoder and name in ("", self.encoder.name):
            return self.encoder
        known = f"there is {self.encoder.name}" if self.encoder else "this server has no encoder"
        raise ApiError(404, f"model: {name!r}: no such encoder; {known}", "model", "model_not_found")


def name_models(folders: Sequence[tuple[Path, str | None]]) -> list[str]:
    """Return a name for each model folder: its own, with as many of those above it as tell all apart.

    A folder of a revision has that behind it, after @. Raises UserError for one that is given twice.
    """
    paths = [(folder.resolve(), revision) for folder, revision in folders]
    for (folder, _), path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise UserError("{folder}: given twice; name each model folder once", folder=folder)
    for depth in range(1, max(len(path.parts) for path, _ in paths) + 1):
        names = ["/".join(path.parts[-depth:]) + (f"@{name}" if name else "") for path, name in paths]
        if len(set(names)) == len(names):
            break
    return names
