from contextlib import nullcontext

import numpy as np

from pipeline.eval_sets.readers import Choice, Document, Pair, Question
from pipeline.evaluation.measure import Models, measure_tasks
from pipeline.evaluation.ngrams import train_baselines
from pipeline.evaluation.tasks import Tasks
from pipeline.inference.first_words import FirstWords
from pipeline.tokenizer.special import BOS, EOS

MORE = ("choice", "second_halves")  # kinds of files alone; without tasks they have no key
TEXT = "Van Gölü Van'dadır."


def test_measure_tasks_has_the_figures_of_every_task(make_decoder, tokenizer, capsys):
    tasks = Tasks(
        texts={"val": [Document("1", "s", TEXT)]},
        pairs={
            "miniworld": [Pair("Van'da", "Van'de", "vowel"), Pair("Kars", "Karstan", "length")],
            "mine": [Pair("Kars", "Karstan", "length")],
        },
        questions={"miniworld": [Question("Van Gölü nerede?", ("Van'da",), "city", "seen")]},
        retrieval={},
        first_words=[FirstWords("opener", [{"role": "user", "content": "slm"}], ["Merhaba…"])],
        choices={"quiz": [Choice("Van Gölü", ("Van'dadır.", "Kars'tadır."), 0)]},
        second_halves={"flores": [Document("1", "s", TEXT)]},
        similarity={},
    )
    stream = np.array([BOS, *tokenizer.encode(TEXT), EOS] * 3, np.uint16)
    decoder = make_decoder(context=64)
    models = Models(tokenizer, decoder, decoder, None)
    metrics = measure_tasks(tasks, models, train_baselines(stream, tokenizer.vocab_size), 4, nullcontext)
    assert list(metrics) == ["bits_per_byte", "minimal_pairs", "questions", "first_words", "retrieval", *MORE]
    bits = metrics["bits_per_byte"]["val"]
    assert bits["base"] > bits["kneser_ney_5"] > 0  # the decoder is untrained
    # Only the miniworld's pairs must be of equal length.
    assert metrics["minimal_pairs"]["miniworld"]["uneven_dropped"] == 1
    assert metrics["minimal_pairs"]["mine"]["n"] == 1
    assert metrics["questions"]["miniworld"]["n"] == 1
    assert metrics["first_words"]["opener"] == {"share": 0.0, "n": 1}
    assert metrics["retrieval"] == {}
    assert metrics["choice"]["quiz"]["n"] == 1
    assert metrics["second_halves"]["flores"]["base"] > metrics["second_halves"]["flores"]["kneser_ney_5"]
    assert capsys.readouterr().out == "bits per byte …\nminimal pairs …\nquestions and retrieval …\n"
