"""Answers out of documents, measured: quotes, places and refusals of a few questions known by heart."""

import pytest

from pipeline.eval_sets.readers import Question
from pipeline.evaluation.grounded import measure_grounded
from pipeline.text.grounded import NOT_IN_PASSAGE

LIBRARY = "Kütüphane sabah dokuzda açılır. Ödünç alınan kitaplar on beş gün içinde iade edilir."
POOL = "Havuzda bone takmak zorunludur. Çocuklar havuza velileriyle girer."
BAKERY = "Fırın geceleri çalışır. Ekmekler sabah altıda hazır olur."


def ask(question: str, answer: str, passage: str) -> Question:
    return Question(question, (answer,), "told", "told", passage)


def test_measure_grounded_counts_quotes_places_and_refusals():
    rows = [
        ask("Ödünç alınan kitaplar kaç gün içinde iade edilir?", "on beş gün", LIBRARY),
        ask("Havuzda ne takmak zorunludur?", "Bone", POOL),
        ask("Çocuklar havuza kiminle girer?", "Öğretmenleriyle", POOL),  # right place, wrong answer
        ask("Zürafalar nerede uyur?", "Fırında", BAKERY),  # no word of it stands anywhere
        ask("Fırın kaçta kapanır?", NOT_IN_PASSAGE, BAKERY),  # not told, so not measured
        ask("???", "altıda", BAKERY),  # no word to search for
        Question("Başkent neresi?", ("Ankara",), "city", "city"),  # about no passage
    ]
    figures, items = measure_grounded(rows, None)
    shares = {name: value["share"] for name, value in figures.items() if isinstance(value, dict)}
    assert shares == {
        "right_quote": 0.5,
        "right_place": 0.75,
        "false_refusals": 0.25,
        "refused_without": 1.0,
        "words_in_common": 0.5,
    }
    assert (figures["n"], figures["passages"]) == (4, 3)
    assert items.right["quote"].tolist() == [True, True, False, False]
    assert len(set(items.clusters.tolist())) == 3
    assert figures["right_quote"]["low"] < 0.5 < figures["right_quote"]["high"]


@pytest.mark.parametrize("passage", ["", BAKERY])
def test_measure_grounded_needs_a_passage_that_tells(passage):
    assert measure_grounded([ask("Fırın kaçta kapanır?", NOT_IN_PASSAGE, passage)], None) is None
    assert measure_grounded([], None) is None
