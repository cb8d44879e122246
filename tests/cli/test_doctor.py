"""`tezgah doctor`: the checks of a machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import doctor
from pipeline.cli.doctor import Finding
from tests.helpers.paths import ROOT


@pytest.mark.parametrize(
    ("finding", "severity", "advice"),
    [
        (doctor.check_system("Linux", "6.1.0"), "ok", ""),
        (doctor.check_system("Linux", "5.15.90.1-microsoft-standard-WSL2"), "ok", ""),
        (doctor.check_system("Darwin", "24.1"), "note", "best effort"),
        (doctor.check_system("Windows", "11"), "bad", "WSL2"),
        (doctor.check_python((3, 10, 4)), "bad", "Python 3.11"),
        (doctor.check_python((3, 14, 0)), "ok", ""),
        (doctor.check_disk(1.0), "note", "dvc gc"),
        (doctor.check_disk(80.0), "ok", ""),
        (doctor.check_memory(1.5), "note", "train.batch_size"),
        (doctor.check_memory(16.0), "ok", ""),
        (doctor.check_memory(None), "ok", ""),
        (doctor.check_compiler(None), "ok", ""),
    ],
)
def test_checks_give_a_severity_and_advice(finding: Finding, severity: str, advice: str) -> None:
    assert finding.severity == severity
    assert advice in finding.advice
    assert bool(finding.advice) == (severity != "ok")


def test_check_packages_compares_versions_with_the_pins(tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("# all\nnumpy==0.1\nno-such-package==1.0\n", encoding="utf-8")
    old, missing = doctor.check_packages(pins)
    assert (old.severity, missing.severity) == ("note", "bad")
    assert old.result.startswith("numpy ")
    assert old.result.endswith("pinned 0.1")
    assert missing.result == "no-such-package is missing"
    assert [finding.severity for finding in doctor.check_packages(tmp_path / "none.txt")] == ["bad"]
    (fine,) = doctor.check_packages(ROOT / "requirements.txt")
    assert fine.severity == "ok"


def test_check_links_finds_the_best_kind_of_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor.check_links(Path(".dvc/cache")).severity == "bad"
    Path(".dvc").mkdir()
    assert doctor.check_links(Path(".dvc/cache")).result.endswith("by hardlink")

    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    assert doctor.check_links(Path(".dvc/cache")).result.endswith("by symlink")
    monkeypatch.setattr(os, "symlink", refused)
    assert doctor.check_links(Path(".dvc/cache")).severity == "note"
    assert os.listdir(".dvc/cache") == []
    assert os.listdir(".") == [".dvc"]


def test_command_doctor_hides_the_token_and_fails_where_something_is_bad(tmp_path: Path) -> None:
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
    assert re.search(r"^ok    HF_TOKEN +set$", here.stdout, flags=re.M)
    columns = {re.match(r"\w+ +.*?  +", line).end() for line in here.stdout.splitlines()}
    assert len(columns) == 1, here.stdout
    assert "verysecret" not in here.stdout + here.stderr
    assert elsewhere.returncode == 1
    assert re.search(r"^bad   packages +no requirements.txt here  -> run from", elsewhere.stdout, flags=re.M)
    assert elsewhere.stderr == ""


def test_run_checks_in_turkish_in_columns(monkeypatch, capsys):
    findings = [
        doctor.check_disk(1.5),
        doctor.check_system("Windows", "{11}"),
        doctor.check_compiler("/usr/bin/[c++]"),
    ]
    monkeypatch.setattr(doctor, "collect_findings", lambda: findings)
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert not doctor.run_checks()
    assert capsys.readouterr().out.splitlines() == [
        "not   disk             1,5 GB boş  -> 5 GB daha iyi olur; `dvc gc -w` önbelleği temizler",
        "kötü  sistem           Windows {11}  -> desteklenmiyor; WSL2 içinde çalışın (wsl --install)",
        "iyi   C++ derleyicisi  /usr/bin/[c++]",
    ]


def test_check_clone_is_silent_but_for_a_shallow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "is_shallow_clone", lambda: False)
    assert list(doctor.check_clone()) == []
    monkeypatch.setattr(doctor, "is_shallow_clone", lambda: True)
    (finding,) = doctor.check_clone()
    assert (finding.severity, finding.advice) == ("note", "git fetch --unshallow")


def test_check_scratch_folder_needs_a_writable_folder(tmp_path):
    assert doctor.check_scratch_folder(tmp_path / "not/there/yet").severity == "ok"
    (tmp_path / "file").touch()
    assert doctor.check_scratch_folder(tmp_path / "file/scratch").severity == "bad"
