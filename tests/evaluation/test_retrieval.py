import numpy as np
import pytest

from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.vocabulary import train_prefix_vocabulary
from pipeline.eval_sets.readers import Retrieval
from pipeline.evaluation import retrieval

VECTORS = {"ankara nerede": [1, 0], "van nerede": [1, 0], "Ankara buradadır": [1, 0], "Van orada": [0, 1]}


class FixedVectors(TextEncoder):
    """An encoder with two numbers a text, given by hand."""

    width = 2

    def __init__(self):
        self.tokenizer, self.hybrid_weight = train_prefix_vocabulary(VECTORS, 100), 0.5

    def embed(self, texts):
        return np.array([VECTORS[text] for text in texts], np.float32)


def test_measure_retrieval_compares_vectors_words_and_both():
    task = Retrieval(("ankara nerede", "van nerede"), ("Ankara buradadır", "Van orada"), (0, 1))
    figures, items = retrieval.measure_retrieval(task, FixedVectors(), seed=1)
    assert figures["dense"]["recall_at_1"] == 0.5
    assert figures["dense"]["margin"] == pytest.approx(0)
    assert figures["words"]["recall_at_1"] == figures["hybrid"]["recall_at_1"] == 1
    assert (figures["queries"], figures["documents"], figures["chance"]) == (2, 2, 0.5)
    assert figures["dense"]["low"] < 0.5 < figures["dense"]["high"]
    assert items.scores["dense"].tolist() == [1, 0.5]
    assert items.right["hybrid"].tolist() == [True, True]
