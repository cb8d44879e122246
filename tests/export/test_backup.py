"""docs/backup.md: what `dvc push` carries to a disk and to S3, and that an empty clone gets it back.

S3 is a real server on loopback, moto's. It needs dvc-s3 and moto, which are no part of the usual environment.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BUCKET = "yedek"
STAGE = """stages:
  train:
    cmd: python train.py
    deps: [train.py]
    outs: [models]
    metrics: [{metrics.json: {cache: false}}]
"""
TRAIN = """import os
os.makedirs("models")
open("models/model.safetensors", "wb").write(os.urandom(20_000_000))
open("models/config.json", "w").write("{}")
open("metrics.json", "w").write("{}")
"""


def run(project: Path, *command: str) -> str:
    """What a command prints, which must succeed."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "deneme",
        "AWS_SECRET_ACCESS_KEY": "deneme",
        "DVC_NO_ANALYTICS": "1",
    }
    if command[0] == "dvc":
        command = (sys.executable, "-m", *command)
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def trained(tmp_path) -> Path:
    """A project with one trained stage, a report in git and text of its own that nobody tracks."""
    project = tmp_path / "trained"
    project.mkdir()
    for name, text in {"dvc.yaml": STAGE, "train.py": TRAIN}.items():
        (project / name).write_text(text)
    run(project, "git", "init", "--quiet")
    run(project, "dvc", "init", "--quiet")
    run(project, "dvc", "repro")
    (project / "data/raw").mkdir(parents=True)
    (project / "data/raw/mine.txt").write_text("benim")
    (project / ".gitignore").write_text("/models\n/data/raw/*\n")
    return project


@pytest.fixture
def s3_url():
    """The address of a real S3 server with one empty bucket."""
    if find_spec("dvc_s3") is None or find_spec("moto") is None:
        pytest.skip("dvc-s3 or moto is not installed")
    boto3 = pytest.importorskip("boto3")

    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(server.stderr.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        keys = {"aws_access_key_id": "deneme", "aws_secret_access_key": "deneme"}
        boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def check_restored(trained: Path) -> None:
    """Push, clone, and compare what the clone pulls with what was trained."""
    run(trained, "git", "add", "--all")
    author = ["-c", "user.name=Deneme", "-c", "user.email=deneme@example.org"]
    run(trained, "git", *author, "commit", "--quiet", "--message", "trained")
    assert "3 files pushed" in run(trained, "dvc", "push")  # two files and the list of their folder
    assert "Everything is up to date" in run(trained, "dvc", "push")
    clone = trained.with_name("clone")
    run(trained.parent, "git", "clone", "--quiet", str(trained), str(clone))
    assert not (clone / "models").exists()
    run(clone, "dvc", "pull")
    for name in ("model.safetensors", "config.json"):
        assert (clone / "models" / name).read_bytes() == (trained / "models" / name).read_bytes()
    assert "up to date" in run(clone, "dvc", "status")
    assert (clone / "metrics.json").exists()  # by git
    assert not (clone / "data/raw").exists()


def test_a_disk_gives_a_run_back_to_an_empty_clone(trained, tmp_path):
    run(trained, "dvc", "remote", "add", "--default", "disk", str(tmp_path / "disk"))
    check_restored(trained)


def test_s3_gives_a_run_back_to_an_empty_clone(trained, s3_url):
    run(trained, "dvc", "remote", "add", "--default", "s3", f"s3://{BUCKET}/masal")
    run(trained, "dvc", "remote", "modify", "s3", "endpointurl", s3_url)
    check_restored(trained)
