"""`train.batch_size: auto`: the largest that fits, and what is said where none does."""

import pytest
import torch

from pipeline.autobatch import choose as batch
from pipeline.autobatch.memory_plan import ON_CPU, plan
from pipeline.cli.check import check
from pipeline.common.errors import UserError
from pipeline.common.params import read
from pipeline.device import malloc as memory

CPU = torch.device("cpu")
SEQUENCES = 8  # of the default step


@pytest.fixture
def auto(project):
    """The params as shipped, with `auto`."""
    values = read("params.yaml")
    values["train"]["batch_size"] = "auto"
    return check(values=values)


def sized(params, monkeypatch, free):
    """What `auto` comes to with so many bytes free."""
    monkeypatch.setattr(batch, "free_bytes", lambda device: free)
    return batch.with_batch_size(params.train, params.model, params.tokenizer.vocab_size, CPU, 1)


def taken(params, size):
    precision = batch.precision_of(params.train.precision, CPU)
    of_one = params.model, params.tokenizer.vocab_size, params.train, size, precision, True
    return plan(*of_one).taken(ON_CPU)


def test_auto_takes_the_largest_divisor_that_fits(auto, monkeypatch, capsys):
    between = taken(auto, 4) + taken(auto, 8)  # half of it is taken
    assert sized(auto, monkeypatch, between).batch_size == 4
    assert "train.batch_size auto: 4 of 8 sequences at once" in capsys.readouterr().out
    settings = sized(auto, monkeypatch, 10**12)
    assert settings.batch_size == SEQUENCES
    assert settings.model_copy(update={"batch_size": "auto"}) == auto.train  # and nothing else changed


def test_a_number_stays_and_nothing_is_asked(project, monkeypatch, capsys):
    params = check()
    assert sized(params, monkeypatch, None) is params.train
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("free", "says"),
    [
        (10**6, "train.batch_size: auto: not even one sequence fits the 0.0 GiB .* set train.checkpointing"),
        (None, "train.batch_size: auto: this machine does not tell .* set it to a number"),
    ],
)
def test_where_auto_finds_nothing_one_line_says_so(auto, monkeypatch, free, says):
    with pytest.raises(UserError, match=says):
        sized(auto, monkeypatch, free)


@pytest.mark.parametrize(("size", "room", "fits"), [(8, 8, 8), (8, 3, 2), (15, 4, 1), (12, 7, 6)])
def test_a_step_that_runs_out_of_memory_is_halved(size, room, fits):
    tried = []

    def step(rows):
        tried.append(rows)
        if rows > room:
            raise torch.OutOfMemoryError

    assert batch.confirmed(size, step) == fits == tried[-1]
    assert all(size % rows == 0 for rows in tried)


def test_one_sequence_too_many_is_one_line():
    def step(rows):
        raise torch.OutOfMemoryError

    with pytest.raises(UserError, match=r"auto: one sequence runs out of memory; set train\.checkpointing"):
        batch.confirmed(4, step)


def test_other_errors_of_a_step_are_no_lack_of_memory():
    def step(rows):
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        batch.confirmed(4, step)


def test_a_step_must_still_be_whole_sequences(project):
    values = read("params.yaml")
    values["train"] |= {"batch_size": "auto", "tokens_per_step": 1000}
    with pytest.raises(
        UserError, match=r"tokens_per_step: 1000: must be a multiple of .* = 256; nearest: 768 or"
    ):
        check(values=values)


def test_a_container_leaves_no_more_than_its_limit(tmp_path):
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("2900000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400000000\n")
    assert memory.available_memory(tmp_path) == pytest.approx(0.5)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_memory(tmp_path) > 0.5
