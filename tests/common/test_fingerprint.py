"""`tezgah clean`: what it removes and what it leaves."""

import errno
import fcntl
import subprocess
import sys

from pipeline.common.fingerprint import clean, fingerprint, locked, scratch


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


def test_where_files_cannot_be_locked_it_says_so_and_goes_on(project, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (scratch() / "train_base/0123456789ab-01234567").mkdir(parents=True)
    with locked("train_base"):
        assert "has no locks; start no second run beside this one" in capsys.readouterr().out
    clean()
    assert "remove .scratch/train_base" in capsys.readouterr().out
    assert not (scratch() / "train_base/0123456789ab-01234567").exists()


def test_which_file_holds_what_is_part_of_the_fingerprint(project):
    """Documents that move from one split to the other make other shards."""
    for name in ("a", "b", "c"):
        (project / name).write_text(name)
    (project / "d").write_text("b")
    marks = [fingerprint("pack_shards", {}, [project / n for n in names]) for names in ("abc", "adc", "abc")]
    assert marks[0] != marks[1]
    assert marks[0] == marks[2]
