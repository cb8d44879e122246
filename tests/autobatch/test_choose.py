"""`train.batch_size: auto`: the largest size that fits, and the errors where none does."""

import pytest
import torch

from pipeline.autobatch import choose
from pipeline.autobatch.memory_plan import ON_CPU, plan_memory
from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.common.params import read_params

CPU = torch.device("cpu")
SEQUENCES = 8  # of the default step


@pytest.fixture
def auto(project):
    """The params as shipped, with `auto`."""
    values = read_params("params.yaml")
    values["train"]["batch_size"] = "auto"
    return check_params(values=values)


def resolve(params, monkeypatch, free):
    """Resolve `auto` with `free` bytes of memory."""
    monkeypatch.setattr(choose, "free_bytes", lambda device: free)
    return choose.resolve_batch_size(params.train, params.model, params.tokenizer.vocab_size, CPU, 1)


def planned_bytes(params, size):
    precision = choose.pick_precision(params.train.precision, CPU)
    args = params.model, params.tokenizer.vocab_size, params.train, size, precision, True
    return plan_memory(*args).with_overhead(ON_CPU)


def test_resolve_batch_size_takes_the_largest_divisor_that_fits(auto, monkeypatch, capsys):
    free = planned_bytes(auto, 4) + planned_bytes(auto, 8)  # half of it may be used
    assert resolve(auto, monkeypatch, free).batch_size == 4
    assert "train.batch_size auto: 4 of 8 sequences at once" in capsys.readouterr().out
    params = resolve(auto, monkeypatch, 10**12)
    assert params.batch_size == SEQUENCES
    assert params.model_copy(update={"batch_size": "auto"}) == auto.train  # and nothing else changed


def test_resolve_batch_size_keeps_a_number(project, monkeypatch, capsys):
    params = check_params()
    assert resolve(params, monkeypatch, None) is params.train
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("free", "message"),
    [
        (10**6, "train.batch_size: auto: not even one sequence fits the 0.0 GiB .* set train.checkpointing"),
        (None, "train.batch_size: auto: this machine does not tell .* set it to a number"),
    ],
)
def test_resolve_batch_size_error_where_nothing_fits(auto, monkeypatch, free, message):
    with pytest.raises(UserError, match=message):
        resolve(auto, monkeypatch, free)


@pytest.mark.parametrize(("size", "available", "fits"), [(8, 8, 8), (8, 3, 2), (15, 4, 1), (12, 7, 6)])
def test_halve_until_fits_halves_to_a_divisor(size, available, fits):
    tried = []

    def step(rows):
        tried.append(rows)
        if rows > available:
            raise torch.OutOfMemoryError

    assert choose.halve_until_fits(size, step) == fits == tried[-1]
    assert all(size % rows == 0 for rows in tried)


def test_halve_until_fits_error_where_one_sequence_is_too_much():
    def step(rows):
        raise torch.OutOfMemoryError

    with pytest.raises(UserError, match=r"auto: one sequence runs out of memory; set train\.checkpointing"):
        choose.halve_until_fits(4, step)


def test_halve_until_fits_passes_other_errors_on():
    def step(rows):
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        choose.halve_until_fits(4, step)
