"""The loss: against torch's cross-entropy, in chunks, and in bf16."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline.training import loss
from pipeline.training.loss import IGNORE_INDEX, InPlaceCrossEntropy, cross_entropy, summed_loss, token_losses

HIDDEN, VOCABULARY, TOKENS = 8, 40, 50


def make_tensors(dtype, scale=1.0):
    torch.manual_seed(0)
    hidden = torch.randn(TOKENS, HIDDEN, dtype=dtype, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (TOKENS,))
    targets[::7] = IGNORE_INDEX
    weight = (scale * torch.randn(VOCABULARY, HIDDEN, dtype=dtype)).requires_grad_()
    return hidden, targets, weight


def loss_and_gradients(entropy, hidden, targets, weight, dtype):
    hidden.grad = weight.grad = None
    summed = entropy(hidden, targets, weight, dtype, "sum")
    (0.3 * summed).backward()
    return summed.detach(), hidden.grad, weight.grad


@pytest.mark.parametrize("cache_bytes", [1, 400, 1 << 19])  # one row at a time, a few, all
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_in_place_cross_entropy_matches_torch(dtype, tolerance, cache_bytes, monkeypatch):
    monkeypatch.setattr(loss, "CACHE_BYTES", cache_bytes)
    tensors = make_tensors(dtype)
    ours = loss_and_gradients(InPlaceCrossEntropy.apply, *tensors, dtype)
    theirs = loss_and_gradients(cross_entropy, *tensors, dtype)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert (a - b).norm() <= tolerance * b.norm()
    assert not ours[1][::7].any()  # of ignored targets


def test_in_place_cross_entropy_in_bf16_gives_fp32_gradients():
    hidden, targets, weight = make_tensors(torch.float32)
    exact = loss_and_gradients(cross_entropy, hidden, targets, weight, torch.float32)
    ours = loss_and_gradients(InPlaceCrossEntropy.apply, hidden, targets, weight, torch.bfloat16)
    for a, b in zip(ours, exact, strict=True):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 0.01 * b.norm()


def test_in_place_cross_entropy_of_an_improbable_target_is_finite():
    hidden, targets, weight = make_tensors(torch.float32, scale=300.0)  # all others have probability 0
    losses = F.cross_entropy(hidden @ weight.T, targets, ignore_index=IGNORE_INDEX, reduction="none")
    assert losses.max() > 500
    summed, *gradients = loss_and_gradients(InPlaceCrossEntropy.apply, hidden, targets, weight, torch.float32)
    assert summed.item() == pytest.approx(losses.sum().item(), rel=1e-5)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_in_place_cross_entropy_of_ignored_targets_is_zero():
    hidden, targets, weight = make_tensors(torch.float32)
    summed, *gradients = loss_and_gradients(
        InPlaceCrossEntropy.apply, hidden, targets.fill_(IGNORE_INDEX), weight, torch.float32
    )
    assert summed == 0
    assert not any(gradient.any() for gradient in gradients)


def test_in_place_cross_entropy_refuses_a_target_outside_the_vocabulary():
    hidden, targets, weight = make_tensors(torch.float32)
    targets[1] = -1
    with pytest.raises(RuntimeError, match="out of bounds"):
        InPlaceCrossEntropy.apply(hidden, targets, weight, torch.float32, "sum")


def tiny_loss_and_gradient(run, chunks=1, document_BxT=None):
    run.model.zero_grad()
    batch = run.task.micro_batches(0)[0]
    targets_BxT = batch[:, 1:].masked_fill(batch[:, 1:] % 7 == 0, IGNORE_INDEX)
    loss = summed_loss(run.model, batch[:, :-1], targets_BxT, document_BxT, chunks)
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
    args = run.model, batch[:, :-1], batch[:, 1:], None
    with torch.no_grad():
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
