"""`tezgah sft preview`: what becomes of the sources, before a model is there."""

import json

import pytest
from ruamel.yaml import YAML

from pipeline.cli.main import app
from pipeline.common.errors import UserError


@pytest.fixture
def preview_project(project, tokenizer):
    """A project with a tokenizer, and 60 rows of which three are dropped."""
    (project / "models").mkdir()
    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    rows = [{"soru": f"{i}. soru nedir?", "cevap": f"{i} numara", "puan": 1} for i in range(57)]
    rows += [{"soru": "Kim?", "cevap": " "}, {"soru": "", "cevap": "Ben."}, rows[0]]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (project / "data/raw/sft/mine.jsonl").write_text("\n".join(lines), encoding="utf-8")
    set_sft(project, sources={"mine": {"kind": "local", "path": "data/raw/sft/mine.jsonl"}})
    return project


def set_sft(project, **values):
    yaml, path = YAML(), project / "params.yaml"
    params = yaml.load(path.read_text(encoding="utf-8"))
    params["sft"].update(conversations_per_step=8, val_fraction=0.2, careless_fraction=0.0, **values)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def test_preview_shows_columns_counts_rules_and_conversations(preview_project, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    app(["sft", "preview"], standalone_mode=False)
    printed = capsys.readouterr().out
    rows = {tuple(cell.strip() for cell in line.split("│")[1:-1]) for line in printed.splitlines()}
    assert {
        ("soru", "user"),
        ("cevap", "assistant"),
        ("rows read", "60"),
        ("conversations kept", "57"),
    } <= rows
    assert {("silent", "1", "Kim? /"), ("empty", "1", "/ Ben.")} <= rows
    assert ("duplicate", "1", "0. soru nedir? / 0 numara") in rows
    assert "what is trained is green:" in printed
    assert sum(line.startswith("<s><|user|>") for line in printed.splitlines()) == 3
    assert "note: sft.sources.mine: keys without effect: puan" in printed


def test_preview_is_turkish_under_tezgah_lang(preview_project, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    app(["sft", "preview"], standalone_mode=False)
    printed = capsys.readouterr().out
    for word in (
        "neye dönüştü",
        "eğitilen token",
        "uymadığı kural",
        "ilki şöyle başlıyor",
        "eğitilen yerler yeşil",
    ):
        assert word in printed


def test_preview_shows_why_nothing_is_left_and_then_fails(preview_project, capsys):
    (preview_project / "data/raw/sft/mine.jsonl").write_text('{"soru": "Kim?", "cevap": ""}\n' * 3)
    with pytest.raises(UserError, match=r"sft\.sources\.mine: none of its 3 conversations is left"):
        app(["sft", "preview"], standalone_mode=False)
    assert "silent" in capsys.readouterr().out
    (preview_project / "data/raw/sft/mine.jsonl").write_text('{"soru": "Kim?", "cevap": "Ben."}\n')
    with pytest.raises(UserError, match="more than the 1 training conversations"):
        app(["sft", "preview"], standalone_mode=False)
    assert "Ben.<|end|>" in capsys.readouterr().out


def test_preview_needs_the_tokenizer_alone(preview_project):
    (preview_project / "models/tokenizer").unlink()
    with pytest.raises(UserError, match=r"models/tokenizer.*: no such f"):
        app(["sft", "preview"], standalone_mode=False)
