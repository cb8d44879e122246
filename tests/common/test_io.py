"""Outputs that appear whole or not at all, and user errors as one line."""

import hashlib
import os
import subprocess
import sys

import pytest

from pipeline.common.io import sha256, whole_folder, write_whole


def test_a_folder_takes_its_place_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with pytest.raises(FileNotFoundError), whole_folder(target) as folder:
        (folder / "missing/b").write_text("2")
    assert [p.name for p in target.iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep/file"
    write_whole(path, "ışık")
    assert path.read_text(encoding="utf-8") == "ışık"
    assert sha256(path) == hashlib.sha256("ışık".encode()).hexdigest()
    assert [p.name for p in path.parent.iterdir()] == ["file"]


PROGRAM = """
from pipeline.common.errors import UserError, run
def main(kind: str):
    raise {"user": UserError("params.yaml: x:\\n 3"), "os": FileNotFoundError(2, "No such file", "a.txt"),
           "ours": ZeroDivisionError("oops"), "stop": KeyboardInterrupt()}[kind]
run(main)
"""


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("user", 1, "error: params.yaml: x: 3\n"),
        ("os", 1, "error: a.txt: no such file; `dvc repro` makes it, or name one that is there\n"),
        ("ours", 1, "ZeroDivisionError"),
        ("stop", 130, ""),
    ],
)
def test_how_errors_end(root, kind, status, said):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert (said in done.stderr) if kind == "ours" else (done.stderr == said)


def test_debug_shows_the_traceback(root):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "user"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TEZGAH_DEBUG": "1"},
    )
    assert "Traceback" in done.stderr
