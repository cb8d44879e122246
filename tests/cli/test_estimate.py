"""Estimates of time that `tezgah plan`, `tezgah add` and the stages print."""

import pytest

from pipeline.cli import estimate
from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.common.paths import STAGES


def test_stage_seconds_grow_with_the_steps(project):
    params = check_params()
    seconds = estimate.stage_seconds(params, 4e11)
    assert list(seconds) == list(STAGES)
    longer = params.train.model_copy(update={"steps": 2 * params.train.steps})
    twice = params.model_copy(update={"train": longer})
    more = estimate.stage_seconds(twice, 4e11)["train_base"] - seconds["train_base"]
    assert more == pytest.approx(seconds["train_base"] - estimate.STARTUP_SECONDS)
    assert estimate.stage_seconds(params, 8e11)["train_base"] < seconds["train_base"]
    measured = 14 * 60 + 59  # a default run on a machine with 4e11 operations per second (EXPERIMENTS.md)
    assert measured / 1.5 < sum(seconds.values()) < measured * 1.5  # the factor that estimate.py promises


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "10 s"), (84, "80 s"), (481, "8 min"), (11_000, "3 h"), (200_000, "2 days")]
)
def test_format_duration_rounds_to_a_unit(seconds, text):
    assert estimate.format_duration(seconds) == text


def test_machine_flops_is_cached_and_measured_again_where_the_cache_is_broken(project, monkeypatch):
    monkeypatch.setenv("TEZGAH_SCRATCH", str(project / ".scratch"))
    calls = []
    monkeypatch.setattr(estimate, "measure_flops", lambda device, precision: calls.append(precision) or 1e11)
    assert estimate.machine_flops("cpu", "bf16") == estimate.machine_flops("cpu", "bf16") == 1e11
    assert calls == ["bf16"]
    estimate.machine_flops("cpu", "fp32")
    assert calls == ["bf16", "fp32"]
    cache_file = project / ".scratch" / estimate.RATE_FILE
    for broken in ("{", "[]", cache_file.read_text().replace('"at": 1', '"at": 0.1')):
        cache_file.write_text(broken)
        assert estimate.machine_flops("cpu", "fp32") == 1e11
    assert len(calls) == 5


def test_describe_progress_names_stage_and_time(project, monkeypatch):
    monkeypatch.setattr(estimate, "machine_flops", lambda device, precision: 4e11)
    assert estimate.describe_progress(check_params(), "train_base").startswith(
        "stage 5 of 7: train_base; about "
    )
    assert estimate.describe_progress(check_params(), "evaluate").endswith(" s left")
    with pytest.raises(UserError, match="--stage: evaluat: no such stage; did you mean 'evaluate'"):
        estimate.describe_progress(check_params(), "evaluat")


def test_estimates_without_the_device_leave_out_the_time(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("device: auto", "device: cuda:7"))
    assert estimate.describe_progress(check_params(), "slice_corpus") == "stage 1 of 7: slice_corpus"
    assert "this machine has none" in estimate.describe_time(check_params(), ["train_base"])
