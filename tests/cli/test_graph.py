"""What git knows of the project."""

import subprocess
from pathlib import Path

import pytest

from pipeline.cli import graph

COMMIT = ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", "a")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


@pytest.fixture
def full_clone(tmp_path: Path) -> Path:
    """A repository of two commits."""
    folder = tmp_path / "full"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, *COMMIT)
    git(folder, *COMMIT)
    return folder


@pytest.fixture
def shallow_clone(full_clone: Path, tmp_path: Path) -> Path:
    """A clone of its last commit."""
    git(tmp_path, "clone", "-q", "--depth", "1", full_clone.as_uri(), "shallow")
    return tmp_path / "shallow"


def is_shallow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.chdir(folder)
    return graph.is_shallow_clone()


def test_is_shallow_clone_until_it_is_made_whole(full_clone, shallow_clone, monkeypatch):
    assert not is_shallow(full_clone, monkeypatch)
    assert is_shallow(shallow_clone, monkeypatch)
    git(shallow_clone, "fetch", "-q", "--unshallow")
    assert not is_shallow(shallow_clone, monkeypatch)


def test_is_shallow_clone_in_a_worktree_of_one(shallow_clone, tmp_path, monkeypatch):
    git(shallow_clone, "worktree", "add", "-q", "../tree")
    assert is_shallow(tmp_path / "tree", monkeypatch)


@pytest.mark.parametrize("folder", [".dvc/tmp/exps/standalone/tmp1", ".dvc/tmp/exps/tmp1"])
def test_is_shallow_clone_in_a_copy_that_dvc_made_for_an_experiment(shallow_clone, monkeypatch, folder):
    copy = shallow_clone / folder  # a whole repository, as DVC fetches into a new one
    copy.mkdir(parents=True)
    git(copy, "init", "-q")
    git(copy, *COMMIT)
    assert is_shallow(copy, monkeypatch)


def test_is_shallow_clone_is_false_outside_a_repository_and_without_git(
    shallow_clone, tmp_path, monkeypatch, capfd
):
    assert not is_shallow(tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", "")
    assert not is_shallow(shallow_clone, monkeypatch)
    assert capfd.readouterr() == ("", "")
