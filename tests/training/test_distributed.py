"""Distributed training: equal to one process, one writer, one error, and a common end."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

from pipeline.common.runtime import ProcessInfo, process_info
from pipeline.common.stage import run_stage
from pipeline.training import distributed
from tests.helpers.small import set_params
from tests.helpers.tiny import are_equal, load_checkpoint


@pytest.fixture
def launcher_variables(monkeypatch):
    """Set the environment that torchrun or Slurm makes."""
    return lambda **env: [monkeypatch.setenv(name, str(value)) for name, value in env.items()]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ProcessInfo()),
        ({"RANK": 3, "WORLD_SIZE": 4, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 2}, ProcessInfo(3, 4, 1, 2)),
        ({"RANK": 3}, ProcessInfo()),
        ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2}, ProcessInfo(1, 2, 1, 2)),
        ({"SLURM_PROCID": 5, "SLURM_STEP_NUM_TASKS": 8, "SLURM_NTASKS": 16, "SLURM_LOCALID": 1,
          "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_JOB_ID": 7, "SLURM_STEP_ID": 0},
         ProcessInfo(5, 8, 1, 4)),
        ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2, "CUDA_VISIBLE_DEVICES": "1"}, ProcessInfo(1, 2)),
        # A job's script, not started by srun.
        ({"SLURM_PROCID": 0, "SLURM_NTASKS": 4, "SLURM_JOB_ID": 7}, ProcessInfo()),
    ],
)  # fmt: skip
def test_process_info_reads_torchrun_and_slurm(launcher_variables, env, expected):
    launcher_variables(**env)
    assert process_info() == expected


@pytest.mark.parametrize("size", [2, 4])
def test_micro_batches_of_all_processes_are_those_of_one(tiny, monkeypatch, size):
    run = tiny(batch_size=2)
    alone = [row.tolist() for batch in run.task.micro_batches(3) for row in batch]
    monkeypatch.setattr(distributed, "world_size", lambda: size)
    read, passes = [], set()
    for rank in range(size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        batches = run.task.micro_batches(3)
        passes.add(len(batches))
        read += [row.tolist() for batch in batches for row in batch]
    assert read == alone
    assert len(passes) == 1


def test_training_stage_refuses_more_processes_than_gpus(project, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    set_params(project, "runtime", processes=2, device="auto")
    monkeypatch.setattr(sys, "argv", ["train_base"])
    with pytest.raises(SystemExit):
        distributed.run_training_stage("train_base", lambda: pytest.fail("ran"))
    assert "runtime.processes: 2: more than the GPUs of this machine, 1" in capsys.readouterr().err


def test_stage_of_one_process_runs_in_rank_0_alone(project, launcher_variables, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["train_encoder"])
    launcher_variables(RANK=1, WORLD_SIZE=2)
    with pytest.raises(SystemExit) as ended:
        run_stage("train_encoder", lambda: pytest.fail("ran"))
    assert not ended.value.code
    assert capfd.readouterr() == ("", "")


def test_fsdp_with_one_process_changes_nothing(tiny):
    one, other = tiny(), tiny(sharding="fsdp")
    one.train()
    for path in Path(".scratch").rglob("checkpoint.pt"):
        path.unlink()
    other.train()
    assert are_equal(other.weights(), one.weights())
    assert not torch.distributed.is_initialized()


def are_close(ours, theirs, limit):
    return all((weight - theirs[name]).abs().max() < limit for name, weight in ours.items())


@pytest.mark.slow
def test_distributed_losses_are_those_of_one_process(tiny_stage):
    params = {"steps": 50, "batch_size": 4}
    tiny_stage.run(1, double=True, params=params)
    losses, _, weights = tiny_stage.load_result()
    assert tiny_stage.read_windows(1) == list(range(50 * 16))
    for sharding in ("none", "fsdp"):
        out, err = tiny_stage.run(2, double=True, params={**params, "sharding": sharding})
        ours, _, other = tiny_stage.load_result()
        assert max(abs(a - b) for a, b in zip(losses, ours, strict=True)) < 1e-6
        assert are_close(weights, other, 1e-9)
        assert sorted(tiny_stage.read_windows(2)) == list(range(50 * 16))
        assert err == ""
        assert out.startswith("training on cpu, 2 processes, fp32")
        assert out.count("step 50/50  val_loss") == 1
        assert len(list(tiny_stage.project.glob("reports/train_base/live/plots/metrics/*.tsv"))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_distributed_gradient_is_that_of_one_process(tiny_stage, optimizer):
    params = {"steps": 1, "batch_size": 2, "optimizer": optimizer}
    tiny_stage.run(1, params=params)
    _, gradient, _ = tiny_stage.load_result()
    for sharding in ("none", "fsdp"):
        tiny_stage.run(2, params={**params, "sharding": sharding})
        assert (tiny_stage.load_result()[1] - gradient).norm() < 1e-5 * gradient.norm()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "before", "after"),
    [
        (0, (2, "none"), (1, "none")),
        (0, (1, "none"), (2, "fsdp")),
        (1, (2, "fsdp"), (4, "fsdp")),
        (0, (2, "fsdp"), (1, "none")),
    ],
)
def test_distributed_killed_process_ends_all_and_any_number_resumes(tiny_stage, rank, before, after):
    params = {"batch_size": 4}
    tiny_stage.run(1, double=True, params=params)
    losses, _, weights = tiny_stage.load_result()
    count, sharding = before
    faults = [[rank, 9, "SIGKILL"]]
    status = 1 if count > 1 else -signal.SIGKILL
    _, err = tiny_stage.run(
        count, status, double=True, params={**params, "sharding": sharding}, faults=faults
    )
    if count > 1:
        assert err.splitlines() == [
            f"error: process {rank} (the first is 0) of 2 was ended by SIGKILL; all are stopped;"
            " run `dvc repro` to resume from the last checkpoint"
        ]
    count, sharding = after
    out, err = tiny_stage.run(count, fresh=False, double=True, params={**params, "sharding": sharding})
    assert "resumed at step 8" in out
    assert err == ""
    ours, _, other = tiny_stage.load_result()
    assert max(abs(a - b) for a, b in zip(losses[8:], ours, strict=True)) < 1e-6
    assert are_close(weights, other, 1e-9)
    newest = next(iter(json.loads(next(tiny_stage.project.rglob("checksums.json")).read_text()).values()))
    assert [path.name for path in tiny_stage.project.rglob("shards-*")] == list(filter(None, [newest]))
    assert bool(newest) == (sharding == "fsdp" and count > 1)


@pytest.mark.slow
def test_distributed_damaged_shards_fall_back_to_the_previous_checkpoint(tiny_stage):
    params = {"batch_size": 4, "steps": 16, "sharding": "fsdp"}
    tiny_stage.run(2, double=True, params=params)
    losses, _, weights = tiny_stage.load_result()
    tiny_stage.run(2, 1, double=True, params=params, faults=[[0, 14, "SIGKILL"]])
    newest = next(iter(json.loads(next(tiny_stage.project.rglob("checksums.json")).read_text()).values()))
    path = max(next(tiny_stage.project.rglob(newest)).glob("*.distcp"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    out, _ = tiny_stage.run(2, fresh=False, double=True, params=params)
    assert f"damaged (the content of {newest}/{path.name} is not what was saved); going on from" in out
    assert "resumed at step 8" in out
    ours, _, other = tiny_stage.load_result()
    assert max(abs(a - b) for a, b in zip(losses[8:], ours, strict=True)) < 1e-6
    assert are_close(weights, other, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_launch_saves_and_ends_all_on_a_signal(tiny_stage, number, sharding):
    params = {"steps": 5000, "batch_size": 4, "sharding": sharding}
    with tiny_stage.start(2, params=params, runtime={"save_every": 10**6}) as running:
        assert running.stdout
        assert running.stderr
        next(line for line in running.stdout if line.startswith("step 10/"))
        running.send_signal(number)
        running.stdout.read()
        (error,) = running.stderr.read().splitlines()
    assert running.returncode == 1
    assert error.startswith(f"error: {number.name}: stopped at step ")
    assert not tiny_stage.live_processes()
    step = int(error.split()[5])
    assert torch.load(next(tiny_stage.project.rglob("checkpoint.pt")), weights_only=True)["step"] == step


@pytest.mark.slow
def test_run_rank_prints_one_error(tiny_stage):
    _, err = tiny_stage.run(2, 1, faults=[[1, 2, "memory"]])
    assert (
        err
        == "error: params.yaml: train.batch_size: 8: out of memory; set it to 4 and run `dvc repro` again\n"
    )
    _, err = tiny_stage.run(2, 1, faults=[[0, 2, "mistake"], [1, 2, "mistake"]])
    assert err == "error: a mistake of the user's\n"
    _, err = tiny_stage.run(2, 1, faults=[[0, 2, "bug"], [1, 2, "bug"]])
    assert err.count("Traceback") == err.count("ZeroDivisionError: a fault of ours") == 1
    _, err = tiny_stage.run(2, 1, params={"sharding": "fsdp", "precision": "fp16"})
    assert err.startswith(
        "error: params.yaml: train.precision: fp16: fp16 does not go with train.sharding: fsdp"
    )
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_distributed_stage_lock_refuses_a_second_training(tiny_stage):
    with tiny_stage.start(2, params={"steps": 5000}) as running:
        assert running.stdout
        next(line for line in running.stdout if line.startswith("step 5/"))
        with tiny_stage.start(2, params={"steps": 5000}) as second:
            _, err = second.communicate()
        assert second.returncode == 1
        assert "train_base/lock: process " in err
        assert len(err.splitlines()) == 1
        running.send_signal(signal.SIGTERM)
        running.communicate()
    assert not tiny_stage.live_processes()


@pytest.mark.slow
def test_join_process_group_under_torchrun(tiny_stage):
    tiny_stage.run(1, double=True)
    losses, _, _ = tiny_stage.load_result()
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
    tiny_stage.run(1, double=True, launcher=torchrun)
    assert max(abs(a - b) for a, b in zip(losses, tiny_stage.load_result()[0], strict=True)) < 1e-6
    assert sorted(tiny_stage.read_windows(2)) == list(range(12 * 16))


@pytest.mark.slow
def test_join_process_group_under_slurm_stops_together(tiny_stage):
    slurm = {"SLURM_NTASKS": "2", "SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0"}
    places = [{**slurm, "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in "01"]
    first, second = (tiny_stage.start(1, env=env, params={"steps": 5000}) for env in places)
    with first, second:
        assert first.stdout
        next(line for line in first.stdout if line.startswith("step 5/"))
        second.send_signal(signal.SIGTERM)
        error = [running.communicate()[1] for running in (first, second)]
    assert (first.returncode, second.returncode) == (1, 1)
    (line,) = "".join(error).splitlines()
    assert line.startswith("error: SIGTERM: stopped at step ")


@pytest.mark.slow
def test_launch_processes_end_with_a_killed_launcher(tiny_stage):
    with tiny_stage.start(2, params={"steps": 5000}) as running:
        assert running.stdout
        next(line for line in running.stdout if line.startswith("step 5/"))
        running.send_signal(signal.SIGKILL)
        running.stdout.read()
    tiny_stage.wait_until_ended()
    assert load_checkpoint(tiny_stage.project)["step"] < 5000
