from collections import Counter

import numpy as np
import pytest

from pipeline.evaluation.word_frequency import WordFrequency, split_words
from pipeline.tokenizer.special import BOS, EOS

TEXTS = ("Işık söndü. IŞIK, yine söndü!", "İzmir'e gittik;\n“İzmir'e” yine", "", "söndü")


def test_split_words_folds_turkish_letters_and_keeps_suffixes():
    assert split_words("İzmir'e IŞIK, 3,5 kg “söndü”!") == ["izmir'e", "ışık", "3", "5", "kg", "söndü"]


def test_counts_of_a_stream_are_those_of_its_texts(tokenizer):
    stream = np.array([i for text in TEXTS for i in (BOS, *tokenizer.encode(text), EOS)], np.uint16)
    counted = WordFrequency.from_stream(stream, tokenizer).counts
    assert counted == Counter(word for text in TEXTS for word in split_words(text))


def test_compare_is_the_difference_of_summed_bits():
    words = WordFrequency(Counter({"ve": 7, "var": 3}))
    assert words.compare("Ve", "var") == pytest.approx(1)
    assert words.compare("ve, ve", "var yok") == pytest.approx(np.log2(64 / 4))
    assert words.compare("ve var", "Var ve.") == 0
