"""Documents that repeat another one word for word."""

import numpy as np

from pipeline.corpus.staging import Documents


def duplicates(documents: Documents) -> np.ndarray:
    """Which documents have the key of one before them."""
    order = np.argsort(documents.key, kind="stable")
    again = np.zeros(len(order), bool)
    again[order[1:]] = documents.key[order[1:]] == documents.key[order[:-1]]
    return again
