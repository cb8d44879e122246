import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.encoder import evaluate
from pipeline.encoder.task import build_encoder
from tests.helpers.factories import encoder_params


@pytest.fixture
def params():
    return encoder_params(width=32, heads=2, layers=1, pool_size=20)


def test_metrics_of_all_systems_over_one_pool(texts, tokenizer, params, capsys):
    pool = evaluate.build_held_out_pool(iter(texts[:100]), params, tokenizer, 1, "val")
    assert len(pool) == 20
    assert capsys.readouterr().err == ""
    encoder = build_encoder(params, tokenizer.vocab_size, 1)
    vectors = evaluate.encoder_metrics(encoder, pool, tokenizer)
    mean = evaluate.embeddings_mean_metrics(encoder, pool, tokenizer)
    assert set(vectors) == set(mean) == {"recall_at_1", "recall_at_10", "mrr", "margin"}
    assert "margin" not in evaluate.bm25_metrics(pool)


def test_build_held_out_pool_warns_of_a_small_val_split(texts, tokenizer, params, capsys):
    pool = evaluate.build_held_out_pool(texts[:7], params, tokenizer, 1, "data/corpus/val")
    assert len(pool) == 7
    assert capsys.readouterr().err.count("\n") == 1


def test_build_held_out_pool_refuses_a_pool_of_one(texts, tokenizer, params):
    with pytest.raises(UserError, match=r"data/corpus/val: 1 documents .* raise corpus.val_fraction"):
        evaluate.build_held_out_pool([texts[0], texts[0], "kısa"], params, tokenizer, 1, "data/corpus/val")


def test_missed_thresholds_name_metric_and_param(params):
    metrics = {"recall_at_1": 0.7, "recall_at_10": 1.0, "mrr": 0.9, "margin": -0.2}
    missed = evaluate.missed_thresholds(metrics, params)
    assert len(missed) == 2
    assert "recall_at_1 0.7000" in missed[0]
    assert "encoder.min_recall_at_1 0.7" in missed[0]
    assert "encoder.min_margin" in missed[1]
    assert evaluate.missed_thresholds(dict.fromkeys(metrics, 1.0), params) == []


def test_embeddings_mean_metrics_ignore_padding(texts, tokenizer, params):
    encoder = build_encoder(params, tokenizer.vocab_size, 1)
    pool = [("kısa metin", texts[0]), (texts[1] + texts[2], "çok kısa")]
    alone = [evaluate.embeddings_mean_metrics(encoder, pool, tokenizer) for _ in range(2)]
    assert alone[0] == alone[1]
    assert np.isfinite(alone[0]["margin"])
