"""Writing of metrics.json."""

import json
import os

import pytest

from pipeline.common.metrics import note_run, read_timing, write_metrics, write_timing


def test_write_metrics_rounds_nested_numbers(tmp_path):
    write_metrics("stage", {"a": 1 / 3, "b": {"c": 2}}, tmp_path)
    assert json.loads((tmp_path / "stage/metrics.json").read_text()) == {"a": 0.333333, "b": {"c": 2}}


@pytest.mark.parametrize(
    "bad", [{"a": float("nan")}, {"a": [1]}, {"a.b": 1}, {"a": "x"}, {"a": {"b": float("inf")}}, {"a": True}]
)
def test_write_metrics_refuses_what_dvc_cannot_compare(tmp_path, bad):
    with pytest.raises(ValueError, match="metric"):
        write_metrics("stage", bad, tmp_path)
    assert not (tmp_path / "stage").exists()


def test_note_run_adds_time_and_machine_to_what_a_stage_has_noted(tmp_path):
    for stage in ("train_base", "slice_corpus"):
        write_metrics(stage, {"loss": 1.0}, tmp_path)
    write_timing("train_base", {"seconds": 2.5, "peak_memory_gib": 1.25}, tmp_path)
    for stage in ("train_base", "slice_corpus"):
        note_run(stage, 3.5, tmp_path)
    own, other = (read_timing(stage, tmp_path) for stage in ("train_base", "slice_corpus"))
    assert (own["seconds"], own["peak_memory_gib"], own["stage_seconds"]) == (2.5, 1.25, 3.5)
    assert 0 < other["stage_peak_memory_gib"] < 1000
    assert f"{os.cpu_count()} x CPU" in other["machine"]
    assert "GiB" in own["machine"]


def test_read_timing_is_of_the_run_that_the_metrics_are_of(tmp_path):
    write_metrics("train_base", {"loss": 1.0}, tmp_path)
    note_run("train_base", 3.5, tmp_path)
    assert read_timing("train_base", tmp_path)
    write_metrics("train_base", {"loss": 2.0}, tmp_path)  # as another commit has them
    assert read_timing("train_base", tmp_path) == {}


@pytest.mark.parametrize("damaged", ["", "5", "{", "[]"])
def test_note_run_replaces_a_damaged_file(tmp_path, damaged):
    write_metrics("train_base", {"loss": 1.0}, tmp_path)
    (tmp_path / "train_base/timing.json").write_text(damaged)
    assert read_timing("train_base", tmp_path) == {}
    note_run("train_base", 3.5, tmp_path)
    assert read_timing("train_base", tmp_path)["stage_seconds"] == 3.5
