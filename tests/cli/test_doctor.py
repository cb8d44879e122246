import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import doctor
from pipeline.cli.doctor import Finding
from tests.helpers.paths import ROOT


@pytest.mark.parametrize(
    ("finding", "mark", "says"),
    [
        (doctor.system("Linux", "6.1.0"), "ok", ""),
        (doctor.system("Linux", "5.15.90.1-microsoft-standard-WSL2"), "ok", ""),
        (doctor.system("Darwin", "24.1"), "note", "best effort"),
        (doctor.system("Windows", "11"), "bad", "WSL2"),
        (doctor.python((3, 10, 4)), "bad", "Python 3.11"),
        (doctor.python((3, 14, 0)), "ok", ""),
        (doctor.disk(1.0), "note", "dvc gc"),
        (doctor.disk(80.0), "ok", ""),
        (doctor.memory(1.5), "note", "train.batch_size"),
        (doctor.memory(16.0), "ok", ""),
        (doctor.memory(None), "ok", ""),
        (doctor.compiler(None), "ok", ""),
    ],
)
def test_what_is_found_and_what_to_do(finding: Finding, mark: str, says: str) -> None:
    assert finding.mark == mark
    assert says in finding.do
    assert bool(finding.do) == (mark != "ok")


def test_packages_are_held_against_their_pins(tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("# all\nnumpy==0.1\nno-such-package==1.0\n", encoding="utf-8")
    old, missing = doctor.packages(pins)
    assert (old.mark, missing.mark) == ("note", "bad")
    assert old.found.startswith("numpy ")
    assert old.found.endswith("pinned 0.1")
    assert missing.found == "no-such-package is missing"
    assert [finding.mark for finding in doctor.packages(tmp_path / "none.txt")] == ["bad"]
    (fine,) = doctor.packages(ROOT / "requirements.txt")
    assert fine.mark == "ok"


def test_the_cache_links_as_the_disk_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor.links(Path(".dvc/cache")).mark == "bad"
    Path(".dvc").mkdir()
    assert doctor.links(Path(".dvc/cache")).found.endswith("by hardlink")

    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    assert doctor.links(Path(".dvc/cache")).found.endswith("by symlink")
    monkeypatch.setattr(os, "symlink", refused)
    assert doctor.links(Path(".dvc/cache")).mark == "note"
    assert os.listdir(".dvc/cache") == []
    assert os.listdir(".") == [".dvc"]


def test_the_command_shows_no_secret_and_ends_badly_where_something_is_bad(tmp_path: Path) -> None:
    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "doctor"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HF_TOKEN": "hf_verysecret"},
            capture_output=True,
            text=True,
        )

    here, elsewhere = run(ROOT), run(tmp_path)
    assert here.returncode == 0, here.stdout
    assert "HF_TOKEN      set\n" in here.stdout
    assert "verysecret" not in here.stdout + here.stderr
    assert elsewhere.returncode == 1
    assert "bad   packages      no requirements.txt here  -> run from" in elsewhere.stdout
    assert elsewhere.stderr == ""


def test_checkpoints_need_a_folder_that_can_be_written(tmp_path):
    assert doctor.checkpoints(tmp_path / "not/there/yet").mark == "ok"
    (tmp_path / "file").touch()
    assert doctor.checkpoints(tmp_path / "file/scratch").mark == "bad"
