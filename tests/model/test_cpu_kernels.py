"""The kernels for training on a CPU and their gradients, against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.model import cpu_kernels
from pipeline.model.cpu_kernels import InPlaceCrossEntropy, attention
from pipeline.model.norm import RMSNorm
from pipeline.tokenizer.special import IGNORE_INDEX
from pipeline.training.loss import cross_entropy
from tests.helpers.random_models import make_random_decoder

HIDDEN, VOCABULARY, TOKENS = 8, 40, 50


def make_norm_example(dtype, shape=(2, 5, 16)):
    """Return a norm, an input, an output gradient, and the output and gradients by torch's own operations."""
    torch.manual_seed(0)
    norm = RMSNorm(shape[-1], 1e-3)
    torch.nn.init.normal_(norm.weight)
    norm.to(torch.float64 if dtype == torch.float64 else torch.float32)
    x, gradient = torch.randn(shape, dtype=dtype, requires_grad=True), torch.randn(shape, dtype=dtype)
    theirs = F.rms_norm(x, (shape[-1],), norm.weight.to(dtype), 1e-3)
    theirs.backward(gradient)
    expected = theirs.detach(), x.grad, norm.weight.grad
    x.grad = norm.weight.grad = None
    return norm, x, gradient, expected


@pytest.mark.parametrize("shape", [(2, 5, 16), (3, 4, 2, 7)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 0.01)]
)
def test_rms_norm_and_its_gradient_match_torch(dtype, tolerance, shape):
    norm, x, gradient, expected = make_norm_example(dtype, shape)
    ours = norm(x)
    ours.backward(gradient)
    for actual, theirs in zip((ours, x.grad, norm.weight.grad), expected, strict=True):
        assert actual.dtype == theirs.dtype
        assert (actual - theirs).norm() < tolerance * theirs.norm()
    with torch.no_grad():  # which uses torch's kernel
        assert (norm(x) - ours).norm() < tolerance * ours.norm()


def test_rms_norm_under_autocast_returns_its_precision():
    norm, x, gradient, expected = make_norm_example(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours = norm(x)
    assert ours.dtype == torch.bfloat16
    ours.backward(gradient.to(torch.bfloat16))
    assert torch.equal(ours, expected[0].to(torch.bfloat16))
    assert x.grad.dtype == norm.weight.grad.dtype == torch.float32
    assert (x.grad - expected[1]).norm() < 0.01 * expected[1].norm()


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_fused_attention(kv_heads, masked):
    q = torch.randn(2, 4, 9, 8, dtype=torch.double, requires_grad=True)
    k, v = (torch.randn(2, kv_heads, 9, 8, dtype=torch.double, requires_grad=True) for _ in range(2))
    mask = torch.ones(9, 9, dtype=torch.bool).tril()
    if masked:  # two documents
        apart = torch.arange(9) < 4
        mask = mask & (apart[:, None] == apart[None])
    ours = attention(q, k, v, mask[None, None] if masked else None)
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    assert torch.allclose(ours, theirs)
    weights = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), (q, k, v)),
        torch.autograd.grad((theirs * weights).sum(), (q, k, v)),
        strict=True,
    ):
        assert torch.allclose(a, b)


def test_attention_is_used_in_training_up_to_max_context(monkeypatch):
    model, calls = make_random_decoder(), []
    monkeypatch.setattr(cpu_kernels, "attention", lambda *args: calls.append(1) or attention(*args))
    ids = torch.randint(8, 480, (1, 9))
    logits = model(ids)
    assert len(calls) == model.params.layers
    monkeypatch.setattr(cpu_kernels, "MAX_CONTEXT", 8)
    assert torch.allclose(model(ids), logits, atol=1e-5)
    with torch.no_grad():
        model(ids)
    assert len(calls) == model.params.layers


def test_disabled_computes_the_same_by_the_kernels_of_torch(monkeypatch):
    model, ids = make_random_decoder(), torch.randint(8, 480, (1, 9))
    logits = model(ids)
    monkeypatch.setattr(cpu_kernels, "attention", None)
    monkeypatch.setattr(cpu_kernels.RMSNormFunction, "apply", None)
    with cpu_kernels.disabled():
        assert torch.allclose(model(ids), logits, atol=1e-5)
    assert cpu_kernels.is_used_for(logits)


def test_in_fp32_is_without_autocast():
    x = torch.ones(2, dtype=torch.bfloat16)
    with cpu_kernels.in_fp32(x) as (same,):
        assert same is x
    with torch.autocast("cpu", torch.bfloat16):
        with cpu_kernels.in_fp32(x, x) as (one, other):
            assert one.dtype == other.dtype == torch.float32
            assert not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


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
    monkeypatch.setattr(cpu_kernels, "CACHE_BYTES", cache_bytes)
    tensors = make_tensors(dtype)
    ours = loss_and_gradients(InPlaceCrossEntropy.apply, *tensors, dtype)
    theirs = loss_and_gradients(cross_entropy, *tensors, dtype)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert (a - b).norm() <= tolerance * b.norm()
    assert not ours[1][::7].any()  # of ignored targets


def test_in_place_cross_entropy_of_several_targets_matches_torch_and_the_sum_of_each():
    hidden, targets, weight = make_tensors(torch.float64)
    several = torch.stack([targets, targets.roll(1).clamp(min=0), targets.roll(2).clamp(min=0)], dim=1)

    def with_share(entropy):
        return lambda *args: entropy(*args, 0.6)

    args = hidden, several, weight, torch.float64
    ours = loss_and_gradients(with_share(InPlaceCrossEntropy.apply), *args)
    theirs = loss_and_gradients(with_share(cross_entropy), *args)
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).norm() <= 1e-6 * b.norm()  # torch's path is in fp32
    each = [
        loss_and_gradients(
            cross_entropy, hidden, column.masked_fill(targets == IGNORE_INDEX, IGNORE_INDEX), weight,
            torch.float64,
        )[0]
        for column in several.T
    ]  # fmt: skip
    assert ours[0].item() == pytest.approx((0.6 * each[0] + 0.2 * each[1] + 0.2 * each[2]).item())


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
