"""The encoder without layers: a table with a vector for every token.

The vector of a text is the sum of its tokens' vectors, scaled to length 1. How much a token counts is the
length of its vector, which begins as the token's rarity. To search takes numpy alone.

V vocabulary    D width of a vector    N tokens of all texts
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from pipeline.common.params import Section
from pipeline.tokenizer.special import UNK


class TableConfig(Section):
    """Shape of a table of vectors."""

    vocab_size: int = Field(gt=0)  # V
    width: int = Field(gt=0)  # D


class VectorTable(nn.Module):
    """A vector for every token; the name of the weight is that of sentence-transformers' StaticEmbedding."""

    def __init__(self, config: TableConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.EmbeddingBag(config.vocab_size, config.width, mode="sum")

    def forward(self, ids_N: Tensor, starts_B: Tensor) -> Tensor:
        """Return vectors [B, D] of length 1. Text b has the ids from `starts_B[b]` up to the next start.

        A text without any token has a vector of zeros.
        """
        return F.normalize(self.embedding(ids_N, starts_B), dim=-1)

    def embed_rows(self, rows: Sequence[np.ndarray]) -> Tensor:
        """Return the vectors [B, D] of texts as token ids.

        The unknown token counts nothing and learns nothing: else all unknown words would become alike.
        """
        device = self.embedding.weight.device
        rows = [row[row != UNK] if UNK in row else row for row in rows]
        lengths = [0, *(len(row) for row in rows[:-1])]
        ids_N = torch.from_numpy(np.concatenate(rows).astype(np.int64))
        return self(ids_N.to(device), torch.from_numpy(np.cumsum(lengths)).to(device))


def initialize_table(table: VectorTable, weights_V: np.ndarray, seed: int) -> None:
    """Draw random directions and set each vector's length to its token's weight, 1 on average.

    Random vectors are nearly orthogonal, so an untrained table compares texts by their common tokens, rare
    ones first. The same seed gives the same table on every machine.
    """
    config = table.config
    directions_VxD = torch.randn(
        config.vocab_size, config.width, generator=torch.Generator().manual_seed(seed)
    )
    lengths_V = torch.from_numpy(weights_V / max(float(weights_V.mean()), 1e-9))
    with torch.no_grad():
        table.embedding.weight.copy_(directions_VxD * config.width**-0.5 * lengths_V[:, None])
        table.embedding.weight[UNK] = 0.0
