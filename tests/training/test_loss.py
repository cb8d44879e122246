"""The loss whose gradient is written over the logits is torch's cross-entropy."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.training import loss
from pipeline.training.loss import IGNORED, OverLogits, cross_entropy

HIDDEN, VOCABULARY, TOKENS = 8, 40, 50


def parts(dtype, scale=1.0):
    torch.manual_seed(0)
    hidden = torch.randn(TOKENS, HIDDEN, dtype=dtype, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (TOKENS,))
    targets[::7] = IGNORED
    weight = (scale * torch.randn(VOCABULARY, HIDDEN, dtype=dtype)).requires_grad_()
    return hidden, targets, weight


def found(entropy, hidden, targets, weight, dtype):
    hidden.grad = weight.grad = None
    summed = entropy(hidden, targets, weight, dtype, "sum")
    (0.3 * summed).backward()
    return summed.detach(), hidden.grad, weight.grad


@pytest.mark.parametrize("cache", [1, 400, 1 << 19])  # one row at a time, a few, all
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_it_is_torchs_loss_with_its_gradients(dtype, near, cache, monkeypatch):
    monkeypatch.setattr(loss, "CACHE", cache)
    given = parts(dtype)
    ours, theirs = found(OverLogits.apply, *given, dtype), found(cross_entropy, *given, dtype)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert (a - b).norm() <= near * b.norm()
    assert not ours[1][::7].any()  # of tokens that are not learned


def test_products_in_bf16_give_gradients_in_fp32():
    hidden, targets, weight = parts(torch.float32)
    exact = found(cross_entropy, hidden, targets, weight, torch.float32)
    for a, b in zip(found(OverLogits.apply, hidden, targets, weight, torch.bfloat16), exact, strict=True):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 0.01 * b.norm()


def test_a_target_of_no_probability_has_its_loss():
    hidden, targets, weight = parts(torch.float32, scale=300.0)  # the likeliest stands alone
    losses = F.cross_entropy(hidden @ weight.T, targets, ignore_index=IGNORED, reduction="none")
    assert losses.max() > 500
    summed, *gradients = found(OverLogits.apply, hidden, targets, weight, torch.float32)
    assert summed.item() == pytest.approx(losses.sum().item(), rel=1e-5)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_nothing_to_learn_is_a_loss_of_zero():
    hidden, targets, weight = parts(torch.float32)
    summed, *gradients = found(OverLogits.apply, hidden, targets.fill_(IGNORED), weight, torch.float32)
    assert summed == 0
    assert not any(gradient.any() for gradient in gradients)


def test_a_target_beyond_the_vocabulary_is_told():
    hidden, targets, weight = parts(torch.float32)
    targets[1] = -1
    with pytest.raises(RuntimeError, match="out of bounds"):
        OverLogits.apply(hidden, targets, weight, torch.float32, "sum")
