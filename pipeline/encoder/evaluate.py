"""Retrieval over held-out passages of val: by the encoder, by word search, by both, and by random vectors.

Two tasks. `sentences`: a sentence asks for the five around it, which words seldom find. `halves`: half of a
document asks for the other half. Each query is compared with all passages of its pool.

The hybrid adds a weighted cosine to the score of the best word search. The weight is chosen on one half of
val's documents and the figures are those of the other. A second weight is for a word search of five letters
alone, which `tezgah search` has.

Q queries    C candidates
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, join_texts, print_message, translate
from pipeline.common.runtime import process_info
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.lexical import BEST, PREFIXES, lexical_scores
from pipeline.encoder.pairs import HeldOut, sample_halves, sample_held_out
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.retrieval_metrics import positive_ranks
from pipeline.encoder.systems import DENSE, hybrid_scores, system_metrics, system_scores
from pipeline.encoder.task import TrainingText
from pipeline.training.loop import History

SENTENCES, HALVES = "sentences", "halves"  # the tasks
HYBRID_WEIGHTS = (0.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)  # of a cosine beside BM25 scores


class Pools(NamedTuple):
    """Held-out passages of val: of one half of its documents to choose by, of the other to report on."""

    choice: list[HeldOut]  # sentences and their surroundings, and remembered words
    sentences: HeldOut  # sentences and their surroundings
    halves: HeldOut  # documents cut in two


def build_pools(texts: Sequence[str], params: EncoderParams, seed: int, source: str) -> Pools:
    """Return the pools, each of at most `encoder.pool_size` passages.

    Where `source` has fewer for the reported one, it takes all of them and prints a warning. Raises UserError
    where a pool has fewer than 2.
    """
    usable = list(dict.fromkeys(texts))
    choice = sample_held_out(usable[1::2], params.pool_size, seed)
    sentences, _ = sample_held_out(usable[::2], params.pool_size, seed)
    halves = sample_halves(usable[::2], params.pool_size, seed)
    least = min(len(pool.queries) for pool in (*choice, sentences, halves))
    if least < 2:
        raise UserError(
            "{source}: half of the documents have {least} passages of two sentences or more, "
            "retrieval needs 2; add text or raise corpus.val_fraction",
            source=source,
            least=least,
        )
    if len(sentences.queries) < params.pool_size:
        count = len(sentences.queries)
        warn(
            Translatable(
                "{source}: retrieval over {count} passages, not encoder.pool_size {pool_size}",
                source=source,
                count=count,
                pool_size=params.pool_size,
            )
        )
    return Pools([*choice], sentences, halves)


def warn(message: str) -> None:
    """Print one line to standard error, once for all processes."""
    if process_info().rank == 0:
        print(translate("warning: {message}", message=message), file=sys.stderr)


def choose_hybrid_weights(encoder: TextEncoder, pools: Sequence[HeldOut]) -> tuple[float, float]:
    """Return the weights of a cosine beside the best word search, and beside that of prefixes.

    They have the best mean reciprocal rank, each pool counting alike. Sentences want a large weight: their
    surroundings have other words. Remembered words want a small one, as words find them. Of equal weights it
    is the smallest.
    """
    means = np.zeros((2, len(HYBRID_WEIGHTS)))
    for pool in pools:
        lexical = lexical_scores(pool.queries, pool.passages)
        dense_QxC = encoder.cosines(pool.queries, pool.passages)
        positive_Q = np.arange(len(pool.queries))
        for row, name in enumerate((BEST, PREFIXES)):
            for i, weight in enumerate(HYBRID_WEIGHTS):
                rank_Q = positive_ranks(hybrid_scores(lexical[name], dense_QxC, weight), positive_Q)
                means[row, i] += (1 / rank_Q).mean()
    best, prefixes = (HYBRID_WEIGHTS[i] for i in means.argmax(axis=1))
    return best, prefixes


def measure_trained(
    encoder: TextEncoder, pools: Pools, params: EncoderParams, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Set the encoder's weights of a hybrid search, and return metrics of retrieval by task and system.

    Vectors that are cut to one of `encoder.widths` are systems of their own.
    """
    encoder.hybrid_weight, encoder.prefix_weight = choose_hybrid_weights(encoder, pools.choice)
    metrics = {}
    for task, pool in {SENTENCES: pools.sentences, HALVES: pools.halves}.items():
        scores = system_scores(encoder, pool.queries, pool.passages, seed)
        metrics[task] = pool_metrics(scores, pool) | cut_metrics(encoder, pool, params.widths)
    return metrics


