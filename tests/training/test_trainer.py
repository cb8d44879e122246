"""One optimizer step: gradients, batch size, and losses that are read a step later."""

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.training import loop
from tests.helpers.tiny import are_equal, load_checkpoint


@pytest.fixture
def one_step_in_flight(monkeypatch):
    monkeypatch.setitem(loop.STEPS_IN_FLIGHT, "cpu", 1)


def test_trainer_losses_read_a_step_later_are_the_same(tiny, one_step_in_flight, monkeypatch, project):
    late = tiny()
    one = late.train()
    monkeypatch.setitem(loop.STEPS_IN_FLIGHT, "cpu", 0)
    soon = tiny(batch_size=4)  # another fingerprint, so that it is trained too
    soon.task.batch_size = 8
    two = soon.train()
    assert one.timing
    assert two.timing
    assert (one.train_loss, one.last_validation) == (two.train_loss, two.last_validation)
    assert are_equal(soon.weights(), late.weights())


@pytest.mark.parametrize("broken_at", [8, 9, 11])
def test_trainer_loss_that_is_not_finite_is_neither_saved_nor_validated(
    tiny, one_step_in_flight, project, broken_at
):
    run = tiny()
    read, loss, steps = run.task.micro_batches, run.task.loss, []
    run.task.micro_batches = lambda step: steps.append(step) or read(step)
    run.task.loss = lambda *args: loss(*args) * (float("nan") if steps[-1] == broken_at else 1)
    with pytest.raises(
        UserError, match=rf"loss is not finite at step {broken_at + 1} \(nan.* is kept; lower"
    ):
        run.train(save_every=1)
    state = load_checkpoint(project)
    assert state["step"] == broken_at
    assert all(torch.isfinite(weight).all() for weight in state["model"].values())


def gradients(run):
    run.model.zero_grad()
    for batch in run.task.micro_batches(0):
        run.task.loss(run.model, batch).backward()
    return torch.cat([weight.grad.flatten() for weight in run.model.parameters()])


def test_batch_size_does_not_change_the_gradient(tiny):
    ours = [gradients(tiny(batch_size=size)) for size in (4, 8, 16)]
    for other in ours[1:]:
        assert (ours[0] - other).norm() < 1e-5 * ours[0].norm()


def test_batch_size_does_not_change_fifty_losses(tiny):
    def losses(size):
        run = tiny(batch_size=size, steps=50, optimizer="adamw")
        run.model.double()
        optimizer = torch.optim.AdamW(run.model.parameters(), 1e-2)
        losses_of_steps = []
        for step in range(50):
            optimizer.zero_grad()
            parts = [run.task.loss(run.model, batch) for batch in run.task.micro_batches(step)]
            for part in parts:
                part.backward()
            optimizer.step()
            losses_of_steps.append(sum(part.item() for part in parts))
        return torch.tensor(losses_of_steps, dtype=torch.float64)

    ours = [losses(size) for size in (4, 8, 16)]
    assert all((ours[0] - other).abs().max() < 1e-6 for other in ours[1:])
    assert ours[0][-1] < ours[0][0] - 1
