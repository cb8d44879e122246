"""`tezgah clean`: what it removes and what it leaves."""

import fcntl
import subprocess
import sys

from pipeline.scratch import scratch


def test_checkpoints_go_but_not_of_a_stage_that_is_training(project, monkeypatch):
    monkeypatch.delenv("TEZGAH_SCRATCH", raising=False)
    for stage in ("train_base", "train_sft"):
        folder = scratch() / stage / "0123456789ab-01234567"
        folder.mkdir(parents=True)
        (folder / "checkpoint.pt").write_bytes(bytes(1_500_000))
    (scratch() / "train_base/notes").mkdir()  # not ours
    with open(scratch() / "train_sft/lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "clean"], capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == [
        "remove .scratch/train_base/0123456789ab-01234567 (1.5 MB)",
        "left .scratch/train_sft: a training holds it now",
    ]
    left = {path.relative_to(scratch()).as_posix() for path in scratch().glob("*/*")}
    assert left == {
        "train_base/lock",
        "train_base/notes",
        "train_sft/lock",
        "train_sft/0123456789ab-01234567",
    }
