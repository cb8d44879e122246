"""A full disk, a cache that cannot be written, a missing package, Ctrl-C at any moment: each is one line."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from pipeline.cli import preset

pytestmark = pytest.mark.slow


@contextmanager
def mounted(folder, *options):
    """A file system of its own at `folder`; the test is skipped where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def environment(project, **more):
    said = {
        "TEZGAH_DEBUG": "",
        "TEZGAH_LANG": "",
        "TEZGAH_SCRATCH": str(project / ".scratch"),
        "COLUMNS": "200",
    }
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **said, **more}


def run(project, *command, **more):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project, env=environment(project, **more), capture_output=True, text=True, check=False,
    )  # fmt: skip


def half_written(project):
    return [path for path in project.rglob("*") if ".partial" in path.name]


@pytest.fixture
def smoke(project):
    preset.run(["smoke"], False)
    return project


def fill(folder, but):
    """Leave `but` bytes of a file system."""
    room = os.statvfs(folder)
    with open(folder / "filler", "wb") as file:
        file.write(b"\0" * max(0, room.f_bavail * room.f_frsize - but))


@pytest.mark.parametrize(
    ("stage", "before", "room"),
    [
        ("slice_corpus", (), 20_000),
        ("train_tokenizer", ("slice_corpus",), 8_000),
        ("pack_shards", ("slice_corpus", "train_tokenizer"), 8_000),
        ("train_base", ("slice_corpus", "train_tokenizer", "pack_shards"), 200_000),
    ],
)
def test_a_full_disk_is_one_line(smoke, tmp_path_factory, stage, before, room):
    for earlier in before:
        assert run(smoke, f"stages.{earlier}").returncode == 0
    with mounted(tmp_path_factory.mktemp("disk"), "-o", "size=32m") as disk:
        there = shutil.copytree(smoke, disk / "project", symlinks=True)
        fill(disk, but=room)
        done = run(there, f"stages.{stage}")
        assert done.returncode == 1, done.stderr
        assert (
            done.stderr.strip().splitlines()[-1] == "error: the disk is full; free some room and start again"
        )
        assert "Traceback" not in done.stderr
        assert not half_written(there)


def test_a_cache_that_cannot_be_written_is_named(project):
    cache = project / ".dvc/cache"
    (project / "requirements.txt").write_text("")
    with mounted(cache, "-o", "ro"):
        done = run(project, "pipeline.cli", "doctor")
    assert done.returncode == 1
    assert "bad   DVC cache     .dvc/cache cannot be written" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("package", ["sentencepiece", "ruamel", "rich", "typer", "pydantic", "torch"])
def test_a_missing_package_is_one_line(smoke, package):
    blocked = smoke / "blocked"
    (blocked / package).mkdir(parents=True)
    fault = f"raise ModuleNotFoundError('none', name={package!r})\n"
    (blocked / package / "__init__.py").write_text(fault)
    for command in (["pipeline.cli", "plan"], ["stages.train_base"]):
        done = run(smoke, *command, PYTHONPATH=str(blocked))
        if package != "sentencepiece" or "plan" not in command:
            assert done.returncode == 1
            assert done.stderr.strip() == f"error: package {package} is missing; run `make install`"


@pytest.mark.parametrize("after", [0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 1.6, 2.4])
@pytest.mark.parametrize("command", ["stages.slice_corpus", "pipeline.cli plan --probe"])
def test_ctrl_c_at_any_moment_is_one_line_and_leaves_nothing_half(smoke, command, after):
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        cwd=smoke, env=environment(smoke), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode in (0, 1, 130, -signal.SIGINT), errors
    assert len(errors.strip().splitlines()) <= 1
    assert not half_written(smoke)
