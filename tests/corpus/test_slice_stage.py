"""The stage as a user runs it: what it prints, and that a mistake ends in one line and status 1."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with params.yaml, a small miniworld and 50 texts of one's own."""
    yaml = YAML()
    params: Any = yaml.load(REPOSITORY / "params.yaml")
    params["corpus"]["sources"]["miniworld"]["documents"] = 200
    params["corpus"]["sources"]["mine"] = {
        "kind": "local",
        "path": "data/raw/corpus/mine.jsonl.gz",
        "without": ["repetition", "lines", "prose"],
    }
    yaml.dump(params, tmp_path / "params.yaml")
    for name in ("dvc.yaml", "pipeline", "stages"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "data/raw/corpus").mkdir(parents=True)
    write(tmp_path, [json.dumps({"text": f"Bu, {number} numaralı metindir."}) for number in range(50)])
    return tmp_path


def write(project: Path, lines: list[str]) -> None:
    with gzip.open(project / "data/raw/corpus/mine.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))


def stage(project: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stages.slice_corpus"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def outputs(project: Path) -> dict[str, bytes]:
    files = [*(project / "data/corpus").rglob("*"), *(project / "reports").rglob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


def test_it_writes_a_corpus_and_a_mistake_leaves_it_alone(project: Path) -> None:
    done = stage(project)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("mine", "miniworld", "removed", "train"))
    metrics = json.loads((project / "reports/slice_corpus/metrics.json").read_text())
    assert metrics["sources"]["mine"]["kept"]["documents"] == 50
    assert json.loads((project / "data/corpus/miniworld/manifest.json").read_text())["miniworld"] is True

    before = outputs(project)
    write(project, ['{"text": "Bu iyi bir metindir."}', '{"text": '])
    done = stage(project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: data/raw/corpus/mine.jsonl.gz:2: not JSON")
    assert done.stderr.count("\n") == 1
    assert outputs(project) == before
    assert [path.name for path in (project / "data").iterdir() if path.name.startswith(".")] == []
