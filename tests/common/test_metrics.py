"""Writing of metrics.json."""

import json

import pytest

from pipeline.common.metrics import write_metrics


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
