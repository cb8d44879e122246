"""The stage in a process: killed in the middle, it resumes and writes the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.small import sentences, set_params, write_corpus

pytestmark = pytest.mark.slow


def start(project):
    return subprocess.Popen(
        [sys.executable, "-m", "stages.pack_shards"],
        cwd=project, env={**os.environ, "TEZGAH_SCRATCH": str(project / ".scratch")},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_until(condition, process, seconds=60.0):
    """Wait for a condition that a running process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
            pytest.fail("the process ended first")


def read_files(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def test_pack_shards_killed_leaves_no_worker_and_resumes_to_the_same_bytes(project, tokenizer):
    shutil.copytree(tokenizer.folder, project / "models/tokenizer")
    for split, count in (("train", 60_000), ("val", 50)):
        write_corpus(project / "data/corpus" / split, sentences(count))
    set_params(project, "shards", shard_tokens=30_000)
    set_params(project, "runtime", workers=2)
    undisturbed = start(project)
    assert undisturbed.wait() == 0
    expected = read_files(project / "data/shards")
    assert len(expected) > 50
    assert not list((project / ".scratch/pack_shards").glob("*/"))
    shutil.rmtree(project / "data/shards")
    (project / ".scratch/pack_shards/0123456789ab-01234567/train").mkdir(parents=True)  # of other params

    killed = start(project)
    wait_until(lambda: len(list(project.glob(".scratch/pack_shards/*/train/*.json"))) >= 3, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)  # to the end of stdout, which the workers share: none is left then
    assert not (project / "data/shards").exists()

    resumed = start(project)
    assert "resumed after" in resumed.communicate()[0]
    assert resumed.returncode == 0
    assert read_files(project / "data/shards") == expected
    assert not list((project / ".scratch/pack_shards").glob("*/"))
