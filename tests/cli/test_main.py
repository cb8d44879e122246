"""The command as a process: what it prints on terminals of other encodings, into closed pipes, in clones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

SUMMARY = (
    "from pipeline.common import errors; errors.install();"
    " from pipeline.cli.report import read_report; from pipeline.evaluation.summary import print_summary;"
    " print_summary(read_report('evaluate'))"
)


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("encoding", "command", "says"),
    [
        ("ascii", ("-m", "pipeline.cli", "report"), "a?ama"),
        ("iso-8859-9", ("-m", "pipeline.cli", "report"), "aşama"),
        ("iso-8859-9", ("-m", "pipeline.cli", "status"), "aşama"),
        ("latin-1", ("-m", "pipeline.cli", "check"), "bütün bölümler geçerli"),
        ("ascii", ("-m", "pipeline.cli", "infer", "--help"), "--temperature"),
        ("ascii", ("-c", SUMMARY), "| bit/bayt"),
    ],
)
def test_output_fits_any_encoding(encoding, command, says):
    done = run(*command, PYTHONIOENCODING=encoding, TEZGAH_LANG="tr")
    assert (done.returncode, done.stderr) == (0, b"")
    assert says in done.stdout.decode(encoding)


def test_errors_fit_the_locale_c():
    done = run(
        "-m",
        "pipeline.cli",
        "preset",
        "şeker",
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONIOENCODING="",
        TEZGAH_LANG="tr",
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"hata: ")
    assert done.stderr.decode("ascii").count("\n") == 1


@pytest.mark.parametrize("command", [("report",), ("--help",), ("tokenize", "--help"), ("check",)])
def test_closed_pipe_ends_the_command_in_silence(command):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *command], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b""


def test_prompt_that_begins_with_a_dash_is_told_to_follow_two():
    done = run("-m", "pipeline.cli", "infer", "-5 ile 3'ün toplamı kaç?")
    assert done.returncode == 1
    assert "put -- before text that begins with -" in done.stderr.decode()
    done = run("-m", "pipeline.cli", "infer", "--temprature", "1", "Ankara")
    assert "put --" not in done.stderr.decode()


def test_check_says_that_a_clone_is_shallow_and_that_nothing_is_wrong(project):
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a", "--allow-empty"],
    ):
        subprocess.run(["git", *command], cwd=project, check=True)
    whole = run("-m", "pipeline.cli", "check", cwd=project)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, check=True).stdout
    (project / ".git/shallow").write_bytes(commit)
    shallow = run("-m", "pipeline.cli", "check", cwd=project)
    assert (whole.returncode, shallow.returncode) == (0, 0)
    assert whole.stderr == b""
    assert shallow.stderr.decode().splitlines() == [
        "note: a shallow clone loses the results of `dvc exp run --temp` and `--queue`;"
        " run `git fetch --unshallow`"
    ]
    assert shallow.stdout == whole.stdout
