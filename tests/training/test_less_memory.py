"""Layers and logits computed anew instead of kept: less memory, the same training."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline.cli.check import check
from pipeline.common.errors import UserError
from pipeline.common.params import read
from pipeline.training.loss import IGNORED, summed_loss, token_losses


def loss_and_gradient(run, chunks=1, document_BxT=None):
    run.model.zero_grad()
    batch = run.task.micro_batches(0)[0]
    targets_BxT = batch[:, 1:].masked_fill(batch[:, 1:] % 7 == 0, IGNORED)
    loss = summed_loss(run.model, batch[:, :-1], targets_BxT, document_BxT, chunks)
    loss.backward()
    return loss.detach(), torch.cat([weight.grad.flatten() for weight in run.model.parameters()])


def moved(run):
    """A model whose zero matrices have left zero, so that every gradient is something."""
    for weight in run.model.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(0))
    return run


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_layers_computed_anew_train_to_the_same_bits(tiny, precision):
    kept, anew = tiny(precision=precision), tiny(precision=precision, checkpointing=True)
    first, second = kept.fit(), anew.fit()
    assert first.timing  # neither was taken from the other
    assert second.timing
    assert (first.train_loss, first.last) == (second.train_loss, second.last)
    weights = kept.weights()
    assert all(torch.equal(weight, weights[name]) for name, weight in anew.weights().items())


@pytest.mark.parametrize("chunks", [2, 3, 8, 10_000])
def test_a_loss_in_stretches_is_the_same_loss(tiny, chunks):
    run = moved(tiny())
    whole, part = loss_and_gradient(run), loss_and_gradient(run, chunks)
    torch.testing.assert_close(part[0], whole[0])
    assert (part[1] - whole[1]).norm() < 1e-5 * whole[1].norm()
    batch = run.task.micro_batches(0)[0]
    args = run.model, batch[:, :-1], batch[:, 1:], None
    with torch.no_grad():
        torch.testing.assert_close(token_losses(*args, chunks), token_losses(*args))


@pytest.mark.parametrize("chunks", [1, 4])
def test_in_bf16_losses_are_summed_in_fp32(tiny, chunks):
    run = moved(tiny())
    exact, _ = loss_and_gradient(run, chunks)
    with torch.autocast("cpu", torch.bfloat16):
        near, gradient = loss_and_gradient(run, chunks)
    assert near.dtype == gradient.dtype == torch.float32
    assert abs(near - exact) < 2e-3 * exact


class Largest(TorchDispatchMode):
    """How many scores for the 64 pieces the largest tensor holds that an operation inside makes."""

    most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        tensors = [each for each in tree_leaves(found) if isinstance(each, torch.Tensor)]
        sizes = [tensor.numel() for tensor in tensors if tensor.shape[-1:] == (64,)]
        self.most = max(self.most, *sizes, 0)
        return found


def test_all_logits_are_never_there_at_once(tiny):
    run = tiny()
    with Largest() as whole:
        loss_and_gradient(run)
    with Largest() as stretches:
        loss_and_gradient(run, 4)
    logits = 8 * 16 * 64  # of batch, context, pieces
    assert stretches.most < logits <= whole.most


def test_an_unfinished_run_resumes_with_less_memory(tiny, capsys):
    def stop(step, read):
        if step == 10:
            raise KeyboardInterrupt
        return read(step)

    run = tiny()
    read = run.task.micro_batches
    run.task.micro_batches = lambda step: stop(step, read)
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    tiny(checkpointing=True, loss_chunks=4, batch_size=4).fit()
    assert "resumed at step 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    "knobs",
    [
        {"checkpointing": 1},
        {"loss_chunks": 0},
        {"batch_size": "all"},
        {"batch_size": 0},
        {"batch_size": True},
    ],
)
def test_what_is_no_such_setting_is_refused(project, knobs):
    values = read("params.yaml")
    values["train"].update(knobs)
    ((key, value),) = knobs.items()
    with pytest.raises(UserError, match=rf"params\.yaml: train\.{key}: {value!r}: "):
        check(values=values)
