"""Retrieval: how well the encoder finds the document that a query asks for, alone and with word search."""

from typing import Any

import numpy as np

from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.retrieval_metrics import positive_ranks
from pipeline.encoder.systems import system_metrics, system_scores
from pipeline.eval_sets.readers import Retrieval
from pipeline.evaluation.items import Items, Measured, hash_items


def measure_retrieval(task: Retrieval, encoder: TextEncoder, seed: int) -> Measured:
    """Measure recall, MRR and nDCG of every way to search, over at least 2 documents.

    The network reads as much of a document's beginning as its context holds; all others read all of it.
    Queries for one document are a cluster. `low` and `high` are the interval of recall at 1. `seed` is that
    of the random vectors.
    """
    positive_Q = np.array(task.targets)
    scores = system_scores(encoder, task.queries, task.documents, seed)
    asked = [task.documents[target] for target in task.targets]
    items = Items(
        keys=hash_items(zip(task.queries, asked, strict=True)), clusters=hash_items((text,) for text in asked)
    )
    for name, scores_QxC in scores.items():
        rank_Q = positive_ranks(scores_QxC, positive_Q)
        items.scores[name], items.right[name] = 1 / rank_Q, rank_Q <= 1
    figures: dict[str, Any] = system_metrics(scores, positive_Q, items.clusters)
    figures |= {
        "chance": 1 / len(task.documents),
        "queries": len(task.queries),
        "documents": len(task.documents),
    }
    return Measured(figures, items)
