import pytest

from pipeline.encoder.bm25 import bm25_scores


def test_bm25_scores_ignore_turkish_case():
    scores = bm25_scores(["IĞDIR'IN ilçeleri", "İzmir körfezi"], ["ızmir ığdır", "izmir iğdır", "Iğdır"])
    assert scores[0].argmax() == 2
    assert scores[1].tolist() == pytest.approx([0, scores[1][1], 0])
    assert scores[1][1] > 0


def test_bm25_scores_of_a_query_without_words_are_zero():
    assert bm25_scores(["…", "elma"], ["elma", "!!!"])[0].tolist() == [0, 0]
    assert not bm25_scores(["…"], ["?!", "!!!"]).any()
