"""Questions about passages."""

import pytest

from pipeline.text.grounded import ask_about, best_sentence, split_passage

PASSAGE = (
    "Ali İzmir'de simit aldı. Annesi “Merak etme! Yarın gideriz.” dedi. Çocuk güldü…\n"
    "IŞIK köyünde kar yağdı! Dönüşte yol kapalıydı."
)


def test_split_passage_keeps_speech_whole():
    assert split_passage(PASSAGE) == [
        "Ali İzmir'de simit aldı.",
        "Annesi “Merak etme! Yarın gideriz.” dedi.",
        "Çocuk güldü…",
        "IŞIK köyünde kar yağdı!",
        "Dönüşte yol kapalıydı.",
    ]
    assert split_passage("") == []


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Ali ne aldı?", "Ali İzmir'de simit aldı."),
        ("Işık köyüne ne yağdı?", "IŞIK köyünde kar yağdı!"),
        ("Annesine ne dedi?", "Annesi “Merak etme! Yarın gideriz.” dedi."),
        ("?", "Ali İzmir'de simit aldı."),
    ],
)
def test_best_sentence_has_most_words_in_common(question, sentence):
    assert best_sentence(PASSAGE, question) == sentence


def test_ask_about_puts_the_passage_before_the_question():
    assert ask_about("Kar yağdı.", "Ne yağdı?") == "Metin: Kar yağdı.\n\nSoru: Ne yağdı?"
