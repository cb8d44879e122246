"""`tezgah import hub`: a model from a small hub, by the real client, in a process."""

import subprocess
import sys

import pytest
import torch

from pipeline.model.hf_io import load_decoder
from tests.helpers.hub_server import REVISION, hub, hub_environment
from tests.helpers.stock import write_stock_model

NAME = "ornek/kucuk"
FOLDER = "data/raw/model/kucuk"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    folder = write_stock_model(root / NAME)
    (folder / "pytorch_model.bin").write_bytes(b"code")
    (folder / "modeling.py").write_text("raise SystemExit")
    (folder / "LICENSE").write_text("Apache-2.0")
    other = write_stock_model(root / "ornek/baska", arch="gpt_neox")
    assert other.exists()
    return root


@pytest.fixture
def server(root):
    with hub(root) as served:
        yield served


def fetch(project, server, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "import", "hub", *arguments],
        cwd=project,
        env=hub_environment(server, project),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_fetch_model_takes_its_files_once_and_no_code(project, server, root):
    result = fetch(project, server, NAME, "--revision", REVISION)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{FOLDER}: llama, ")
    assert f"to tune it: sft.init_from: {FOLDER} in params.yaml" in result.stdout
    names = {path.name for path in (project / FOLDER).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "LICENSE"} <= names
    assert not names & {"pytorch_model.bin", "modeling.py", ".cache"}
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(load_decoder(project / FOLDER)(ids), load_decoder(root / NAME)(ids))
    again = fetch(project, server, NAME, "--revision", REVISION)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "already exists; remove it, or name another folder with --to" in again.stderr


def test_fetch_model_goes_on_after_a_broken_download(project, server):
    server.faults = ["drop"] * 20
    broken = fetch(project, server, NAME, "--revision", REVISION)
    assert broken.returncode == 1
    assert "cannot reach the hub" in broken.stderr
    assert not (project / FOLDER).exists()
    server.faults = []
    assert fetch(project, server, NAME, "--revision", REVISION).returncode == 0
    assert load_decoder(project / FOLDER)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([NAME], f"--revision: missing; {NAME} is now at {REVISION}"),
        ([NAME, "--revision", "f" * 40], "--revision: not there; leave it out to be told the current one"),
        (["ornek/yok", "--revision", REVISION], "ornek/yok: not there, or not to be read without leave"),
        (["ornek/baska", "--revision", REVISION], "config.json: model_type: 'gpt_neox': not one of"),
    ],
)
def test_fetch_model_refuses_in_one_line(project, server, arguments, message):
    result = fetch(project, server, *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert message in result.stderr
    assert not any((project / "data/raw/model").iterdir())
    assert server.sent == 0


def test_a_gated_model_asks_for_a_token(project, server):
    server.token = "hf_secret"
    result = fetch(project, server, NAME, "--revision", REVISION)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert f"{NAME}: not there, or not to be read without leave" in result.stderr
    (project / ".env").write_text("HF_TOKEN=hf_secret\n")
    assert fetch(project, server, NAME, "--revision", REVISION).returncode == 0
