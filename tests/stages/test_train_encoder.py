import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.common.errors import UserError
from pipeline.encoder.embed import embed_texts
from pipeline.encoder.hf_io import load_encoder
from stages import train_encoder


@pytest.fixture
def encoder_project(project, texts, tokenizer, monkeypatch):
    """A project whose corpus and tokenizer stand, with a training of 4 steps."""
    for split, rows in (("train", texts[:150]), ("val", texts[150:200])):
        (project / "data/corpus" / split).mkdir(parents=True)
        table = pa.table(
            {"id": [str(i) for i in range(len(rows))], "source": ["test"] * len(rows), "text": rows}
        )
        pq.write_table(table, project / "data/corpus" / split / "part-00000.parquet")
    (project / "models").mkdir()
    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    set_encoder_params(
        project, width=32, heads=2, layers=1, ffn=32, steps=4, warmup_steps=1, batch_size=16, pool_size=40
    )
    return project


def set_encoder_params(project, **values):
    yaml, path = YAML(), project / "params.yaml"
    all_params = yaml.load(path.read_text(encoding="utf-8"))
    all_params["encoder"].update(values)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(all_params, file)


def test_train_encoder_missed_gate_warns_and_fails_only_when_strict(encoder_project, tokenizer, capsys):
    set_encoder_params(encoder_project, min_recall_at_1=1.0, min_mrr=1.0, min_margin=-2.0)
    train_encoder.main()
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: encoder:")]
    assert len(warnings) == 2  # one a bar
    metrics = json.loads((encoder_project / "reports/train_encoder/metrics.json").read_text())
    assert metrics["gate"] == {"passed": 0}
    assert metrics["pool_size"] == 40
    assert set(metrics["retrieval"]) == {"encoder", "untrained", "embeddings_mean", "bm25"}
    vectors = embed_texts(load_encoder(encoder_project / "models/encoder"), tokenizer, ["Van", "Ankara"])
    assert np.isfinite(vectors).all()

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
