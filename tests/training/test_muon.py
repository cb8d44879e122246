import pytest
import torch
from torch import nn

from pipeline.training.muon import Muon, orthogonalised
from pipeline.training.optimizer import Optimizers


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 24), (2, 24, 8)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    found = torch.linalg.svdvals(orthogonalised(torch.randn(shape, dtype=torch.float64)))
    assert found.min() > 0.5
    assert found.max() < 1.3


@pytest.fixture
def uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows move as far as they are turned."""
    monkeypatch.setattr(Muon, "_evening", lambda self, matrices, turned: turned.new_ones(1))


@pytest.mark.usefixtures("uneven")
def test_it_is_torch_muon_but_for_rounding_where_rows_are_left_uneven() -> None:
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


def test_rows_move_equally_far_and_the_matrix_as_far_as_before() -> None:
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
        alone = orthogonalised(matrix.grad[None])[0]
        moved = (matrix.detach() - start).norm(dim=1)
        assert alone.norm(dim=1).max() / alone.norm(dim=1).min() > 5
        assert moved.max() / moved.min() < 3
        assert moved.norm().item() == pytest.approx(alone.norm().item() * (24 / 16) ** 0.5, rel=0.02)


@pytest.mark.usefixtures("uneven")
@pytest.mark.parametrize(("rows", "columns"), [(4, 0), (0, 4), (4, 8)])
def test_each_piece_of_a_matrix_is_turned_by_itself(rows: int, columns: int) -> None:
    torch.manual_seed(0)
    matrices = [nn.Parameter(torch.zeros(16, 16, dtype=torch.float64)) for _ in range(2)]
    for matrix in matrices:
        matrix.grad = torch.randn_like(matrix)
    Muon(
        [{"params": matrices, "rows": rows, "columns": columns}], lr=0.1, momentum=0.9, weight_decay=0
    ).step()
    r, c = rows or 16, columns or 16
    for matrix in matrices:
        assert matrix.grad is not None
        pieces = matrix.grad.unfold(0, r, r).unfold(1, c, c)
        moved = (-matrix.detach()).unfold(0, r, r).unfold(1, c, c)
        for piece, step in zip(pieces.flatten(0, 1), moved.flatten(0, 1), strict=True):
            alone = orthogonalised(piece[None])[0]
            assert torch.allclose(step / step.norm(), alone / alone.norm())
        assert matrix.detach().norm().item() == pytest.approx(0.1 * 16**0.5, rel=0.2)  # as of one piece


def test_heads_of_attention_are_the_pieces(tiny) -> None:
    run = tiny(optimizer="muon")
    muon = Optimizers(run.model, run.settings).all[0]
    found = {(group["rows"], group["columns"]): len(group["params"]) for group in muon.param_groups}
    assert found == {(16, 0): 6, (0, 16): 2, (0, 0): 6}  # two layers: q, k, v; o; gate, up, down


def test_a_matrix_without_a_gradient_stays() -> None:
    matrix = nn.Parameter(torch.ones(4, 4))
    Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.1).step()
    assert torch.equal(matrix, torch.ones(4, 4))
