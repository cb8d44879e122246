import numpy as np
import pytest

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.encoder import evaluate
from pipeline.encoder.bm25 import bm25_scores
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.task import new_encoder


@pytest.fixture
def settings(root):
    section = params.read(root / "params.yaml")["encoder"]
    return params.parse(
        section | {"width": 32, "heads": 2, "layers": 1, "pool_size": 20}, "encoder", EncoderParams
    )


def test_bm25_finds_words_whatever_their_turkish_case():
    scores = bm25_scores(["IĞDIR'IN ilçeleri", "İzmir körfezi"], ["ızmir ığdır", "izmir iğdır", "Iğdır"])
    assert scores[0].argmax() == 2
    assert scores[1].tolist() == pytest.approx([0, scores[1][1], 0])
    assert scores[1][1] > 0


def test_a_query_without_words_finds_nothing():
    assert bm25_scores(["…", "elma"], ["elma", "!!!"])[0].tolist() == [0, 0]
    assert not bm25_scores(["…"], ["?!", "!!!"]).any()


def test_all_systems_are_measured_over_one_pool(texts, tokenizer, settings, capsys):
    pool = evaluate.held_out_pool(iter(texts[:100]), settings, tokenizer, 1, "val")
    assert len(pool) == 20
    assert capsys.readouterr().err == ""
    encoder = new_encoder(settings, tokenizer.vocab_size, 1)
    vectors = evaluate.encoder_metrics(encoder, pool, tokenizer)
    mean = evaluate.embeddings_mean_metrics(encoder, pool, tokenizer)
    assert set(vectors) == set(mean) == {"recall_at_1", "recall_at_10", "mrr", "margin"}
    assert "margin" not in evaluate.bm25_metrics(pool)


def test_a_small_val_split_is_used_whole_with_one_line_of_warning(texts, tokenizer, settings, capsys):
    pool = evaluate.held_out_pool(texts[:7], settings, tokenizer, 1, "data/corpus/val")
    assert len(pool) == 7
    assert capsys.readouterr().err.count("\n") == 1


def test_retrieval_among_one_is_refused(texts, tokenizer, settings):
    with pytest.raises(UserError, match=r"data/corpus/val: 1 documents .* raise corpus.val_fraction"):
        evaluate.held_out_pool([texts[0], texts[0], "kısa"], settings, tokenizer, 1, "data/corpus/val")


def test_a_missed_bar_names_figure_and_param(settings):
    measured = {"recall_at_1": 0.7, "recall_at_10": 1.0, "mrr": 0.9, "margin": -0.2}
    missed = evaluate.missed_bars(measured, settings)
    assert len(missed) == 2
    assert "recall_at_1 0.7000" in missed[0]
    assert "encoder.min_recall_at_1 0.7" in missed[0]
    assert "encoder.min_margin" in missed[1]
    assert evaluate.missed_bars(dict.fromkeys(measured, 1.0), settings) == []


def test_embedding_mean_ignores_padding(texts, tokenizer, settings):
    encoder = new_encoder(settings, tokenizer.vocab_size, 1)
    pool = [("kısa metin", texts[0]), (texts[1] + texts[2], "çok kısa")]
    alone = [evaluate.embeddings_mean_metrics(encoder, pool, tokenizer) for _ in range(2)]
    assert alone[0] == alone[1]
    assert np.isfinite(alone[0]["margin"])
