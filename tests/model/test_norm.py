"""RMSNorm on the CPU and its gradient, against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.model.norm import RMSNorm


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
