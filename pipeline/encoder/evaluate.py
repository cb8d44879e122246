"""Retrieval over held-out passages: by the encoder, by word search, by both, and by random vectors.

Each query is a sentence; it is compared with all passages of the pool, and its own has the sentences around
it. The hybrid adds a weighted cosine to the score of the best word search. The weight is chosen on one half
of val's documents and the figures are those of the other.

Q queries    C candidates
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.lexical import BEST, lexical_scores
from pipeline.encoder.pairs import HeldOut, Sentences, sample_held_out
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.retrieval_metrics import positive_ranks
from pipeline.encoder.systems import DENSE, system_metrics, system_scores
from pipeline.statistics.intervals import estimate_mean
from pipeline.training.loop import History

HYBRID_WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # of a cosine beside BM25 scores


def build_held_out_pools(
    texts: Sequence[str], params: EncoderParams, seed: int, source: str
) -> tuple[HeldOut, HeldOut]:
    """Return two pools of sentences and their surroundings, of different documents: to choose, to report.

    Where `source` has fewer than `encoder.pool_size` passages for the second, it takes all of them and prints
    a warning. Raises UserError where either pool has fewer than 2.
    """
    usable = list(dict.fromkeys(texts))
    choice = sample_held_out(usable[1::2], params.pool_size, seed)
    pool = sample_held_out(usable[::2], params.pool_size, seed)
    least = min(len(choice.queries), len(pool.queries))
    if least < 2:
        raise UserError(
            f"{source}: half of the documents have {least} passages of two sentences or more, retrieval needs"
            " 2; add text or raise corpus.val_fraction"
        )
    if len(pool.queries) < params.pool_size:
        warn(
            f"{source}: retrieval over {len(pool.queries)} passages, not encoder.pool_size {params.pool_size}"
        )
    return choice, pool


def warn(message: str) -> None:
    """Print one line to standard error."""
    print(f"warning: {message}", file=sys.stderr)


def choose_hybrid_weight(encoder: TextEncoder, pool: HeldOut) -> float:
    """Return the smallest weight of a cosine that is about as good as the best one on `pool`.

    That is: its mean reciprocal rank is within one standard error of the difference. Small weights are safe
    where words find most, as for questions that were written from the passage.
    """
    lexical_QxC = lexical_scores(pool.queries, pool.passages)[BEST]
    dense_QxC = encoder.embed(pool.queries) @ encoder.embed(pool.passages).T
    positive_Q = np.arange(len(pool.queries))
    reciprocal = {
        weight: 1 / positive_ranks(lexical_QxC + np.float32(weight) * dense_QxC, positive_Q)
        for weight in HYBRID_WEIGHTS
    }
    best_Q = max(reciprocal.values(), key=lambda values_Q: float(values_Q.mean()))
    for weight, values_Q in reciprocal.items():
        loss = estimate_mean(best_Q - values_Q, np.array(pool.documents))
        if loss.value <= 0 or loss.value <= loss.error:
            return weight
    raise AssertionError("the best weight loses nothing to itself")


def measure_trained(
    encoder: TextEncoder, choice: HeldOut, pool: HeldOut, params: EncoderParams, seed: int
) -> dict[str, dict[str, float]]:
    """Choose the weight of the hybrid on `choice` and set it; return the metrics of every system on `pool`.

    Vectors that are cut to one of `encoder.widths` are systems of their own.
    """
    encoder.hybrid_weight = choose_hybrid_weight(encoder, choice)
    cut = {f"{DENSE}_{width}": dense_metrics(encoder, pool, width) for width in params.widths}
    return held_out_metrics(encoder, pool, seed) | cut


def held_out_metrics(encoder: TextEncoder, pool: HeldOut, seed: int) -> dict[str, dict[str, float]]:
    """Return the metrics of every system on the pool."""
    scores = system_scores(encoder, pool.queries, pool.passages, seed)
    return system_metrics(scores, np.arange(len(pool.queries)), np.array(pool.documents))


def dense_metrics(encoder: TextEncoder, pool: HeldOut, width: int | None = None) -> dict[str, float]:
    """Return the metrics of the encoder's vectors, or of their first `width` numbers."""
    queries, passages = (encoder.embed(side)[:, :width] for side in (pool.queries, pool.passages))
    norms = [np.linalg.norm(side, axis=1, keepdims=True).clip(1e-9) for side in (queries, passages)]
    scores = {DENSE: (queries / norms[0]) @ (passages / norms[1]).T}
    return system_metrics(scores, np.arange(len(pool.queries)), np.array(pool.documents))[DENSE]


def training_metrics(
    history: History,
    retrieval: dict[str, dict[str, float]],
    missed: Sequence[str],
    pool: HeldOut,
    sentences: Sentences,
    encoder: TextEncoder,
) -> dict[str, Any]:
    """Return the metrics of the stage. Losses in nats, retrieval by system."""
    return {
        "retrieval": retrieval,
        "hybrid_weight": encoder.hybrid_weight,
        "gate": {"passed": int(not missed)},
        "pool_size": len(pool.queries),
        "pool_documents": len(set(pool.documents)),
        "documents": sentences.document_count,
        "sentences": len(sentences.first_S),
        "vocabulary": encoder.tokenizer.get_vocab_size(),
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
