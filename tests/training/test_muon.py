import pytest
import torch
from torch import nn

from pipeline.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 24), (2, 24, 8)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    found = torch.linalg.svdvals(orthogonalised(torch.randn(shape, dtype=torch.float64)))
    assert found.min() > 0.5
    assert found.max() < 1.3


def test_it_is_torch_muon_but_for_rounding() -> None:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(shape)) for shape in ((16, 16), (48, 16), (16, 48), (16, 16))]
    theirs = [nn.Parameter(matrix.detach().clone()) for matrix in ours]
    before = [matrix.detach().clone() for matrix in ours]
    settings = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    optimizers = Muon(ours, **settings), torch.optim.Muon(theirs, adjust_lr_fn="original", **settings)
    for _ in range(3):
        gradients = [torch.randn_like(matrix) for matrix in ours]
        for matrices, optimizer in zip((ours, theirs), optimizers, strict=True):
            for matrix, gradient in zip(matrices, gradients, strict=True):
                matrix.grad = gradient.clone()
            optimizer.step()
    for start, a, b in zip(before, ours, theirs, strict=True):
        assert (a - b).norm() < 0.02 * (a - start).norm()


def test_a_matrix_without_a_gradient_stays() -> None:
    matrix = nn.Parameter(torch.ones(4, 4))
    Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.1).step()
    assert torch.equal(matrix, torch.ones(4, 4))
