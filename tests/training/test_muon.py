"""Muon: orthogonalization, blocks and row normalization."""

import pytest
import torch
from torch import nn

from pipeline.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 24), (2, 24, 8)])
def test_orthogonalize_brings_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape, dtype=torch.float64)))
    assert values.min() > 0.5
    assert values.max() < 1.3


@pytest.fixture
def no_row_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave rows as they are orthogonalized."""
    monkeypatch.setattr(
        Muon, "_compute_row_scales", lambda self, matrices, orthogonalized: orthogonalized.new_ones(1)
    )


@pytest.mark.usefixtures("no_row_scales")
def test_muon_without_row_scales_matches_torch() -> None:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(shape)) for shape in ((16, 16), (48, 16), (16, 48), (16, 16))]
    theirs = [nn.Parameter(matrix.detach().clone()) for matrix in ours]
    before = [matrix.detach().clone() for matrix in ours]
    options = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    optimizers = Muon(ours, **options), torch.optim.Muon(theirs, adjust_lr_fn="original", **options)
    for _ in range(3):
        gradients = [torch.randn_like(matrix) for matrix in ours]
        for matrices, optimizer in zip((ours, theirs), optimizers, strict=True):
            for matrix, gradient in zip(matrices, gradients, strict=True):
                matrix.grad = gradient.clone()
            optimizer.step()
    for start, a, b in zip(before, ours, theirs, strict=True):
        assert (a - b).norm() < 0.02 * (a - start).norm()


def test_muon_row_scales_even_rows_out_and_keep_the_norm() -> None:
    torch.manual_seed(0)
    size = torch.logspace(-2, 0, 24)[:, None]  # of the rows' gradients
    matrices = [nn.Parameter(torch.zeros(24, 16)) for _ in range(2)]
    muon = Muon(matrices, lr=1.0, momentum=0.0, weight_decay=0.0)
    for _ in range(60):
        before = [matrix.detach().clone() for matrix in matrices]
        for matrix in matrices:
            matrix.grad = size * torch.randn(24, 16)
        muon.step()
    for matrix, start in zip(matrices, before, strict=True):
        assert matrix.grad is not None
        alone = orthogonalize(matrix.grad[None])[0]
        moved = (matrix.detach() - start).norm(dim=1)
        assert alone.norm(dim=1).max() / alone.norm(dim=1).min() > 5
        assert moved.max() / moved.min() < 3
        assert moved.norm().item() == pytest.approx(alone.norm().item() * (24 / 16) ** 0.5, rel=0.02)


@pytest.mark.usefixtures("no_row_scales")
@pytest.mark.parametrize(("rows", "columns"), [(4, 0), (0, 4), (4, 8)])
def test_muon_orthogonalizes_each_block_by_itself(rows: int, columns: int) -> None:
    torch.manual_seed(0)
    matrices = [nn.Parameter(torch.zeros(16, 16, dtype=torch.float64)) for _ in range(2)]
    for matrix in matrices:
        matrix.grad = torch.randn_like(matrix)
    Muon(
        [{"params": matrices, "block_rows": rows, "block_columns": columns}],
        lr=0.1,
        momentum=0.9,
        weight_decay=0,
    ).step()
    r, c = rows or 16, columns or 16
    for matrix in matrices:
        assert matrix.grad is not None
        blocks = matrix.grad.unfold(0, r, r).unfold(1, c, c)
        moved = (-matrix.detach()).unfold(0, r, r).unfold(1, c, c)
        for block, step in zip(blocks.flatten(0, 1), moved.flatten(0, 1), strict=True):
            alone = orthogonalize(block[None])[0]
            assert torch.allclose(step / step.norm(), alone / alone.norm())
        assert matrix.detach().norm().item() == pytest.approx(0.1 * 16**0.5, rel=0.2)  # as of one block


def test_muon_leaves_a_matrix_without_a_gradient() -> None:
    matrix = nn.Parameter(torch.ones(4, 4))
    Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.1).step()
    assert torch.equal(matrix, torch.ones(4, 4))
