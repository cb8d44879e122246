from contextlib import nullcontext

import numpy as np

from pipeline.eval_sets.readers import Choice, Document, Pair, Question
from pipeline.eval_sets.tasks import load_task_files
from pipeline.evaluation.measure import Models, measure_tasks
from pipeline.evaluation.ngrams import train_baselines
from pipeline.evaluation.tasks import Tasks
from pipeline.inference.first_words import FirstWords
from pipeline.tokenizer.special import BOS, EOS
from tests.helpers.factories import eval_params
from tests.helpers.paths import ROOT
from tests.helpers.small import write_task

MORE = ("choice", "second_halves")  # kinds of files alone; without tasks they have no key
KINDS = {"mine": "minimal_pairs", "speeches": "text", "quiz": "choice", "flores": "second_halves"}
TEXT = "Van Gölü Van'dadır."


def test_measure_tasks_has_the_figures_of_every_task(make_decoder, tokenizer, tmp_path, capsys):
    for version, (name, kind) in enumerate(KINDS.items(), start=1):
        write_task(tmp_path, name, kind, version=version)
    tasks = Tasks(
        texts={name: [Document("1", "s", TEXT)] for name in ("val", "speeches")},
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
        files=load_task_files(eval_params(tasks=list(KINDS)), tmp_path),
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
    versions = {
        name: figures["version"]
        for of_kind in metrics.values()
        for name, figures in of_kind.items()
        if "version" in figures
    }
    assert versions == {"mine": 1, "speeches": 2, "quiz": 3, "flores": 4}
    page = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in metrics)
    assert capsys.readouterr().out == "bits per byte …\nminimal pairs …\nquestions and retrieval …\n"
