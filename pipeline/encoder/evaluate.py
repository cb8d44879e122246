"""Retrieval over held-out candidates: the encoder beside what it must be better than.

Each of N held-out documents gives two spans. One is the query, the other its candidate; every
query is searched for among all N candidates.
"""

import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.encoder.bm25 import bm25_scores
from pipeline.encoder.embed import TextEncoder, embed, input_ids
from pipeline.encoder.metrics import embedding_metrics, ranking_metrics
from pipeline.encoder.model import Encoder, sentence_vector
from pipeline.encoder.pairs import Pair, held_out_pairs, long_enough
from pipeline.encoder.params import EncoderParams


def held_out_pool(
    texts: Iterable[str], settings: EncoderParams, tokenizer: TextEncoder, seed: int, source: str
) -> list[Pair]:
    """The fixed pool of (query, candidate), the same for every system compared.

    Where `source` has fewer than `encoder.pool_size` usable documents, all of them, with a line of
    warning. Raises UserError where there are fewer than 2.
    """
    usable = list(dict.fromkeys(text for text in texts if long_enough(text)))
    pool = held_out_pairs(usable, settings.pool_size, seed, tokenizer.encode, settings.span_tokens)
    if len(pool) < 2:
        raise UserError(
            f"{source}: {len(pool)} documents with two spans that no other has, retrieval needs 2 or more;"
            " add text or raise corpus.val_fraction"
        )
    if len(pool) < settings.pool_size:
        warn(f"{source}: retrieval over {len(pool)} candidates, not encoder.pool_size {settings.pool_size}")
    return pool


def warn(message: str) -> None:
    """One line on standard error."""
    print(f"warning: {message}", file=sys.stderr)


def bm25_metrics(pool: Sequence[Pair]) -> dict[str, float]:
    """Retrieval by BM25. No margin: its scores are no cosines."""
    queries, candidates = zip(*pool, strict=True)
    return ranking_metrics(bm25_scores(queries, candidates), np.arange(len(pool)))


def vector_metrics(
    vectors: Callable[[Tensor, Tensor], Tensor],
    pool: Sequence[Pair],
    tokenizer: TextEncoder,
    encoder: Encoder,
) -> dict[str, float]:
    """Retrieval by the vectors that `vectors(ids_BxT, real_BxT)` makes of the encoder's input."""
    sides = [
        embed(
            vectors,
            [input_ids(tokenizer, text, encoder.config.context) for text in side],
            encoder.cos.device,
        )
        for side in zip(*pool, strict=True)
    ]
    return embedding_metrics(sides[0], sides[1], np.arange(len(pool)))


def encoder_metrics(encoder: Encoder, pool: Sequence[Pair], tokenizer: TextEncoder) -> dict[str, float]:
    """Retrieval by the encoder's sentence vectors, in the precision of its weights."""
    return vector_metrics(encoder.eval(), pool, tokenizer, encoder)


def embeddings_mean_metrics(
    encoder: Encoder, pool: Sequence[Pair], tokenizer: TextEncoder
) -> dict[str, float]:
    """Retrieval by the mean of the encoder's own input embeddings: what its layers add to."""

    def vectors(ids_BxT: Tensor, real_BxT: Tensor) -> Tensor:
        return sentence_vector(encoder.embeddings.tok_embeddings(ids_BxT), real_BxT)

    return vector_metrics(vectors, pool, tokenizer, encoder)


def missed_bars(measured: dict[str, float], settings: EncoderParams) -> list[str]:
    """One line for each bar of the gate that the encoder misses."""
    bars = {"recall_at_1": settings.min_recall_at_1, "mrr": settings.min_mrr, "margin": settings.min_margin}
    return [
        f"encoder: {name} {measured[name]:.4f} on val is not above encoder.min_{name} {bar}"
        for name, bar in bars.items()
        if measured[name] <= bar
    ]


def hold_to_gate(missed: list[str], settings: EncoderParams) -> None:
    """Warn of every missed bar; with `encoder.gate: strict` raise UserError instead."""
    if missed and settings.gate == "strict":
        raise UserError("; ".join(missed) + "; train longer, lower the bar, or set encoder.gate: warn")
    for line in missed:
        warn(line)
