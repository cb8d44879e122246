"""The stage: metrics by name, and nothing written after an error."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.tokenizer_training.params import BASE_VOCAB_SIZE
from stages import train_tokenizer
from tests.helpers.factories import tokenizer_params


@pytest.fixture
def stage(project, texts, monkeypatch):
    """The stage on a small corpus, ready to run."""
    monkeypatch.setattr(
        train_tokenizer, "load_section", lambda section, model: tokenizer_params(vocab_size=480)
    )
    for split in ("train", "val"):
        folder = project / "data/corpus" / split
        folder.mkdir(parents=True)
        rows = [{"id": f"a-{i}", "source": "a", "text": text} for i, text in enumerate(texts)]
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
    (project / "data/corpus/miniworld").mkdir()
    (project / "data/corpus/miniworld/segmentations.tsv").write_text("evde\tev|de\n")
    return project


def test_train_tokenizer_names_metrics_by_their_files(stage):
    (stage / "data/raw/morph/segmentations.tsv").write_text("evde\tev|de\neve\tev|e\n")
    train_tokenizer.main()
    metrics = json.loads((stage / "reports/train_tokenizer/metrics.json").read_text())
    assert metrics["val"]["exact_round_trip"] == metrics["val"]["fast_form_equal"] == 1
    assert {key: m["forms"] for key, m in metrics["morpheme_boundaries"].items()} == {
        "miniworld": 1,
        "segmentations": 2,
    }


def test_train_tokenizer_lists_byte_fallback_by_character(stage):
    rows = [{"id": "v-0", "source": "a", "text": "Ünye ile 中中 ve ф"}]
    pq.write_table(pa.Table.from_pylist(rows), stage / "data/corpus/val/part-00000.parquet")
    train_tokenizer.main()
    metrics = json.loads((stage / "reports/train_tokenizer/metrics.json").read_text())
    assert metrics["byte_fallback"] == {"U+4E2D": 2, "U+0444": 1}
    assert list(metrics["byte_fallback"]) == ["U+4E2D", "U+0444"]
    page = (stage / "reports/train_tokenizer/pieces.md").read_text(encoding="utf-8")
    assert page.endswith("written as bytes: 2\n\n`中` U+4E2D 2, `ф` U+0444 1\n")


def is_untouched(project):
    return not (project / "models/tokenizer").exists() and not (project / "reports/train_tokenizer").exists()


def test_train_tokenizer_reads_segmentations_before_it_trains(stage, monkeypatch):
    monkeypatch.setattr(train_tokenizer, "train_sentencepiece", lambda *_: pytest.fail("trained first"))
    (stage / "data/raw/morph/words.tsv").write_text("form\tsegments\n")
    with pytest.raises(UserError, match=r"^data/raw/morph/words\.tsv: no row"):
        train_tokenizer.main()
    assert is_untouched(stage)


@pytest.mark.parametrize("key", ["exact_round_trip", "fast_form_equal"])
def test_train_tokenizer_reports_an_unfaithful_tokenizer_as_a_fault_of_the_program(stage, monkeypatch, key):
    report = {"exact_round_trip": 1.0, "fast_form_equal": 1.0, key: 0.99}
    monkeypatch.setattr(train_tokenizer, "measure_text_fit", lambda *_: (report, None, None))
    with pytest.raises(UserError, match=r"^models/tokenizer: .* a fault of the program") as error:
        train_tokenizer.main()
    assert "\n" not in str(error.value)
    assert is_untouched(stage)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [("max_piece_chars", 2, 512), ("vocab_size", BASE_VOCAB_SIZE + 1, 1_000_000)],
)
def test_tokenizer_params_refuse_numbers_that_sentencepiece_cannot_take(key, first, last):
    for value in (first, last):
        assert getattr(tokenizer_params(**{key: value}), key) == value
    for value in (first - 1, last + 1):
        with pytest.raises(UserError, match=f"^params.yaml: tokenizer.{key}: {value}: "):
            tokenizer_params(**{key: value})
