"""Atomic writes of files and folders."""

import hashlib
from pathlib import Path

import pytest

from pipeline.common.io import atomic_folder, sha256, write_atomic


def test_atomic_folder_replaces_only_when_the_block_succeeds(tmp_path):
    target = tmp_path / "out"
    with atomic_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with pytest.raises(FileNotFoundError), atomic_folder(target) as folder:
        (folder / "missing/b").write_text("2")
    assert [p.name for p in target.iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_atomic_folder_interrupted_while_it_begins_leaves_nothing(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def mkdir_and_stop(path, **options):
        mkdir(path, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", mkdir_and_stop)
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_write_atomic_writes_the_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "deep/file"
    write_atomic(path, "ışık")
    assert path.read_text(encoding="utf-8") == "ışık"
    assert sha256(path) == hashlib.sha256("ışık".encode()).hexdigest()
    assert [p.name for p in path.parent.iterdir()] == ["file"]
