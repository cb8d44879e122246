import numpy as np
import pytest

from pipeline.encoder.lexical import (
    BEST,
    bm25_scores,
    lexical_scores,
    split_grams,
    split_prefixes,
)


def test_bm25_scores_ignore_turkish_case():
    scores = bm25_scores(["IĞDIR'IN ilçeleri", "İzmir körfezi"], ["ızmir ığdır", "izmir iğdır", "Iğdır"])
    assert scores[0].argmax() == 2
    assert scores[1].tolist() == pytest.approx([0, scores[1][1], 0])
    assert scores[1][1] > 0


def test_bm25_scores_of_a_query_without_words_are_zero():
    assert bm25_scores(["…", "elma"], ["elma", "!!!"])[0].tolist() == [0, 0]
    assert not bm25_scores(["…"], ["?!", "!!!"]).any()


def test_split_prefixes_and_grams():
    assert split_prefixes("Kitabımızı İSTANBUL'da ver") == ["kitab", "istan", "da", "ver"]
    assert split_grams("ver Kitap o") == ["_ver", "ver_", "_kit", "kita", "itap", "tap_", "_o_"]


def test_lexical_scores_find_other_forms_of_a_word_by_their_parts():
    scores = lexical_scores(["kitaplarda ne yazar"], ["bir kitabın adı", "kitap ile defter", "uzak bir ev"])
    assert not scores["words"].any()
    assert scores["prefixes"].argmax() == 1
    assert scores["grams"][0, 0] > 0
    assert np.allclose(scores[BEST], scores["prefixes"] + scores["grams"])
