"""Retrieval over held-out candidates, by the encoder and by its baselines.

Each of N held-out documents gives two spans. One is the query, the other its candidate; every
query is compared with all N candidates.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.encoder.bm25 import bm25_scores
from pipeline.encoder.embed import TokenizerLike, embed, make_input_ids
from pipeline.encoder.model import Encoder, mean_pool
from pipeline.encoder.pairs import DocumentSample, Pair, is_long_enough, sample_held_out_pairs
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.retrieval_metrics import embedding_metrics, ranking_metrics
from pipeline.training.loop import History


def build_held_out_pool(
    texts: Iterable[str], params: EncoderParams, tokenizer: TokenizerLike, seed: int, source: str
) -> list[Pair]:
    """Return the fixed pool of (query, candidate) pairs, the same for every system compared.

    Where `source` has fewer than `encoder.pool_size` usable documents, it takes all of them and prints a
    warning. Raises UserError where there are fewer than 2.
    """
    usable = list(dict.fromkeys(text for text in texts if is_long_enough(text)))
    pool = sample_held_out_pairs(usable, params.pool_size, seed, tokenizer.encode, params.span_tokens)
    if len(pool) < 2:
        raise UserError(
            f"{source}: {len(pool)} documents with two spans that no other has, retrieval needs 2 or more;"
            " add text or raise corpus.val_fraction"
        )
    if len(pool) < params.pool_size:
        warn(f"{source}: retrieval over {len(pool)} candidates, not encoder.pool_size {params.pool_size}")
    return pool


def warn(message: str) -> None:
    """Print one line to standard error."""
    print(f"warning: {message}", file=sys.stderr)


def bm25_metrics(pool: Sequence[Pair]) -> dict[str, float]:
    """Retrieval by BM25. No margin: its scores are no cosines."""
    queries, candidates = zip(*pool, strict=True)
    return ranking_metrics(bm25_scores(queries, candidates), np.arange(len(pool)))


def vector_metrics(
    embed_batch: Callable[[Tensor, Tensor], Tensor],
    pool: Sequence[Pair],
    tokenizer: TokenizerLike,
    encoder: Encoder,
) -> dict[str, float]:
    """Retrieval by the vectors [B, D] that `embed_batch(ids_BxT, mask_BxT)` returns for the pool's texts."""
    sides = [
        embed(
            embed_batch,
            [make_input_ids(tokenizer, text, encoder.config.context) for text in side],
            encoder.cos.device,
        )
        for side in zip(*pool, strict=True)
    ]
    return embedding_metrics(sides[0], sides[1], np.arange(len(pool)))


def encoder_metrics(encoder: Encoder, pool: Sequence[Pair], tokenizer: TokenizerLike) -> dict[str, float]:
    """Retrieval by the encoder's sentence vectors, in the precision of its weights."""
    return vector_metrics(encoder.eval(), pool, tokenizer, encoder)


def embeddings_mean_metrics(
    encoder: Encoder, pool: Sequence[Pair], tokenizer: TokenizerLike
) -> dict[str, float]:
    """Retrieval by the mean of the encoder's input embeddings, without its layers."""

    def mean_embedding(ids_BxT: Tensor, mask_BxT: Tensor) -> Tensor:
        return mean_pool(encoder.embeddings.tok_embeddings(ids_BxT), mask_BxT)

    return vector_metrics(mean_embedding, pool, tokenizer, encoder)


def baseline_metrics(
    encoder: Encoder, pool: Sequence[Pair], tokenizer: TokenizerLike
) -> dict[str, dict[str, float]]:
    """Retrieval before training, by system: BM25 and the encoder with random weights."""
    return {"bm25": bm25_metrics(pool), "untrained": encoder_metrics(encoder, pool, tokenizer)}


def trained_metrics(
    encoder: Encoder, pool: Sequence[Pair], tokenizer: TokenizerLike
) -> dict[str, dict[str, float]]:
    """Retrieval after training, by system: the mean of the input embeddings, and the encoder."""
    return {
        "embeddings_mean": embeddings_mean_metrics(encoder, pool, tokenizer),
        "encoder": encoder_metrics(encoder, pool, tokenizer),
    }


def training_metrics(
    history: History,
    retrieval: dict[str, dict[str, float]],
    missed: Sequence[str],
    pool: Sequence[Pair],
    train: DocumentSample,
) -> dict[str, Any]:
    """Return the metrics of the stage. Losses in nats, retrieval by system."""
    return {
        "retrieval": retrieval,
        "gate": {"passed": int(not missed)},
        "pool_size": len(pool),
        "documents": {
            "used": len(train.texts),
            "long_enough": train.usable_count,
            "too_short": train.short_count,
        },
        "train_loss": history.train_loss,
        "val_loss": history.last_validation["val_loss"],
        "best_val_loss": history.best_val_loss,
    }


def missed_thresholds(metrics: dict[str, float], params: EncoderParams) -> list[str]:
    """Return one line for each threshold of the gate that the encoder misses."""
    thresholds = {"recall_at_1": params.min_recall_at_1, "mrr": params.min_mrr, "margin": params.min_margin}
    return [
        f"encoder: {name} {metrics[name]:.4f} on val is not above encoder.min_{name} {threshold}"
        for name, threshold in thresholds.items()
        if metrics[name] <= threshold
    ]


def enforce_gate(missed: list[str], params: EncoderParams) -> None:
    """Warn of every missed threshold. With `encoder.gate: strict` raise UserError instead."""
    if missed and params.gate == "strict":
        raise UserError("; ".join(missed) + "; train longer, lower the bar, or set encoder.gate: warn")
    for line in missed:
        warn(line)
