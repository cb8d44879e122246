"""The norm as a processor trains it is torch's, and so is its gradient."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.model.norm import RMSNorm


def normed(dtype, shape=(2, 5, 16)):
    """A norm, its argument and its answer by torch's own operations, with all gradients of both."""
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
    ("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 0.01)]
)
def test_it_is_torchs_norm_with_its_gradient(dtype, near, shape):
    norm, x, gradient, expected = normed(dtype, shape)
    ours = norm(x)
    ours.backward(gradient)
    for found, theirs in zip((ours, x.grad, norm.weight.grad), expected, strict=True):
        assert found.dtype == theirs.dtype
        assert (found - theirs).norm() < near * theirs.norm()
    with torch.no_grad():  # which goes by torch's kernel
        assert (norm(x) - ours).norm() < near * ours.norm()


def test_under_autocast_products_need_not_cast_what_it_answers():
    norm, x, gradient, expected = normed(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours = norm(x)
    assert ours.dtype == torch.bfloat16
    ours.backward(gradient.to(torch.bfloat16))
    assert torch.equal(ours, expected[0].to(torch.bfloat16))
    assert x.grad.dtype == norm.weight.grad.dtype == torch.float32
    assert (x.grad - expected[1]).norm() < 0.01 * expected[1].norm()
