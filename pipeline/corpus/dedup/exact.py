"""Exact deduplication: documents that repeat another one word for word."""

import numpy as np

from pipeline.corpus.staging import Documents


def find_duplicates(documents: Documents) -> np.ndarray:
    """Return a mask [documents] of those that have the key of an earlier one."""
    order = np.argsort(documents.key, kind="stable")
    is_duplicate = np.zeros(len(order), bool)
    is_duplicate[order[1:]] = documents.key[order[1:]] == documents.key[order[:-1]]
    return is_duplicate
