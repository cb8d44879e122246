import pytest
import torch

from pipeline.eval_sets.readers import Retrieval
from pipeline.evaluation import retrieval


def test_measure_retrieval_compares_encoder_and_bm25(monkeypatch, tokenizer):
    vectors = {"ankara nerede": [1, 0], "van nerede": [1, 0], "Ankara buradadır": [1, 0], "Van orada": [0, 1]}

    def embed(encoder, tokenizer, texts):
        return torch.tensor([vectors[text] for text in texts], dtype=torch.float32).numpy()

    monkeypatch.setattr(retrieval, "embed_texts", embed)
    task = Retrieval(("ankara nerede", "van nerede"), ("Ankara buradadır", "Van orada"), (0, 1))
    figures, items = retrieval.measure_retrieval(task, None, tokenizer)
    assert figures["encoder"]["recall_at_1"] == 0.5
    assert figures["encoder"]["margin"] == pytest.approx(0)
    assert figures["bm25"]["recall_at_1"] == 1
    assert (figures["queries"], figures["documents"], figures["chance"]) == (2, 2, 0.5)
    assert figures["encoder"]["low"] < 0.5 < figures["encoder"]["high"]
    assert items.scores["encoder"].tolist() == [1, 0.5]
