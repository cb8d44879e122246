"""The stage: figures by name, and nothing written where something is wrong."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.tokenizer_training.params import SMALLEST_VOCAB, TokenizerParams
from stages import train_tokenizer

SETTINGS = {
    "kind": "bpe",
    "vocab_size": 480,
    "sample_bytes": 10**6,
    "max_piece_chars": 16,
    "morphemes": False,
}


@pytest.fixture
def stage(project, texts, monkeypatch):
    """The stage on a small corpus, ready to run."""
    monkeypatch.setattr(params, "check_all", lambda stage: None)
    monkeypatch.setattr(params, "load", lambda section, model: TokenizerParams(**SETTINGS))
    for split in ("train", "val"):
        folder = project / "data/corpus" / split
        folder.mkdir(parents=True)
        rows = [{"id": f"a-{i}", "source": "a", "text": text} for i, text in enumerate(texts)]
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
    (project / "data/corpus/miniworld").mkdir()
    (project / "data/corpus/miniworld/segmentations.tsv").write_text("evde\tev|de\n")
    return project


def test_figures_are_named_by_their_files(stage):
    (stage / "data/raw/morph/segmentations.tsv").write_text("evde\tev|de\neve\tev|e\n")
    train_tokenizer.main()
    metrics = json.loads((stage / "reports/train_tokenizer/metrics.json").read_text())
    assert metrics["val"]["exact_round_trip"] == metrics["val"]["fast_form_equal"] == 1
    assert {key: m["forms"] for key, m in metrics["morpheme_boundaries"].items()} == {
        "miniworld": 1,
        "segmentations": 2,
    }


def untouched(project):
    return not (project / "models/tokenizer").exists() and not (project / "reports/train_tokenizer").exists()


def test_files_are_read_before_anything_is_learned(stage, monkeypatch):
    monkeypatch.setattr(train_tokenizer, "train", lambda *_: pytest.fail("trained first"))
    (stage / "data/raw/morph/words.tsv").write_text("form\tsegments\n")
    with pytest.raises(UserError, match=r"^data/raw/morph/words\.tsv: no row"):
        train_tokenizer.main()
    assert untouched(stage)


@pytest.mark.parametrize("key", ["exact_round_trip", "fast_form_equal"])
def test_an_unfaithful_tokenizer_is_the_programs_fault(stage, monkeypatch, key):
    report = {"exact_round_trip": 1.0, "fast_form_equal": 1.0, key: 0.99}
    monkeypatch.setattr(train_tokenizer, "text_report", lambda *_: (report, None))
    with pytest.raises(UserError, match=r"^models/tokenizer: .* a fault of the program") as error:
        train_tokenizer.main()
    assert "\n" not in str(error.value)
    assert untouched(stage)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [("max_piece_chars", 2, 512), ("vocab_size", SMALLEST_VOCAB + 1, 1_000_000)],
)
def test_numbers_that_sentencepiece_cannot_take_are_refused(key, first, last):
    for value in (first, last):
        assert getattr(TokenizerParams(**{**SETTINGS, key: value}), key) == value
    for value in (first - 1, last + 1):
        with pytest.raises(ValueError, match=key):
            TokenizerParams(**{**SETTINGS, key: value})
