"""FOLDER@REVISION: a model as another commit has it, out of a real DVC cache."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.revisions import fetch_folder, split_revision
from pipeline.common.errors import UserError


@pytest.fixture
def history(tmp_path, monkeypatch):
    """A repository whose folder models/sft has another content in its second commit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEZGAH_SCRATCH", str(tmp_path / ".scratch"))

    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    run("git", "init", "-q")
    run("git", "config", "user.email", "a@example.org")
    run("git", "config", "user.name", "a")
    run(sys.executable, "-m", "dvc", "init", "-q")
    folder = tmp_path / "models/sft"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / "config.json").write_text(str(number))
        run(sys.executable, "-m", "dvc", "add", "-q", "models/sft")
        run("git", "add", ".")
        run("git", "commit", "-qm", str(number))
    return tmp_path


def test_fetch_folder_returns_the_folder_of_a_revision(history, monkeypatch):
    folder, revision = split_revision("models/sft@HEAD~1")
    fetched = fetch_folder(folder, revision)
    assert fetched.name == "sft"
    assert (fetched / "config.json").read_text() == "1"
    assert (history / "models/sft/config.json").read_text() == "2"
    assert fetch_folder(history / "models/sft", "HEAD~1") == fetched
    monkeypatch.setattr("dvc.api.DVCFileSystem", None)
    assert fetch_folder(folder, revision) == fetched  # fetched once


def test_fetch_folder_names_what_cannot_be_had(history):
    folder, _ = split_revision("models/sft")
    with pytest.raises(UserError, match="models/sft@yok: no such revision or experiment"):
        fetch_folder(folder, "yok")
    with pytest.raises(UserError, match="/etc@HEAD: not in this project"):
        fetch_folder(Path("/etc"), "HEAD")
    with pytest.raises(UserError, match="models/base@HEAD: not in DVC's cache"):
        fetch_folder(folder.with_name("base"), "HEAD")
    shutil.rmtree(history / ".dvc/cache")
    with pytest.raises(
        UserError, match=r"models/sft@HEAD~1: not in DVC's cache .* run `dvc fetch --all-commits`"
    ):
        fetch_folder(folder, "HEAD~1")
    assert not list((history / ".scratch").rglob("*.partial"))


def test_split_revision_leaves_a_folder_of_that_name_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a@b").mkdir()
    assert split_revision("a@b") == (tmp_path.relative_to(tmp_path) / "a@b", None)
    assert split_revision("a@HEAD@{1}") == (Path("a"), "HEAD@{1}")
    assert split_revision("a@f/x") == (Path("a"), "f/x")
    assert split_revision("a") == (tmp_path.relative_to(tmp_path) / "a", None)
