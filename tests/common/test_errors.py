"""User errors as one line."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from pipeline.common.errors import UserError, run_command
def main(kind: str):
    raise {"user": UserError("{fault}", fault="params.yaml: x:\\n 3"),
           "os": FileNotFoundError(2, "No such file", "a.txt"),
           "bug": ZeroDivisionError("oops"), "stop": KeyboardInterrupt()}[kind]
run_command(main)
"""


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("user", 1, "error: params.yaml: x: 3\n"),
        ("os", 1, "error: a.txt: no such file; `dvc repro` makes it, or name one that is there\n"),
        ("bug", 1, "ZeroDivisionError"),
        ("stop", 130, ""),
    ],
)
def test_run_command_prints_a_user_error_as_one_line(root, kind, status, message):
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], cwd=root, capture_output=True, text=True, check=False
    )
    assert completed.returncode == status
    assert (message in completed.stderr) if kind == "bug" else (completed.stderr == message)


def test_run_command_shows_the_traceback_under_tezgah_debug(root):
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM, "user"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TEZGAH_DEBUG": "1"},
    )
    assert "Traceback" in completed.stderr
