from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.eval_sets.readers import ScoredPair
from pipeline.evaluation.similarity import measure_similarity, share_of_common_words


def test_measure_similarity_compares_the_encoder_and_common_words():
    angles = {"a": 0.0, "b": 0.1, "c d": 0.0, "d e": 0.5, "f": 0.0, "g": 1.0}

    def embed(texts):
        return np.array([[np.cos(angles[text]), np.sin(angles[text])] for text in texts])

    pairs = [ScoredPair("a", "b", 5.0), ScoredPair("c d", "d e", 2.5), ScoredPair("f", "g", 0.0)]
    figures, items = measure_similarity(pairs, SimpleNamespace(embed=embed))
    assert figures["encoder"] == pytest.approx(1)
    assert figures["common_words"] == 0  # ranks 1.5, 3, 1.5 against 3, 2, 1
    assert figures["n"] == 3
    assert items.scores["people"].tolist() == [5.0, 2.5, 0.0]


def test_share_of_common_words_folds_turkish_letters():
    assert share_of_common_words("Işık söndü", "ışık yandı") == pytest.approx(1 / 3)
