"""The stage as it is run: killed in the middle, it goes on where it was and writes the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
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


def wait_for(what, seconds=60.0):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def alone(group):
    """Whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def files(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def test_a_killed_run_leaves_no_worker_and_goes_on_to_the_same_bytes(project, tokenizer):
    shutil.copytree(tokenizer.folder, project / "models/tokenizer")
    for split, count in (("train", 60_000), ("val", 50)):
        write_corpus(project / "data/corpus" / split, sentences(count))
    set_params(project, "shards", shard_tokens=30_000)
    set_params(project, "runtime", workers=2)
    whole = start(project)
    assert whole.wait() == 0
    expected = files(project / "data/shards")
    assert len(expected) > 50
    assert not list((project / ".scratch/pack_shards").glob("*/"))
    shutil.rmtree(project / "data/shards")
    (project / ".scratch/pack_shards/0123456789ab-01234567/train").mkdir(parents=True)  # of other params

    killed = start(project)
    wait_for(lambda: len(list((project / ".scratch").glob("pack_shards/*/train/*.json"))) >= 3)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    wait_for(lambda: alone(killed.pid))
    assert not (project / "data/shards").exists()

    again = start(project)
    assert "resumed after" in again.communicate()[0]
    assert again.returncode == 0
    assert files(project / "data/shards") == expected
    assert not list((project / ".scratch/pack_shards").glob("*/"))
