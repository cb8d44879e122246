"""A trained encoder with its vocabulary: from texts to vectors."""

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer

from pipeline.encoder.model import Encoder
from pipeline.encoder.table import VectorTable
from pipeline.encoder.vocabulary import encode_texts

BATCH_SIZE = 256  # texts in a forward pass


Model = Encoder | VectorTable


class TextEncoder:
    """From texts to vectors: the model, its vocabulary, and the weights of its cosines in a hybrid search."""

    def __init__(
        self, model: Model, tokenizer: Tokenizer, hybrid_weight: float = 0.0, prefix_weight: float = 0.0
    ) -> None:
        """Cosines are multiplied by a weight before they are added to the score of a word search.

        `hybrid_weight` goes with the best word search, `prefix_weight` with that of five letters alone.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.hybrid_weight = hybrid_weight
        self.prefix_weight = prefix_weight

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.model.config.width

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors [texts, D] of one text or more, in their order; of zeros where nothing is known.

        Texts of similar length go together, so that little is computed on padding.
        """
        rows = encode_texts(self.tokenizer, texts)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        with torch.no_grad():
            vectors = [
                self.model.embed_rows([rows[i] for i in order[start : start + BATCH_SIZE]]).float().cpu()
                for start in range(0, len(order), BATCH_SIZE)
            ]
        result = torch.cat(vectors).numpy()
        return result[np.argsort(order)]

    def cosines(self, queries: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """Return the cosine [Q, C] of every query's vector with every candidate's."""
        return self.embed(queries) @ self.embed(candidates).T
