"""What goes wrong from outside while a model trains costs no more than the steps since the last save."""

import errno
import os
import random
import signal
import time
from itertools import count

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.training import checkpoint as resume


def kept(project):
    """The state in the newest checkpoint."""
    return torch.load(next((project / ".scratch").rglob("checkpoint.pt")), weights_only=True)


def test_a_gradient_that_is_not_finite_stops_and_changes_no_weight(tiny, project):
    run = tiny()
    weight = run.model.model.layers[0].mlp.up_proj.weight
    passes = count(1)
    weight.register_hook(lambda gradient: gradient * float("nan" if next(passes) > 18 else 1))
    with pytest.raises(
        UserError, match=r"not finite at step 10 \(\d\.\d+, gradient norm nan\); the checkpoint"
    ):
        run.fit()
    assert all(torch.isfinite(w).all() for w in run.weights().values())
    assert kept(project)["step"] == 8
    whole, again = tiny(), tiny()
    again.fit()
    for path in (project / ".scratch").rglob("checkpoint.pt"):
        path.unlink()
    whole.fit()
    assert all(torch.equal(whole.weights()[name], w) for name, w in again.weights().items())


def test_a_disk_that_is_full_in_the_midst_of_a_save_keeps_the_checkpoint_before(tiny, project, monkeypatch):
    whole = resume.torch.save
    saves = []

    def full(state, file):
        saves.append(1)
        if len(saves) < 3:
            return whole(state, file)
        file.write(b"the beginning")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(resume.torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        tiny().fit()
    assert kept(project)["step"] == 8
    assert not list((project / ".scratch").rglob("*new*"))


@pytest.mark.slow
def test_twenty_kills_at_random_moments_cost_no_more_than_the_steps_since_a_save(group):
    params, runtime = {"steps": 600, "batch_size": 4}, {"save_every": 4}
    group.run(1, params=params, runtime=runtime)
    _, _, weights = group.result()
    (group.project / "result.pt").unlink()
    for path in group.project.rglob("checkpoint.pt"):
        path.unlink()
    moments = random.Random(1)
    kills, reached = 0, 0
    while kills < 20:
        with group.start(1, params=params, runtime=runtime) as running:
            assert running.stdout
            first = next(line for line in running.stdout if line.startswith("training on"))
            resumed = int(first.split()[-1]) if "resumed" in first else 0
            assert reached - resumed <= 4  # steps
            time.sleep(moments.uniform(0, 0.6))
            if running.poll() is not None:
                break
            running.send_signal(signal.SIGKILL)
            kills += 1
            said = [line for line in running.stdout if line.startswith("step ")]
            reached = max([resumed, *(int(line.split()[1].split("/")[0]) for line in said)])
        group.wait_for_end()
    assert kills >= 10
    group.run(1, fresh=False, params=params, runtime=runtime)
    assert all(torch.equal(weight, weights[name]) for name, weight in group.result()[2].items())


@pytest.mark.slow
def test_processes_end_with_a_launcher_that_is_killed(group):
    with group.start(2, params={"steps": 5000}) as running:
        assert running.stdout
        next(line for line in running.stdout if line.startswith("step 5/"))
        running.send_signal(signal.SIGKILL)
        running.stdout.read()
    group.wait_for_end()
    assert kept(group.project)["step"] < 5000
