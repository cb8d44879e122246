"""Processes that train together agree with one alone, write once, and end together."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from pipeline.cli.check import check
from pipeline.common import fingerprint as scratch
from pipeline.common.errors import UserError
from pipeline.common.runtime import Place, place
from pipeline.device.select import of_process
from pipeline.training import distributed
from pipeline.training.optimizer import Optimizers
from tests.helpers.small import set_params

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture
def outer(monkeypatch):
    """Set the environment that torchrun or Slurm makes."""
    return lambda **env: [monkeypatch.setenv(name, str(value)) for name, value in env.items()]


@pytest.mark.parametrize(
    ("env", "where"),
    [
        ({}, Place()),
        ({"RANK": 3, "WORLD_SIZE": 4, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 2}, Place(3, 4, 1, 2)),
        ({"RANK": 3}, Place()),
        ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2}, Place(1, 2, 1, 2)),
        ({"SLURM_PROCID": 5, "SLURM_STEP_NUM_TASKS": 8, "SLURM_NTASKS": 16, "SLURM_LOCALID": 1,
          "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_JOB_ID": 7, "SLURM_STEP_ID": 0}, Place(5, 8, 1, 4)),
        ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2, "CUDA_VISIBLE_DEVICES": "1"}, Place(1, 2)),
        ({"SLURM_PROCID": 0, "SLURM_NTASKS": 4, "SLURM_JOB_ID": 7}, Place()),  # a job's script, not srun's
    ],
)  # fmt: skip
def test_a_process_finds_its_place(outer, env, where):
    outer(**env)
    assert place() == where


@pytest.mark.parametrize("size", [2, 4])
def test_every_window_of_a_step_is_read_once_over_all_processes(tiny, monkeypatch, size):
    run = tiny(batch_size=2)
    alone = [row.tolist() for batch in run.task.micro_batches(3) for row in batch]
    monkeypatch.setattr(distributed, "size", lambda: size)
    read, passes = [], set()
    for rank in range(size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        batches = run.task.micro_batches(3)
        passes.add(len(batches))
        read += [row.tolist() for batch in batches for row in batch]
    assert read == alone
    assert len(passes) == 1


def test_an_outer_launchers_processes_must_divide_a_step(project, outer):
    outer(RANK=0, WORLD_SIZE=3)
    with pytest.raises(UserError, match=r"train.batch_size x model.context x runtime.processes = 6144"):
        check()
    set_params(project, "train", tokens_per_step=6144)
    with pytest.raises(
        UserError,
        match=r"conversations_per_step: 32: must .* sft.batch_size x runtime.processes = 24; nearest: 24",
    ):
        check()
    set_params(project, "sft", conversations_per_step=48)
    check()


def test_a_batch_size_that_does_not_divide_among_processes_is_refused(project):
    set_params(project, "runtime", processes=2)
    with pytest.raises(
        UserError,
        match=r"train.batch_size: 8: .* has 4 sequences for each of 2 processes, .* nearest: 2 or 4",
    ):
        check()
    set_params(project, "train", batch_size=4)
    check()
    set_params(project, "runtime", processes=0)
    with pytest.raises(UserError, match=r"runtime.processes: 0: Input should be greater than 0"):
        check()


def test_each_process_takes_a_gpu_of_its_own_and_there_must_be_as_many(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert of_process(CUDA, Place()) == CUDA
    assert of_process(CUDA, Place(3, 4, 1, 2)) == torch.device("cuda:1")
    assert of_process(CPU, Place(3, 4, 3, 4)) == CPU
    with pytest.raises(UserError, match=r"runtime.processes: 4: more than the GPUs of this machine, 2"):
        of_process(CUDA, Place(0, 4, 0, 4))
    for one in ("mps", "cuda:1"):
        with pytest.raises(
            UserError, match=rf"runtime.device: {one}: is one device, and 2 processes train here"
        ):
            of_process(torch.device(one), Place(0, 2, 0, 2))


def test_too_many_processes_are_refused_before_any_starts(project, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    set_params(project, "runtime", processes=2, device="auto")
    with pytest.raises(UserError, match=r"runtime.processes: 2: more than the GPUs of this machine, 1"):
        distributed.together("train_base", pytest.fail)()


def test_the_first_process_has_the_lock(project, outer):
    with scratch.locked("train_base"):
        outer(RANK=1, WORLD_SIZE=2)
        with scratch.locked("train_base"):
            pass


def test_the_encoder_is_trained_by_the_first_process_alone(project, outer, capfd):
    from stages import train_encoder

    outer(RANK=1, WORLD_SIZE=2)
    train_encoder.main()
    assert capfd.readouterr() == ("", "")


def test_fsdp_with_one_process_is_none(tiny):
    one, other = tiny(), tiny(sharding="fsdp")
    one.fit()
    for path in Path(".scratch").rglob("checkpoint.pt"):
        path.unlink()
    other.fit()
    assert all(torch.equal(one.weights()[name], weight) for name, weight in other.weights().items())
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_moments_can_be_made_without_changing_a_weight(tiny, optimizer):
    run = tiny(optimizer=optimizer, weight_decay=0.1)
    before = run.weights()
    optimizers = Optimizers(run.model, run.settings)
    optimizers.allocate()
    assert all(state["state"] for state in optimizers.state_dict())
    assert all(torch.equal(weight, before[name]) for name, weight in run.weights().items())


def close(ours, theirs, limit):
    return all((weight - theirs[name]).abs().max() < limit for name, weight in ours.items())


@pytest.mark.slow
def test_fifty_losses_of_two_processes_are_those_of_one(group):
    params = {"steps": 50, "batch_size": 4}
    group.run(1, double=True, params=params)
    losses, _, weights = group.result()
    assert group.windows(1) == list(range(50 * 16))
    for sharding in ("none", "fsdp"):
        out, err = group.run(2, double=True, params={**params, "sharding": sharding})
        ours, _, other = group.result()
        assert max(abs(a - b) for a, b in zip(losses, ours, strict=True)) < 1e-6
        assert close(weights, other, 1e-9)
        assert sorted(group.windows(2)) == list(range(50 * 16))
        assert err == ""
        assert out.startswith("training on cpu, 2 processes, fp32")
        assert out.count("step 50/50  val_loss") == 1
        assert len(list(group.project.glob("reports/train_base/live/plots/metrics/*.tsv"))) == 4


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_gradient_of_two_processes_is_that_of_one(group, optimizer):
    params = {"steps": 1, "batch_size": 2, "optimizer": optimizer}
    group.run(1, params=params)
    _, gradient, _ = group.result()
    for sharding in ("none", "fsdp"):
        group.run(2, params={**params, "sharding": sharding})
        assert (group.result()[1] - gradient).norm() < 1e-5 * gradient.norm()


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
def test_a_killed_process_ends_all_and_any_number_of_them_resumes(group, rank, before, after):
    params = {"batch_size": 4}
    group.run(1, double=True, params=params)
    losses, _, weights = group.result()
    count, sharding = before
    faults = [[rank, 9, "SIGKILL"]]
    status = 1 if count > 1 else -signal.SIGKILL
    _, err = group.run(count, status, double=True, params={**params, "sharding": sharding}, faults=faults)
    if count > 1:
        assert err.splitlines() == [
            f"error: process {rank} (the first is 0) of 2 was ended by SIGKILL; all are stopped;"
            " `dvc repro` goes on from what was saved last"
        ]
    count, sharding = after
    out, err = group.run(count, fresh=False, double=True, params={**params, "sharding": sharding})
    assert "resumed at step 8" in out
    assert err == ""
    ours, _, other = group.result()
    assert max(abs(a - b) for a, b in zip(losses[8:], ours, strict=True)) < 1e-6
    assert close(weights, other, 1e-9)
    newest = next(iter(json.loads(next(group.project.rglob("sums.json")).read_text()).values()))
    assert [path.name for path in group.project.rglob("shards-*")] == list(filter(None, [newest]))
    assert bool(newest) == (sharding == "fsdp" and count > 1)


@pytest.mark.slow
def test_of_damaged_shards_the_checkpoint_before_is_taken(group):
    params = {"batch_size": 4, "steps": 16, "sharding": "fsdp"}
    group.run(2, double=True, params=params)
    losses, _, weights = group.result()
    group.run(2, 1, double=True, params=params, faults=[[0, 14, "SIGKILL"]])
    newest = next(iter(json.loads(next(group.project.rglob("sums.json")).read_text()).values()))
    path = max(next(group.project.rglob(newest)).glob("*.distcp"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    out, _ = group.run(2, fresh=False, double=True, params=params)
    assert f"damaged (the content of {newest}/{path.name} is not what was saved); going on from" in out
    assert "resumed at step 8" in out
    ours, _, other = group.result()
    assert max(abs(a - b) for a, b in zip(losses[8:], ours, strict=True)) < 1e-6
    assert close(weights, other, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_a_signal_to_the_launcher_saves_and_ends_all(group, number, sharding):
    params = {"steps": 5000, "batch_size": 4, "sharding": sharding}
    with group.start(2, params=params, runtime={"save_every": 10**6}) as running:
        assert running.stdout
        assert running.stderr
        next(line for line in running.stdout if line.startswith("step 10/"))
        running.send_signal(number)
        running.stdout.read()
        (told,) = running.stderr.read().splitlines()
    assert running.returncode == 1
    assert told.startswith(f"error: {number.name}: stopped at step ")
    assert not group.alive()
    step = int(told.split()[5])
    assert torch.load(next(group.project.rglob("checkpoint.pt")), weights_only=True)["step"] == step


@pytest.mark.slow
def test_one_process_tells_what_has_gone_wrong(group):
    _, err = group.run(2, 1, faults=[[1, 2, "memory"]])
    assert (
        err
        == "error: params.yaml: train.batch_size: 8: out of memory; set it to 4 and run `dvc repro` again\n"
    )
    _, err = group.run(2, 1, faults=[[0, 2, "mistake"], [1, 2, "mistake"]])
    assert err == "error: a mistake of the user's\n"
    _, err = group.run(2, 1, faults=[[0, 2, "bug"], [1, 2, "bug"]])
    assert err.count("Traceback") == err.count("ZeroDivisionError: a fault of ours") == 1
    _, err = group.run(2, 1, params={"sharding": "fsdp", "precision": "fp16"})
    assert err.startswith(
        "error: params.yaml: train.precision: fp16: fp16 does not go with train.sharding: fsdp"
    )
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_two_trainings_at_once_are_refused(group):
    with group.start(2, params={"steps": 5000}) as running:
        assert running.stdout
        next(line for line in running.stdout if line.startswith("step 5/"))
        with group.start(2, params={"steps": 5000}) as second:
            _, err = second.communicate()
        assert second.returncode == 1
        assert "train_base/lock: process " in err
        assert len(err.splitlines()) == 1
        running.send_signal(signal.SIGTERM)
        running.communicate()
    assert not group.alive()


@pytest.mark.slow
def test_processes_of_an_outer_launcher_join(group):
    group.run(1, double=True)
    losses, _, _ = group.result()
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
    group.run(1, double=True, launcher=torchrun)
    assert max(abs(a - b) for a, b in zip(losses, group.result()[0], strict=True)) < 1e-6
    assert sorted(group.windows(2)) == list(range(12 * 16))


@pytest.mark.slow
def test_slurms_processes_stop_together(group):
    slurm = {"SLURM_NTASKS": "2", "SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0"}
    places = [{**slurm, "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in "01"]
    first, second = (group.start(1, env=env, params={"steps": 5000}) for env in places)
    with first, second:
        assert first.stdout
        next(line for line in first.stdout if line.startswith("step 5/"))
        second.send_signal(signal.SIGTERM)
        told = [running.communicate()[1] for running in (first, second)]
    assert (first.returncode, second.returncode) == (1, 1)
    (line,) = "".join(told).splitlines()
    assert line.startswith("error: SIGTERM: stopped at step ")
