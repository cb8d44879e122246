"""Retrieval: how well the encoder finds the document that a query asks for, compared with BM25."""

from typing import Any

import numpy as np

from pipeline.encoder.bm25 import bm25_scores
from pipeline.encoder.embed import embed_texts
from pipeline.encoder.model import Encoder
from pipeline.encoder.retrieval_metrics import embedding_metrics, positive_ranks, ranking_metrics
from pipeline.eval_sets.readers import Retrieval
from pipeline.evaluation.intervals import estimate_mean
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_retrieval(task: Retrieval, encoder: Encoder, tokenizer: Tokenizer) -> Measured:
    """Measure recall, mean reciprocal rank and margin of the encoder, and BM25's, over at least 2 documents.

    The encoder reads as much of a document's beginning as its context holds. BM25 reads all of it. Queries
    for one document are a cluster. `low` and `high` are the interval of recall at 1.
    """
    positive_Q = np.array(task.targets)
    queries_QxD = embed_texts(encoder, tokenizer, task.queries)
    documents_CxD = embed_texts(encoder, tokenizer, task.documents)
    bm25_QxC = bm25_scores(task.queries, task.documents)
    asked = [task.documents[target] for target in task.targets]
    items = Items(
        keys=hash_items(zip(task.queries, asked, strict=True)), clusters=hash_items((text,) for text in asked)
    )
    for name, scores_QxC in {"encoder": queries_QxD @ documents_CxD.T, "bm25": bm25_QxC}.items():
        rank_Q = positive_ranks(scores_QxC, positive_Q)
        items.scores[name], items.right[name] = 1 / rank_Q, rank_Q <= 1

    def interval(name: str) -> dict[str, float]:
        low, high = estimate_mean(items.right[name], items.clusters).share_interval()
        return {"low": low, "high": high}

    figures: dict[str, Any] = {
        "encoder": embedding_metrics(queries_QxD, documents_CxD, positive_Q) | interval("encoder"),
        "bm25": ranking_metrics(bm25_QxC, positive_Q) | interval("bm25"),
        "chance": 1 / len(task.documents),
        "queries": len(task.queries),
        "documents": len(task.documents),
    }
    return Measured(figures, items)
