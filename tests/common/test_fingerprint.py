"""The scratch folder: fingerprints, locks, and `tezgah clean`."""

import errno
import fcntl
import subprocess
import sys

from pipeline.common.fingerprint import (
    clean_scratch,
    make_fingerprint,
    remove_checkpoints,
    scratch_folder,
    stage_lock,
)


def test_clean_scratch_removes_checkpoints_except_of_a_running_stage(project, monkeypatch):
    monkeypatch.delenv("TEZGAH_SCRATCH", raising=False)
    for stage in ("train_base", "train_sft"):
        folder = scratch_folder() / stage / "0123456789ab-01234567"
        folder.mkdir(parents=True)
        (folder / "checkpoint.pt").write_bytes(bytes(1_500_000))
    (scratch_folder() / "train_base/notes").mkdir()  # not a run's folder
    with open(scratch_folder() / "train_sft/lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "clean"], capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == [
        "remove .scratch/train_base/0123456789ab-01234567 (1.5 MB)",
        "left .scratch/train_sft: a training holds it now",
    ]
    left = {path.relative_to(scratch_folder()).as_posix() for path in scratch_folder().glob("*/*")}
    assert left == {
        "train_base/lock",
        "train_base/notes",
        "train_sft/lock",
        "train_sft/0123456789ab-01234567",
    }


def test_remove_checkpoints_leaves_lock_and_other_stages(project, monkeypatch):
    monkeypatch.delenv("TEZGAH_SCRATCH", raising=False)
    runs = ("0123456789ab-01234567", "ba9876543210-76543210", "notes")
    for name in runs:
        (scratch_folder() / "slice_corpus" / name / "train").mkdir(parents=True)
    (scratch_folder() / "slice_corpus/lock").touch()
    (scratch_folder() / "pack_shards" / runs[0]).mkdir(parents=True)
    remove_checkpoints("slice_corpus")
    remove_checkpoints("train_base")  # has none
    left = {path.relative_to(scratch_folder()).as_posix() for path in scratch_folder().glob("*/*")}
    assert left == {"slice_corpus/lock", "slice_corpus/notes", f"pack_shards/{runs[0]}"}


def test_stage_lock_goes_on_with_a_note_where_files_cannot_be_locked(project, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (scratch_folder() / "train_base/0123456789ab-01234567").mkdir(parents=True)
    with stage_lock("train_base"):
        assert "has no locks; start no second run beside this one" in capsys.readouterr().out
    clean_scratch()
    assert "remove .scratch/train_base" in capsys.readouterr().out
    assert not (scratch_folder() / "train_base/0123456789ab-01234567").exists()


def test_make_fingerprint_depends_on_which_file_holds_what(project):
    """Documents that move from one split to the other make other shards."""
    for name in ("a", "b", "c"):
        (project / name).write_text(name)
    (project / "d").write_text("b")
    fingerprints = [
        make_fingerprint("pack_shards", {}, [project / name for name in names])
        for names in ("abc", "adc", "abc")
    ]
    assert fingerprints[0] != fingerprints[1]
    assert fingerprints[0] == fingerprints[2]
