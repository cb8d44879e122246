import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from pipeline.common.errors import UserError
from pipeline.encoder.hf_io import load_encoder
from pipeline.encoder.teacher import write_teacher
from stages import train_encoder
from tests.helpers.paths import ROOT
from tests.helpers.small import set_params

WIDTH = 32  # of the encoder, and of the teacher: numbers behind its width would differ by rounding


@pytest.fixture
def encoder_project(project, texts, tokenizer, monkeypatch):
    """A project whose corpus and tokenizer stand, with a training of 4 steps."""
    documents = [f"{one}\n{other}" for one, other in zip(texts[:200], texts[200:], strict=True)]
    for split, rows in (("train", documents[:150]), ("val", documents[150:])):
        (project / "data/corpus" / split).mkdir(parents=True)
        table = pa.table(
            {"id": [str(i) for i in range(len(rows))], "source": ["test"] * len(rows), "text": rows}
        )
        pq.write_table(table, project / "data/corpus" / split / "part-00000.parquet")
    (project / "models").mkdir()
    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    set_encoder_params(
        project, width=WIDTH, vocab_size=500, steps=4, warmup_steps=1, batch_size=16, pool_size=10
    )
    return project


def set_encoder_params(project, **values):
    set_params(project, "encoder", **values)


def test_train_encoder_missed_gate_warns_and_fails_only_when_strict(encoder_project, capsys):
    set_encoder_params(encoder_project, min_recall_at_1=1.0, min_mrr=1.0, min_margin=-2.0)
    train_encoder.main()
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: encoder:")]
    assert len(warnings) == 2  # one a bar
    metrics = json.loads((encoder_project / "reports/train_encoder/metrics.json").read_text())
    assert metrics["gate"] == {"passed": 0}
    assert metrics["pool_size"] == metrics["pool_documents"] == 10
    word_searches = {"words", "prefixes", "grams", "prefixes_grams"}
    systems = {"dense", "hybrid", "random_idf"} | word_searches
    assert set(metrics["retrieval"]["halves"]) == systems
    assert set(metrics["retrieval"]["sentences"]) == systems | {"untrained"}
    assert 100 < metrics["vocabulary"] <= 500
    encoder = load_encoder(encoder_project / "models/encoder")
    assert np.isfinite(encoder.embed(["Van", "Ankara"])).all()
    assert encoder.hybrid_weight == metrics["hybrid_weight"]

    set_encoder_params(encoder_project, gate="strict")
    with pytest.raises(UserError, match=r"recall_at_1 .* encoder.min_recall_at_1 1.0; .* encoder.gate: warn"):
        train_encoder.main()
    assert (encoder_project / "models/encoder/model.safetensors").exists()


def test_train_encoder_is_deterministic(encoder_project):
    train_encoder.main()
    weights = encoder_project / "models/encoder/model.safetensors"
    first = weights.read_bytes()
    for path in sorted((encoder_project / ".scratch").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    train_encoder.main()
    assert weights.read_bytes() == first


@pytest.mark.parametrize("vocabulary", ["tokenizer", "prefix5"])
def test_train_encoder_with_layers_opens_in_sentence_transformers(encoder_project, vocabulary):
    from sentence_transformers import SentenceTransformer

    set_encoder_params(
        encoder_project, layers=1, heads=2, ffn=32, vocabulary=vocabulary, word_dropout=0.1, widths=[16]
    )
    train_encoder.main()
    folder = encoder_project / "models/encoder"
    texts = ["Ankara'nın kışı", "VAN GÖLÜ"]
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts)
    assert np.allclose(load_encoder(folder).embed(texts), theirs, atol=1e-5)


def write_small_teacher(project):
    """Write a teacher of two texts, whose vectors are orthogonal."""
    folder = project / "data/raw/model"
    folder.mkdir(parents=True, exist_ok=True)
    write_teacher(folder / "t.parquet", ["Ankara", "Van Gölü"], np.eye(2, WIDTH))


def test_train_encoder_imitates_a_teachers_file(encoder_project):
    write_small_teacher(encoder_project)
    train_encoder.main()
    alone = load_encoder(encoder_project / "models/encoder").embed(["Ankara"])
    set_encoder_params(encoder_project, teacher="data/raw/model/t.parquet", teacher_weight=100.0)
    train_encoder.main()
    taught = load_encoder(encoder_project / "models/encoder").embed(["Ankara"])
    # Centered, the two vectors are opposite: the first two numbers differ in sign.
    assert taught[0, 0] > 0.2 > -0.2 > taught[0, 1]
    assert not np.allclose(alone, taught, atol=0.05)
    set_encoder_params(encoder_project, teacher="data/raw/model/none.parquet")
    with pytest.raises(UserError, match=r"encoder.teacher: data/raw/model/none.parquet"):
        train_encoder.main()


def test_train_encoder_refuses_a_corpus_without_two_sentences_in_a_document(encoder_project):
    path = encoder_project / "data/corpus/train/part-00000.parquet"
    rows = ["Tek bir cümle var burada."] * 20
    pq.write_table(pa.table({"id": rows, "source": rows, "text": rows}), path)
    with pytest.raises(UserError, match=r"data/corpus/train: no document has two sentences"):
        train_encoder.main()


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [{}, {"layers": 1, "heads": 2, "ffn": 32}, {"teacher": "data/raw/model/t.parquet", "widths": [16]}],
)
def test_train_encoder_in_two_processes_learns_what_one_learns(encoder_project, values):
    """All pairs of a batch are negatives, whichever process embeds them, and all imitate the teacher."""
    write_small_teacher(encoder_project)
    set_encoder_params(encoder_project, precision="fp32", **values)  # bf16 differs by more than the order
    train_encoder.main()
    weights = encoder_project / "models/encoder/model.safetensors"
    alone = load_file(weights)
    metrics = json.loads((encoder_project / "reports/train_encoder/metrics.json").read_text())
    shutil.rmtree(encoder_project / ".scratch")
    set_params(encoder_project, "runtime", processes=2, device="cpu")
    set_params(encoder_project, "train", batch_size=2)
    done = subprocess.run(
        [sys.executable, "-m", "stages.train_encoder"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stdout
    assert alone.keys() == load_file(weights).keys()
    for name, weight in load_file(weights).items():
        assert (weight - alone[name]).abs().max() < 1e-4, name
    together = json.loads((encoder_project / "reports/train_encoder/metrics.json").read_text())
    assert together["train_loss"] == pytest.approx(metrics["train_loss"], abs=1e-4)
