from contextlib import nullcontext

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.common.paths import BASE_MODEL, SFT_MODEL
from pipeline.eval_sets.readers import Choice, Document, Pair, Question
from pipeline.eval_sets.tasks import load_task_files
from pipeline.evaluation.items import read_items, write_items
from pipeline.evaluation.measure import (
    Models,
    Training,
    check_tokenizer_of_model,
    list_subsets,
    list_versions,
    measure_tasks,
)
from pipeline.evaluation.ngram_baselines import train_baselines
from pipeline.evaluation.tasks import Tasks
from pipeline.evaluation.word_frequency import WordFrequency
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
    models = Models(tokenizer, decoder, decoder, tokenizer, encoder=None, mixture=None)
    words = WordFrequency.from_stream(stream, tokenizer)
    training = Training(stream, train_baselines(stream, tokenizer.vocab_size), words)
    metrics, items = measure_tasks(tasks, models, training, 4, 1, nullcontext)
    kinds = ["bits_per_byte", "minimal_pairs", "questions", "first_words", "retrieval", *MORE]
    assert list(metrics) == [*kinds, "mixture_weight"]
    bits = metrics["bits_per_byte"]["val"]
    assert bits["base"] > bits["kneser_ney_5"] > 0  # the decoder is untrained
    assert bits["mixture"] == pytest.approx(bits["kneser_ney_5"], rel=0.01)
    assert 0 < metrics["mixture_weight"] < 0.01
    # Only the miniworld's pairs must be of equal length.
    assert metrics["minimal_pairs"]["miniworld"]["uneven_dropped"] == 1
    assert metrics["minimal_pairs"]["mine"]["n"] == 1
    assert metrics["questions"]["miniworld"]["n"] == 1
    assert metrics["first_words"]["opener"]["share"] == 0.0
    assert metrics["first_words"]["false_refusals"]["n"] == 1
    assert metrics["retrieval"] == {}
    assert metrics["choice"]["quiz"]["n"] == 1
    assert metrics["second_halves"]["flores"]["base"] > metrics["second_halves"]["flores"]["kneser_ney_5"]
    versions = {
        name: figures["version"]
        for kind in kinds
        for name, figures in metrics[kind].items()
        if "version" in figures
    }
    assert versions == {"mine": 1, "speeches": 2, "quiz": 3, "flores": 4}
    page = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in kinds)
    path = tmp_path / "items.parquet"
    write_items(path, items, list_versions(tasks), list_subsets(tasks))
    table, subsets = read_items(path, "items.parquet")
    assert subsets == {}
    rows = {(row["task"], row["model"]): row for row in table.to_pylist()}
    assert rows["bits_per_byte.speeches", "base"]["version"] == 2
    assert rows["bits_per_byte.val", "base"]["score"] == pytest.approx(bits["base"], rel=1e-6)
    assert rows["bits_per_byte.val", "base"]["weight"] == len(TEXT.encode())
    assert rows["bits_per_byte.val", "base"]["right"] is None
    assert rows["minimal_pairs.mine", "kneser_ney_5"]["stratum"] == "length"
    assert rows["first_words.opener", "sft"]["right"] is False
    assert capsys.readouterr().out.splitlines() == [
        "counting n-grams and words …",
        "bits per byte …",
        "minimal pairs …",
        "questions and retrieval …",
        "contamination …",
    ]


def test_a_model_of_another_tokenizer_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, content in (("tokenizer", b"one"), ("base", b"one"), ("sft", b"two")):
        (tmp_path / "models" / folder).mkdir(parents=True)
        (tmp_path / "models" / folder / "tokenizer.model").write_bytes(content)
    check_tokenizer_of_model(BASE_MODEL, "train_base")
    message = r"^models/sft was trained with another tokenizer; run `dvc repro train_sft`$"
    with pytest.raises(UserError, match=message):
        check_tokenizer_of_model(SFT_MODEL, "train_sft")
