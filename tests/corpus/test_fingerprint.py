"""What makes a run of slice_corpus read its sources again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.fingerprint import Fingerprint
from pipeline.corpus.fingerprint import read_fingerprint
from tests.helpers.factories import corpus_params
from tests.helpers.paths import ROOT

LOCAL = {"mine": {"kind": "local", "path": "data/raw/corpus/mine.txt"}}
HUB = {"web": {"kind": "hub", "dataset": "a/b", "revision": "a" * 40}}


@pytest.fixture
def fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fingerprint]:
    (tmp_path / "data/raw/corpus").mkdir(parents=True)
    (tmp_path / "data/raw/corpus/mine.txt").write_text("bir")
    for name in ("dvc.yaml", "pipeline", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)

    def make(eval_texts: tuple[str, ...] = (), **changes: Any) -> Fingerprint:
        return read_fingerprint(
            corpus_params(**{"sources": LOCAL, "max_bytes": None} | changes), 1, [*eval_texts]
        )

    return make


def test_read_fingerprint_depends_on_what_reading_depends_on(fingerprint: Callable[..., Fingerprint]) -> None:
    before = fingerprint()
    assert fingerprint(max_bytes=10, val_fraction=0.3) == before
    assert fingerprint(min_chars=7) != before
    assert fingerprint(eval_texts=("iki",)) != before
    Path("data/raw/corpus/mine.txt").write_text("bir iki")
    assert fingerprint() != before


def test_read_fingerprint_of_downloads_depends_on_budget(fingerprint: Callable[..., Fingerprint]) -> None:
    assert fingerprint(sources=HUB) != fingerprint(sources=HUB, max_bytes=10)
    assert fingerprint(sources=LOCAL | HUB) != fingerprint(sources=HUB | LOCAL)
