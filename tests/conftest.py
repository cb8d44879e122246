"""Small things that many tests need."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT, SHARED
from tests.helpers.small import make_tokenizer, sentences

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test asks a network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads cost tiny models more than they bring
os.environ["TEZGAH_CHECK_MESSAGES"] = "1"  # a message without a translation raises

# A shell starts background jobs with SIGINT ignored, and the programs of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.helpers.browser", "tests.helpers.random_models", "tests.helpers.tiny"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the file of the longest tests first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")


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


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project without data in which stages can be called: params.yaml, dvc.yaml, presets, tasks, code."""
    for name in ("params.yaml", "dvc.yaml", ".dvcignore", "presets", "tasks"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for name in ("corpus", "sft", "eval", "morph", "model"):
        (tmp_path / "data/raw" / name).mkdir(parents=True)
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    monkeypatch.chdir(tmp_path)
    return tmp_path
