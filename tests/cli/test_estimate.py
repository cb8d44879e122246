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
    measured = 14 * 60 + 59  # a default run at 4e11 operations per second (experiments/default-run-before.md)
    assert measured / 1.5 < sum(seconds.values()) < measured * 1.5  # the factor that estimate.py promises


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "10 s"), (84, "80 s"), (481, "8 min"), (11_000, "3 h"), (200_000, "2 days")]
)
def test_format_duration_rounds_to_a_unit(seconds, text):
    assert estimate.format_duration(seconds) == text


def test_describe_progress_names_the_stage_and_the_time_by_the_stored_rate(project, monkeypatch):
    params = check_params()
    assert estimate.describe_progress(params, "slice_corpus") == "stage 1 of 7: slice_corpus"
    assert estimate.describe_time(params, ["train_base"]) == "`tezgah plan` measures how long it takes"
    monkeypatch.setattr(estimate, "stored_rate", lambda device, precision: 4e11)
    assert estimate.describe_progress(params, "train_base").startswith("stage 5 of 7: train_base; about ")
    assert estimate.describe_progress(params, "evaluate").endswith(" s left")
    seconds = estimate.stage_seconds(params, 4e11)["train_base"]
    expected = f"about {estimate.format_duration(seconds)} here"
    assert estimate.describe_time(params, ["train_base"]) == expected
    with pytest.raises(UserError, match="--stage: evaluat: no such stage; did you mean 'evaluate'"):
        estimate.describe_progress(params, "evaluat")


def test_ngram_bytes_are_those_of_the_measured_counts():
    # 22,554,664 tokens, up to 5: 327 MB in files, counted in 23 CPU seconds (experiments/counting-speed.md)
    assert estimate.ngram_bytes(22_554_664, 5) == pytest.approx(327e6, rel=0.02)
    assert estimate.counting_seconds(22_554_664, 5) == pytest.approx(25, rel=0.2)
    assert estimate.ngram_bytes(1000, 1) == 0
    assert estimate.ngram_bytes(1000, 12) > estimate.ngram_bytes(1000, 7)
