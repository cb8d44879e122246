"""The committed run of the repository, copied to where a test may damage it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.reporting.data import read_run
from pipeline.reporting.view import Extras


@pytest.fixture(scope="session")
def committed_run(root, tokenizer, tmp_path_factory) -> Path:
    """A project with the committed run's reports and a small tokenizer."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(root / "reports", folder / "reports")
    shutil.copy(root / "params.yaml", folder)
    shutil.copytree(tokenizer.folder, folder / "models/tokenizer")
    return folder


@pytest.fixture
def project_of_run(committed_run, tmp_path) -> Path:
    """A copy of the committed run to change."""
    return shutil.copytree(committed_run, tmp_path / "project")


@pytest.fixture(scope="session")
def run(committed_run):
    return read_run(committed_run, "workspace")


@pytest.fixture(scope="session")
def other_run(run):
    """A run that is worse at questions, was trained differently, and has other figures and samples."""
    metrics = json.loads(json.dumps(run.metrics))
    metrics["evaluate"]["bits_per_byte"]["val"]["base"] = 0.91
    params = json.loads(json.dumps(run.params))
    params["train"]["steps"] = 7
    scores = {
        key: replace(score, values=score.values * 0) if key.task == "questions.miniworld" else score
        for key, score in run.scores.items()
    }
    return replace(run, name="deney-1", metrics=metrics, params=params, scores=scores)


@pytest.fixture(scope="session")
def extras(run):
    return Extras(
        seconds={"train_base": 688.7, "slice_corpus": 31.2},
        memory_gib={"train_base": 1.34},
        states={"evaluate": "pipeline/evaluation/summary.py modified"},
        rebuilt={"train_sft"},
        machine="2 cores",
        cost="0.04 kWh",
        commit="0123abcd",
        lock="4567ef",
        default_params={**run.params, "seed": 7},
    )
