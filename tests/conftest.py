"""Small things that many tests need."""

import json
import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test asks a network

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"  # real text beside the checkout, where there is any

SENTENCES = [
    "Ankara, Türkiye'nin başkentidir ve İç Anadolu'da yer alır.",
    "Çocuklar sabah erkenden okula gitti; öğretmen kapıda bekliyordu.",
    "Iğdır'ın ışığı, İzmir'in ılık rüzgârı…",
    "1923'te 29 Ekim günü cumhuriyet ilan edildi.",
    "Kedi, ağacın altında uyudu, köpek ise bahçede koştu.",
    "Yağmur yağınca şemsiyesini açtı ve eve doğru yürüdü.",
    "Pazardan iki kilo elma, üç kilo da üzüm aldık.",
    "Gölün kıyısında balıkçılar ağlarını onarıyordu.",
]


def sentences(count: int) -> list[str]:
    """`count` different short Turkish texts."""
    return [f"{SENTENCES[i % 8]} {SENTENCES[(i // 8) % 8]} {i}. gün böyle geçti." for i in range(count)]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real Turkish data; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no shared data beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return sentences(400)


@pytest.fixture(scope="session", params=["bpe", "unigram"])
def any_tokenizer(request, texts, tmp_path_factory):
    """A small trained tokenizer of either kind."""
    return make_tokenizer(tmp_path_factory.mktemp(request.param), request.param, texts)


@pytest.fixture(scope="session")
def tokenizer(texts, tmp_path_factory):
    """A small trained BPE tokenizer."""
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), "bpe", texts)


def make_tokenizer(folder: Path, kind: str, texts: list[str]):
    from pipeline.tokenizer.convert import write_folder
    from pipeline.tokenizer.params import TokenizerParams
    from pipeline.tokenizer.tokenizer import Tokenizer
    from pipeline.tokenizer.train import train

    params = TokenizerParams(
        kind=kind, vocab_size=480 if kind == "bpe" else 420, sample_bytes=10**6, max_piece_chars=16
    )
    write_folder(folder, train(iter(texts), params), kind)
    return Tokenizer.load(folder)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project in which stages can be called: params.yaml of the smoke preset, dvc.yaml, folders."""
    for name in ("params.yaml", "dvc.yaml", "presets"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for name in ("corpus", "sft", "eval", "morph"):
        (tmp_path / "data/raw" / name).mkdir(parents=True)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_lines(path: Path, rows: list[dict]) -> Path:
    """A JSON lines file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
