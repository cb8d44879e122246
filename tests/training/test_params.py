"""The `train` section: values that are refused, and steps that are whole batches."""

import pytest

from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.common.params import read_params
from tests.helpers.small import set_params


@pytest.fixture
def launcher_variables(monkeypatch):
    """Set the environment that torchrun or Slurm makes."""
    return lambda **env: [monkeypatch.setenv(name, str(value)) for name, value in env.items()]


@pytest.mark.parametrize(
    "knobs",
    [
        {"checkpointing": 1},
        {"loss_chunks": 0},
        {"batch_size": "all"},
        {"batch_size": 0},
        {"batch_size": True},
    ],
)
def test_train_params_refuse_wrong_values(project, knobs):
    values = read_params("params.yaml")
    values["train"].update(knobs)
    ((key, value),) = knobs.items()
    with pytest.raises(UserError, match=rf"params\.yaml: train\.{key}: {value!r}: "):
        check_params(values=values)


def test_check_batches_refuses_partial_sequences_with_auto(project):
    values = read_params("params.yaml")
    values["train"] |= {"batch_size": "auto", "tokens_per_step": 1000}
    with pytest.raises(
        UserError, match=r"tokens_per_step: 1000: must be a multiple of .* = 256; nearest: 768 or"
    ):
        check_params(values=values)


def test_check_batches_counts_the_processes_of_an_outer_launcher(project, launcher_variables):
    launcher_variables(RANK=0, WORLD_SIZE=3)
    with pytest.raises(UserError, match=r"encoder.batch_size: 512: .* 3 processes; nearest: 510 or 513"):
        check_params()
    set_params(project, "encoder", batch_size=510)
    with pytest.raises(UserError, match=r"train.batch_size x model.context x runtime.processes = 6144"):
        check_params()
    set_params(project, "train", tokens_per_step=6144)
    with pytest.raises(
        UserError,
        match=r"conversations_per_step: 16: must .* sft.batch_size x runtime.processes = 24; nearest: 24",
    ):
        check_params()
    set_params(project, "sft", conversations_per_step=48)
    check_params()


def test_check_batches_refuses_a_batch_size_that_does_not_divide_among_processes(project):
    set_params(project, "runtime", processes=2)
    with pytest.raises(
        UserError,
        match=r"train.batch_size: 8: .* has 4 sequences for each of 2 processes, .* nearest: 2 or 4",
    ):
        check_params()
    set_params(project, "train", batch_size=4)
    check_params()
    set_params(project, "runtime", processes=0)
    with pytest.raises(UserError, match=r"runtime.processes: 0: Input should be greater than 0"):
        check_params()
