"""What is done for a GPU, as far as a processor can show it."""

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.training import compile as compiling
from pipeline.training import trainer
from pipeline.training.optimizer import Optimizers

GPU = torch.device("cuda")


@pytest.fixture
def lagging(monkeypatch):
    monkeypatch.setitem(trainer.LAG, "cpu", 1)


def test_losses_read_a_step_later_are_the_same_ones(tiny, lagging, monkeypatch, project):
    late = tiny()
    one = late.fit()
    monkeypatch.setitem(trainer.LAG, "cpu", 0)
    soon = tiny(batch_size=4)  # another mark, so that it is trained too
    soon.task.batch_size = 8
    two = soon.fit()
    assert one.timing
    assert two.timing
    assert (one.train_loss, one.last) == (two.train_loss, two.last)
    assert all(torch.equal(late.weights()[name], weight) for name, weight in soon.weights().items())


@pytest.mark.parametrize("broken_at", [8, 9, 11])
def test_a_loss_that_is_none_is_neither_saved_nor_validated(tiny, lagging, project, broken_at):
    run = tiny()
    read, loss, steps = run.task.micro_batches, run.task.loss, []
    run.task.micro_batches = lambda step: steps.append(step) or read(step)
    run.task.loss = lambda *args: loss(*args) * (float("nan") if steps[-1] == broken_at else 1)
    with pytest.raises(
        UserError, match=rf"loss is not finite at step {broken_at + 1} \(nan.* is kept; lower"
    ):
        run.fit(save_every=1)
    state = torch.load(next((project / ".scratch").rglob("checkpoint.pt")), weights_only=True)
    assert state["step"] == broken_at
    assert all(torch.isfinite(weight).all() for weight in state["model"].values())


def test_a_checkpoint_of_another_device_keeps_this_ones_kernels(tiny):
    run = tiny()
    ours, theirs = (Optimizers(run.model, run.settings) for _ in range(2))
    states = theirs.state_dict()
    states[-1]["param_groups"][0]["fused"] = None  # as where torch has no such kernel
    ours.load_state_dict(states)
    assert ours.all[-1].param_groups[0]["fused"]


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_layers_have_the_same_names_and_gradients(tiny, recompute):
    run = tiny()
    run.model.recompute(recompute)
    names = list(run.model.state_dict())
    found = []
    for compiled in (False, True):
        if compiled:
            run.model.compile_layers(backend="eager")
        run.model.zero_grad()
        run.task.loss(run.model, run.task.micro_batches(0)[0]).backward()
        found.append({name: weight.grad.clone() for name, weight in run.model.named_parameters()})
    assert list(run.model.state_dict()) == names
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


@pytest.mark.parametrize(
    ("seconds", "compiler", "says"),
    [
        (1.0, True, "compiled: about 17 min are left"),
        (0.01, True, "not compiled: the 10 s that are left"),
        (1.0, False, "not compiled: no Triton here"),
    ],
)
def test_a_long_run_is_compiled_once_its_pace_is_known(monkeypatch, seconds, compiler, says):
    compiled = []
    clock = iter(range(1000))
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: next(clock) * seconds * compiling.TIMED_STEPS)
    monkeypatch.setattr(compiling, "has_compiler", lambda: compiler)
    pace = compiling.Pace(GPU, lambda: compiled.append("layers"))
    said = [pace.after_step(1000) for _ in range(100)]
    assert [line for line in said if line] == [said[compiling.WARM_STEPS + compiling.TIMED_STEPS - 1]]
    assert "".join(said).startswith(says)
    assert compiled == (["layers"] if says.startswith("compiled") else [])
    varying = compiling.Pace(GPU, None)
    assert not any(varying.after_step(1000) for _ in range(100))


def test_on_a_processor_nothing_is_compiled(tiny, capsys):
    tiny(steps=25).fit()
    assert "compiled" not in capsys.readouterr().out


def test_a_compiler_needs_triton_and_c(monkeypatch):
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("CC", "/usr/bin/cc")
    assert compiling.has_compiler()
    monkeypatch.delenv("CC")
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert not compiling.has_compiler()
