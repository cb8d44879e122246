"""The stage as a user runs it: what it prints, and that a mistake ends in one line and status 1."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.helpers.paths import ROOT

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
    write(tmp_path, [json.dumps({"text": f"Bu, {number} numaralı metindir."}) for number in range(50)])
    return tmp_path


def write(project: Path, lines: list[str]) -> None:
    with gzip.open(project / "data/raw/corpus/mine.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))


def stage(project: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stages.slice_corpus"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **more}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def many(count: int) -> list[str]:
    """Rows of a hundred words each."""
    rng = random.Random(1)
    return [json.dumps({"text": " ".join(rng.choices(WORDS, k=100)) + "."}) for _ in range(count)]


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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "Işık söndü; ağaçlar görünmez oldu.\n".encode("iso-8859-9"),
            "a.txt:1: not UTF-8 at byte 1; convert the file: iconv -f WINDOWS-1254 -t UTF-8"),
        ("a.jsonl", b"", "a.jsonl:1: longer than 32 MiB; put one object on a line"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_text_is_one_line_and_leaves_nothing(
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
    done = stage(project)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: data/raw/corpus/{message}")
    assert done.stderr.count("\n") == 1
    assert not (project / "data/corpus").exists()


@pytest.mark.slow
def test_texts_of_evaluation_are_looked_for_in_the_corpus(project: Path) -> None:
    text = "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    write(project, [json.dumps({"text": f"Önce başka bir söz. {text}"})]
        + [json.dumps({"text": f"Bu, {number} numaralı metindir."}) for number in range(50)])  # fmt: skip
    (project / "data/raw/eval").mkdir()
    (project / "data/raw/eval/held.jsonl").write_text(json.dumps({"text": text}))
    yaml = YAML()
    params: Any = yaml.load(project / "params.yaml")
    params["eval"]["tasks"] = {"held": {"kind": "text", "path": "data/raw/eval/held.jsonl"}}
    yaml.dump(params, project / "params.yaml")
    done = stage(project)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((project / "reports/slice_corpus/metrics.json").read_text())
    assert metrics["removed"]["contamination"]["documents"] == 1


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_corpus(project: Path) -> None:
    write(project, many(30_000))
    began = time.monotonic()
    assert stage(project).returncode == 0
    takes = time.monotonic() - began
    expected = outputs(project)
    for share in (0.3, 0.5, 0.7, 0.9):
        shutil.rmtree(project / "data/corpus")
        command = [sys.executable, "-m", "stages.slice_corpus"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        killed = subprocess.Popen(command, cwd=project, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(share * takes)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        done = stage(project)
        assert done.returncode == 0, done.stderr
        assert outputs(project) == expected
        assert not list((project / "data").glob(".*"))


@pytest.mark.slow
def test_on_a_local_ray_cluster_of_two_workers_the_documents_are_the_same(project: Path) -> None:
    pytest.importorskip("ray")
    write(project, many(5_000))
    assert stage(project).returncode == 0
    expected = outputs(project)
    shutil.rmtree(project / "data/corpus")
    done = stage(project, DAFT_RUNNER="ray", RAY_worker_niceness="0")
    assert done.returncode == 0, done.stderr
    assert outputs(project) == expected