def pool_metrics(scores: dict[str, np.ndarray], pool: HeldOut) -> dict[str, dict[str, float]]:
    """Return the metrics of every system on a pool, whose positives stand on the diagonal of the scores."""
    return system_metrics(scores, np.arange(len(pool.queries)), np.array(pool.documents))


def dense_metrics(encoder: TextEncoder, pool: HeldOut) -> dict[str, float]:
    """Return the metrics of the encoder's vectors alone."""
    return pool_metrics({DENSE: encoder.cosines(pool.queries, pool.passages)}, pool)[DENSE]


def cut_metrics(encoder: TextEncoder, pool: HeldOut, widths: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return the metrics of the encoder's vectors cut to each of `widths`, by the name of such a system."""
    sides = [encoder.embed(side) for side in (pool.queries, pool.passages)]
    metrics = {}
    for width in widths:
        cut = [side[:, :width] for side in sides]
        queries, passages = (side / np.linalg.norm(side, axis=1, keepdims=True).clip(1e-9) for side in cut)
        metrics[f"{DENSE}_{width}"] = pool_metrics({DENSE: queries @ passages.T}, pool)[DENSE]
    return metrics


def training_metrics(
    history: History,
    retrieval: dict[str, dict[str, dict[str, float]]],
    missed: Sequence[str],
    pools: Pools,
    text: TrainingText,
    encoder: TextEncoder,
) -> dict[str, Any]:
    """Return the metrics of the stage. Losses in nats, retrieval by task and by system."""
    return {
        "retrieval": retrieval,
        "hybrid_weight": encoder.hybrid_weight,
        "prefix_weight": encoder.prefix_weight,
        "gate": {"passed": int(not missed)},
        "pool_size": len(pools.sentences.queries),
        "pool_documents": len(set(pools.sentences.documents)),
        "halves_pool_size": len(pools.halves.queries),
        "documents": text.sentences.document_count,
        "sentences": len(text.sentences.first_S),
        "vocabulary": encoder.tokenizer.get_vocab_size(),
        "train_loss": history.train_loss,
        "val_loss": history.last_validation["val_loss"],
        "best_val_loss": history.best_val_loss,
    }


def print_recalls(retrieval: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print a line for each task: how often each system has the right passage first."""
    for task, systems in retrieval.items():
        recalls = [
            join_texts(" ", [name_system(name), format_number(metrics["recall_at_1"], ".3f")])
            for name, metrics in systems.items()
        ]
        print_message(
            "recall at 1, {task}: {recalls}", task=Translatable(task), recalls=join_texts(", ", recalls)
        )


def name_system(name: str) -> Translatable:
    """Return the name of a system as a message."""
    width = name.removeprefix(f"{DENSE}_")
    return Translatable(name) if width == name else Translatable("dense_{width}", width=width)


def missed_thresholds(metrics: dict[str, float], params: EncoderParams) -> list[Translatable]:
    """Return one line for each threshold of the gate that the encoder misses on `halves`."""
    thresholds = {"recall_at_1": params.min_recall_at_1, "mrr": params.min_mrr, "margin": params.min_margin}
    return [
        Translatable(
            "encoder: {name} {value:.4f} on val is not above encoder.min_{name} {threshold}",
            name=name,
            value=metrics[name],
            threshold=threshold,
        )
        for name, threshold in thresholds.items()
        if metrics[name] <= threshold
    ]


def enforce_gate(missed: Sequence[str], params: EncoderParams) -> None:
    """Warn of every missed threshold. With `encoder.gate: strict` raise UserError instead."""
    if missed and params.gate == "strict":
        raise UserError(
            "{missed}; train longer, lower the bar, or set encoder.gate: warn",
            missed=join_texts("; ", missed),
        )
    for line in missed:
        warn(line)
