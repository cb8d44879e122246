"""The stage as a user runs it: what it prints, and that a mistake ends in one line and status 1."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.helpers.paths import ROOT
from tests.helpers.signals import signal_at
from tests.helpers.small import set_params, write_task

WORDS = [
    "dere",
    "kulübe",
    "yaşlı",
    "balıkçı",
    "sabah",
    "ağ",
    "toplar",
    "köy",
    "güneş",
    "doğar",
    "çocuk",
    "gider",
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with params.yaml, a small miniworld and 50 texts of one's own."""
    yaml = YAML()
    params: Any = yaml.load(ROOT / "params.yaml")
    params["corpus"]["sources"]["miniworld"]["documents"] = 200
    params["corpus"]["sources"]["mine"] = {
        "kind": "local",
        "path": "data/raw/corpus/mine.jsonl.gz",
        "without": ["repetition", "lines", "prose"],
    }
    yaml.dump(params, tmp_path / "params.yaml")
    for name in ("dvc.yaml", "pipeline", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "data/raw/corpus").mkdir(parents=True)
    write_source(tmp_path, [json.dumps({"text": f"Bu, {number} numaralı metindir."}) for number in range(50)])
    return tmp_path


def write_source(project: Path, lines: list[str]) -> None:
    with gzip.open(project / "data/raw/corpus/mine.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))


def run_stage(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stages.slice_corpus"]
    full_environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment}
    return subprocess.run(
        command, cwd=project, env=full_environment, capture_output=True, text=True, check=False
    )


def json_rows(count: int) -> list[str]:
    """Rows of a hundred words each."""
    rng = random.Random(1)
    return [json.dumps({"text": " ".join(rng.choices(WORDS, k=100)) + "."}) for _ in range(count)]


def outputs(project: Path) -> dict[str, bytes]:
    files = [*(project / "data/corpus").rglob("*"), *(project / "reports").rglob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file() and path.name != "timing.json"}


def test_slice_corpus_writes_corpus_and_mistake_leaves_it_alone(project: Path) -> None:
    process = run_stage(project)
    assert process.returncode == 0, process.stderr
    assert all(word in process.stdout for word in ("mine", "miniworld", "removed", "train"))
    metrics = json.loads((project / "reports/slice_corpus/metrics.json").read_text())
    assert metrics["sources"]["mine"]["kept"]["documents"] == 50
    assert json.loads((project / "data/corpus/miniworld/manifest.json").read_text())["miniworld"] is True

    before = outputs(project)
    write_source(project, ['{"text": "Bu iyi bir metindir."}', '{"text": '])
    process = run_stage(project)
    assert process.returncode == 1
    assert process.stderr.startswith("error: data/raw/corpus/mine.jsonl.gz:2: not JSON")
    assert process.stderr.count("\n") == 1
    assert outputs(project) == before
    assert [path.name for path in (project / "data").iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_slice_corpus_of_a_data_seed_is_the_same_in_runs_of_other_seeds(project: Path) -> None:
    def slice_with(seed: int, data_seed: int | None) -> dict[str, bytes]:
        yaml = YAML()
        params: Any = yaml.load(project / "params.yaml")
        params["seed"], params["eval"]["data_seed"] = seed, data_seed
        yaml.dump(params, project / "params.yaml")
        process = run_stage(project)
        assert process.returncode == 0, process.stderr
        return outputs(project)

    first = slice_with(1, None)
    assert slice_with(2, 1) == first
    assert slice_with(2, None) != first


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "Işık söndü; ağaçlar görünmez oldu.\n".encode("iso-8859-9"),
            "a.txt:1: not UTF-8 at byte 1; convert the file: iconv -f WINDOWS-1254 -t UTF-8"),
        ("a.jsonl", b"", "a.jsonl:1: longer than 32 MiB; put one row or object on a line"),
    ],
)  # fmt: skip
def test_slice_corpus_not_text_is_one_line_and_leaves_nothing(
    project: Path, name: str, content: bytes, message: str
) -> None:
    path = project / "data/raw/corpus" / name
    path.write_bytes(content)
    if not content:
        os.truncate(path, 1 << 30)  # a gigabyte of zeros without a line end
    yaml = YAML()
    params: Any = yaml.load(project / "params.yaml")
    params["corpus"]["sources"]["mine"]["path"] = f"data/raw/corpus/{name}"
    yaml.dump(params, project / "params.yaml")
    process = run_stage(project)
    assert process.returncode == 1
    assert process.stderr.startswith(f"error: data/raw/corpus/{message}")
    assert process.stderr.count("\n") == 1
    assert not (project / "data/corpus").exists()


@pytest.mark.slow
def test_slice_corpus_removes_texts_of_eval_tasks(project: Path) -> None:
    text = "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    write_source(project, [json.dumps({"text": f"Önce başka bir söz. {text}"})]
        + [json.dumps({"text": f"Bu, {number} numaralı metindir."}) for number in range(50)])  # fmt: skip
    (project / "data/raw/eval").mkdir()
    (project / "data/raw/eval/held.jsonl").write_text(json.dumps({"text": text}))
    yaml = YAML()
    params: Any = yaml.load(project / "params.yaml")
    write_task(project, "held")
    params["eval"]["tasks"] = ["held"]
    yaml.dump(params, project / "params.yaml")
    process = run_stage(project)
    assert process.returncode == 0, process.stderr
    metrics = json.loads((project / "reports/slice_corpus/metrics.json").read_text())
    assert metrics["removed"]["contamination"]["documents"] == 1


def test_slice_corpus_counts_a_skipped_line(project: Path) -> None:
    write_source(project, [json.dumps({"text": "Bu, tek metindir ve kalır."}), '{"text": '])
    set_params(project, "corpus", on_error="skip")
    process = run_stage(project)
    assert process.returncode == 0, process.stderr
    source = json.loads((project / "reports/slice_corpus/metrics.json").read_text())["sources"]["mine"]
    assert source["removed"]["unreadable"]["documents"] == 1
    assert source["kept"]["documents"] == 1


MOMENTS = [  # of a run, at which it is killed
    ("os.mkdir", ".corpus.partial"),
    ("open", "part-00000.npy"),
    ("open", "part-00000.json"),
    ("os.mkdir", ".corpus.partial/val"),
    ("os.rename", ".corpus.partial"),
]


@pytest.mark.slow
def test_slice_corpus_killed_at_any_moment_resumes_to_same_corpus(project: Path) -> None:
    write_source(project, json_rows(3_000))
    assert run_stage(project).returncode == 0
    expected = outputs(project)
    for event, name in MOMENTS:
        shutil.rmtree(project / "data/corpus")
        environment = {**os.environ, **signal_at(project / "hook", event, name, signal.SIGKILL)}
        killed = subprocess.run(
            [sys.executable, "-m", "stages.slice_corpus"], cwd=project, env=environment,
            capture_output=True, check=False, start_new_session=True,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
        process = run_stage(project)
        assert process.returncode == 0, process.stderr
        assert outputs(project) == expected
        assert not list((project / "data").glob(".*"))


@pytest.mark.slow
def test_slice_corpus_on_ray_writes_same_documents(project: Path) -> None:
    pytest.importorskip("ray")
    write_source(project, json_rows(5_000))
    assert run_stage(project).returncode == 0
    expected = outputs(project)
    shutil.rmtree(project / "data/corpus")
    process = run_stage(project, DAFT_RUNNER="ray", RAY_worker_niceness="0")
    assert process.returncode == 0, process.stderr
    assert outputs(project) == expected
