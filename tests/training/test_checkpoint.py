"""Checkpoints: which one a run loads, and what a crash or damage costs."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
from contextlib import suppress

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import stage_lock
from pipeline.common.io import sha256
from pipeline.training import checkpoint
from tests.helpers.tiny import Crash, are_equal, crash_at, load_checkpoint


def test_checkpoint_of_other_params_is_not_loaded_and_finished_runs_are_removed(tiny, project, capsys):
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    tiny(learning_rate=0.02).train()
    assert "resumed" not in capsys.readouterr().out
    tiny(learning_rate=0.03).train()
    assert len(list((project / ".scratch/train_base").iterdir())) == 2  # the last, and the interrupted one
    tiny().train()
    assert "resumed at step 8" in capsys.readouterr().out


def test_checkpoint_damaged_falls_back_to_the_previous_one(tiny, project, capsys):
    complete = tiny(steps=16)
    complete.train()
    shutil.rmtree(project / ".scratch")
    with pytest.raises(Crash):
        crash_at(tiny(steps=16), 14).train()
    path = next((project / ".scratch").rglob("checkpoint.pt"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # of a weight, which torch does not notice
    path.write_bytes(content)
    capsys.readouterr()
    again = tiny(steps=16)
    again.train()
    output = capsys.readouterr().out
    assert (
        "checkpoint.pt: damaged (its content is not what was saved); going on from the one before" in output
    )
    assert "resumed at step 8" in output
    assert are_equal(again.weights(), complete.weights())
    assert not list((project / ".scratch").rglob("checkpoint.prev.pt"))


def test_checkpoint_with_damaged_done_file_is_one_line(tiny, project):
    tiny(steps=2).train()
    (done,) = (project / ".scratch/train_base").glob("*/done.json")
    done.write_bytes(b"")
    with pytest.raises(UserError, match=r"does not fit this run .*; remove it: rm -r "):
        tiny(steps=2).train()


def test_edit_deep_in_a_room_starts_afresh_and_names_how_to_adopt_the_checkpoint(tiny, project, capsys):
    (project / "pipeline").unlink()  # a link to the repository's
    deep = project / "pipeline/room/deep/table.txt"
    deep.parent.mkdir(parents=True)
    deep.write_text("one")
    (project / "dvc.yaml").write_text("stages: {train_base: {cmd: x, deps: [pipeline/room]}}")
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    deep.with_name("table.txt~").write_text("left by an editor")
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    assert "resumed at step 8" in capsys.readouterr().out
    deep.write_text("two")
    with pytest.raises(Crash):
        crash_at(tiny(), 3).train()
    note = capsys.readouterr().out
    assert "the code has changed since the unfinished run" in note
    assert "resumed" not in note
    command = note.split("stop and run: ")[1].split("\n")[0]
    subprocess.run(command, shell=True, check=True)
    tiny().train()
    assert "resumed at step 8" in capsys.readouterr().out


def test_stage_lock_refuses_a_second_run(project):
    message = rf"train_base/lock: process {os.getpid()} runs train_base now"
    with stage_lock("train_base"), stage_lock("train_sft"), pytest.raises(UserError, match=message):
        stage_lock("train_base").__enter__()
    with stage_lock("train_base"):
        pass


def test_checkpoint_of_an_older_run_is_not_resumed_after_a_crash_in_the_first_save(tiny, monkeypatch, capsys):
    tiny().train()

    def crash(*args):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", crash)
        with pytest.raises(Crash):
            tiny(batch_size=4).train()
    capsys.readouterr()
    tiny(batch_size=4).train()
    assert "resumed" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"xx", b"PK\x03\x04"])
def test_checkpoint_damaged_without_a_previous_one_is_one_line(tiny, project, damage):
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    for path in (project / ".scratch").rglob("*.pt"):
        path.write_bytes(damage)
    with pytest.raises(UserError, match=r"checkpoint\.pt: does not fit this run .*; remove it: rm -r"):
        tiny().train()


def test_checkpoint_of_another_model_is_one_line(tiny, project):
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    path = next((project / ".scratch").rglob("checkpoint.pt"))
    state = torch.load(path, weights_only=True)
    state["model"].pop("model.norm.weight")
    torch.save(state, path)
    (path.parent / "checksums.json").write_text(json.dumps({sha256(path): None}))
    (path.parent / "checkpoint.prev.pt").unlink()
    with pytest.raises(UserError, match=r"does not fit this run .*; remove it: rm -r"):
        tiny().train()


def test_checkpoint_is_in_tezgah_scratch_if_set(tiny, project, monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TEZGAH_SCRATCH", str(elsewhere))
    tiny(steps=2).train()
    assert list(elsewhere.rglob("checkpoint.pt"))
    assert not (project / ".scratch").exists()


def test_checkpoint_survives_a_full_disk_during_a_save(tiny, project, monkeypatch):
    save = checkpoint.torch.save
    saves = []

    def fail_at_third_save(state, file):
        saves.append(1)
        if len(saves) < 3:
            return save(state, file)
        file.write(b"the beginning")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.torch, "save", fail_at_third_save)
    with pytest.raises(OSError, match="No space left"):
        tiny().train()
    assert load_checkpoint(project)["step"] == 8
    assert not list((project / ".scratch").rglob("*new*"))


@pytest.mark.slow
def test_checkpoint_survives_twenty_kills_at_random_moments(tiny_stage):
    params, runtime = {"steps": 600, "batch_size": 4}, {"save_every": 4}
    tiny_stage.run(1, params=params, runtime=runtime)
    _, _, weights = tiny_stage.load_result()
    (tiny_stage.project / "result.pt").unlink()
    for path in tiny_stage.project.rglob("checkpoint.pt"):
        path.unlink()
    moments = random.Random(1)
    kills, reached = 0, 0
    while kills < 20:
        with tiny_stage.start(1, params=params, runtime=runtime) as running:
            assert running.stdout
            first = next(line for line in running.stdout if line.startswith("training on"))
            resumed = int(first.split()[-1]) if "resumed" in first else 0
            assert reached - resumed <= 4  # steps
            with suppress(subprocess.TimeoutExpired):
                running.wait(moments.uniform(0, 0.6))
                break  # it has ended before
            running.send_signal(signal.SIGKILL)
            kills += 1
            progress = [line for line in running.stdout if line.startswith("step ")]
            reached = max([resumed, *(int(line.split()[1].split("/")[0]) for line in progress)])
        tiny_stage.wait_until_ended()
    assert kills >= 10
    tiny_stage.run(1, fresh=False, params=params, runtime=runtime)
    assert are_equal(tiny_stage.load_result()[2], weights)
