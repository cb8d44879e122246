"""The loss in chunks, and in bf16."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline.tokenizer.special import IGNORE_INDEX
from pipeline.training.loss import summed_loss, token_losses


def tiny_loss_and_gradient(run, chunks=1, document_BxT=None):
    run.model.zero_grad()
    batch = run.task.micro_batches(0)[0]
    targets_BxT = batch[:, 1:].masked_fill(batch[:, 1:] % 7 == 0, IGNORE_INDEX)
    hidden_BxTxD = run.model.hidden_states(batch[:, :-1], document_BxT=document_BxT)
    loss = summed_loss(run.model, hidden_BxTxD, targets_BxT, chunks)
    loss.backward()
    return loss.detach(), torch.cat([weight.grad.flatten() for weight in run.model.parameters()])


def with_nonzero_weights(run):
    """Initialize zero matrices of a run's model, so that no gradient is zero."""
    for weight in run.model.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(0))
    return run


@pytest.mark.parametrize("chunks", [2, 3, 8, 10_000])
def test_summed_loss_in_chunks_is_the_same(tiny, chunks):
    run = with_nonzero_weights(tiny())
    full, chunked = tiny_loss_and_gradient(run), tiny_loss_and_gradient(run, chunks)
    torch.testing.assert_close(chunked[0], full[0])
    assert (chunked[1] - full[1]).norm() < 1e-5 * full[1].norm()
    batch = run.task.micro_batches(0)[0]
    with torch.no_grad():
        args = run.model, run.model.hidden_states(batch[:, :-1]), batch[:, 1:]
        torch.testing.assert_close(token_losses(*args, chunks), token_losses(*args))


@pytest.mark.parametrize("chunks", [1, 4])
def test_summed_loss_in_bf16_is_summed_in_fp32(tiny, chunks):
    run = with_nonzero_weights(tiny())
    exact, _ = tiny_loss_and_gradient(run, chunks)
    with torch.autocast("cpu", torch.bfloat16):
        near, gradient = tiny_loss_and_gradient(run, chunks)
    assert near.dtype == gradient.dtype == torch.float32
    assert abs(near - exact) < 2e-3 * exact


class LargestLogits(TorchDispatchMode):
    """The size of the largest tensor of logits, for 64 pieces, that an operation inside computes."""

    max_size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [value for value in tree_leaves(result) if isinstance(value, torch.Tensor)]
        sizes = [tensor.numel() for tensor in tensors if tensor.shape[-1:] == (64,)]
        self.max_size = max(self.max_size, *sizes, 0)
        return result


def test_summed_loss_in_chunks_never_holds_all_logits(tiny):
    run = tiny()
    with LargestLogits() as full:
        tiny_loss_and_gradient(run)
    with LargestLogits() as chunked:
        tiny_loss_and_gradient(run, 4)
    logits = 8 * 16 * 64  # of batch, context, pieces
    assert chunked.max_size < logits <= full.max_size
