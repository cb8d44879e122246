"""Retrieval: how well the encoder finds the document that a query asks for, compared with BM25."""

from typing import Any

import numpy as np

from pipeline.encoder.bm25 import bm25_scores
from pipeline.encoder.embed import embed_texts
from pipeline.encoder.model import Encoder
from pipeline.encoder.retrieval_metrics import embedding_metrics, ranking_metrics
from pipeline.eval_sets.readers import Retrieval
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_retrieval(task: Retrieval, encoder: Encoder, tokenizer: Tokenizer) -> dict[str, Any]:
    """Measure recall, mean reciprocal rank and margin of the encoder, and BM25's, over at least 2 documents.

    The encoder reads as much of a document's beginning as its context holds. BM25 reads all of it.
    """
    positive_Q = np.array(task.targets)
    queries_QxD = embed_texts(encoder, tokenizer, task.queries)
    documents_CxD = embed_texts(encoder, tokenizer, task.documents)
    return {
        "encoder": embedding_metrics(queries_QxD, documents_CxD, positive_Q),
        "bm25": ranking_metrics(bm25_scores(task.queries, task.documents), positive_Q),
        "queries": len(task.queries),
        "documents": len(task.documents),
    }
