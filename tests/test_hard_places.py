"""A full disk, a cache that cannot be written, a missing package, Ctrl-C at any moment: each is one line."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from pipeline.cli import preset
from tests.helpers.signals import signal_at

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
    ours = {
        "TEZGAH_DEBUG": "",
        "TEZGAH_LANG": "",
        "TEZGAH_SCRATCH": str(project / ".scratch"),
        "COLUMNS": "200",
    }
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **ours, **more}


def run(project, *command, **more):
    """Run a module in a session of its own, so that a signal to its process group stays there."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=environment(project, **more),
        capture_output=True, text=True, check=False, start_new_session=True, timeout=300,
    )  # fmt: skip


def half_written(project):
    return [path for path in project.rglob("*") if ".partial" in path.name]


@pytest.fixture
def smoke(project):
    preset.run_preset(["smoke"], False)
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
def test_stage_on_a_full_disk_ends_in_one_line(smoke, tmp_path_factory, stage, before, room):
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


def test_doctor_names_a_cache_that_cannot_be_written(project):
    cache = project / ".dvc/cache"
    (project / "requirements.txt").write_text("")
    with mounted(cache, "-o", "ro"):
        done = run(project, "pipeline.cli", "doctor")
    assert done.returncode == 1
    assert "bad   DVC cache     .dvc/cache cannot be written" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("package", ["sentencepiece", "ruamel", "rich", "typer", "pydantic", "torch"])
def test_missing_package_ends_in_one_line(smoke, package):
    blocked = smoke / "blocked"
    (blocked / package).mkdir(parents=True)
    fault = f"raise ModuleNotFoundError('none', name={package!r})\n"
    (blocked / package / "__init__.py").write_text(fault)
    for command in (["pipeline.cli", "plan"], ["stages.train_base"]):
        done = run(smoke, *command, PYTHONPATH=str(blocked))
        if package != "sentencepiece" or "plan" not in command:
            assert done.returncode == 1
            assert done.stderr.strip() == f"error: package {package} is missing; run `make install`"


MOMENTS = [
    ("stages.slice_corpus", "import", "pydantic"),
    ("stages.slice_corpus", "import", "daft"),
    ("stages.slice_corpus", "subprocess.Popen", ""),  # of the check of params.yaml
    ("stages.slice_corpus", "import", "pipeline.cli.estimate"),  # in that process
    ("stages.slice_corpus", "os.mkdir", ".corpus.partial"),
    ("stages.slice_corpus", "open", "part-00000.parquet"),
    ("stages.slice_corpus", "os.rename", ".corpus.partial"),
    ("pipeline.cli plan --probe", "import", "pydantic"),
    ("pipeline.cli plan --probe", "import", "torch"),
    ("pipeline.cli plan --probe", "open", "params.yaml"),
    ("pipeline.cli plan --probe", "subprocess.Popen", ""),
    ("pipeline.cli plan --probe", "open", "/proc/meminfo"),  # for the memory that is free, before the probe
]


@pytest.mark.parametrize(("command", "event", "name"), MOMENTS)
def test_ctrl_c_stops_in_one_line_and_leaves_nothing_half_written(smoke, command, event, name):
    done = run(smoke, *command.split(), **signal_at(smoke / "hook", event, name, signal.SIGINT))
    assert done.returncode in (130, -signal.SIGINT), done.stderr  # before main() has begun it is -SIGINT
    assert done.stderr.strip() == ("" if done.returncode == 130 else "error: stopped")
    assert not half_written(smoke)
