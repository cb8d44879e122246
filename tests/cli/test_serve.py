"""`tezgah serve` from the shell: what it refuses, how it starts, and how it ends."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from pipeline.cli import packages
from pipeline.cli.serve import is_loopback, run_server
from pipeline.common.errors import UserError

OPTIONS = {
    "models": [], "encoder": None, "docs": None, "host": "127.0.0.1", "port": 0, "token": None, "slots": 2,
    "max_waiting": 4, "seconds": 10.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"port": 70_000}, "--port: 70000: give 1 to 65535, or 0 for a free one"),
        ({"slots": 0}, "--slots: 0: give 1 to 1024"),
        ({"max_waiting": -1}, "--queue: -1: give 0 or more"),
        ({"seconds": 0.0}, "--seconds: 0: give a number above 0"),
        ({"host": "0.0.0.0"}, "--host: 0.0.0.0: others can reach this address; give a secret"),
        ({"host": "::"}, "--host: ::: others can reach this address"),
        ({"token": " "}, "--token: give ASCII letters"),
        ({"token": "gizli söz"}, "--token: give ASCII letters"),
        ({"host": "no.such.host.invalid", "token": "a"}, "--host: no.such.host.invalid: no such address"),
        ({"host": "192.0.2.1", "token": "a"}, "--host: 192.0.2.1: no address of this machine"),
    ],
)
def test_run_server_refuses_options_out_of_range(changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        run_server(**OPTIONS | changes)


def test_run_server_names_a_port_that_is_in_use(model_folders):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port}: Address already in use; name another --port"):
            run_server(**OPTIONS | {"port": port, "models": [f"{model_folders}/sft"]})


def test_run_server_names_a_model_that_is_missing_or_half_written(tmp_path, monkeypatch, model_folders):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="models/sft: no model there"):
        run_server(**OPTIONS)
    half = tmp_path / "half"
    half.mkdir()
    for name in ("config.json", "tokenizer.model"):
        (half / name).write_bytes((model_folders / "sft" / name).read_bytes())
    with pytest.raises(UserError, match=r"half/model.safetensors: no such file"):
        run_server(**OPTIONS | {"models": [str(half)]})
    (half / "model.safetensors").write_bytes((model_folders / "sft/model.safetensors").read_bytes()[:1000])
    with pytest.raises(UserError, match=r"half: damaged: "):
        run_server(**OPTIONS | {"models": [str(half)]})
    with pytest.raises(UserError, match="given twice"):
        run_server(**OPTIONS | {"models": [f"{model_folders}/sft", f"{model_folders}/base/../sft"]})


def test_run_server_names_missing_packages(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(UserError, match=re.escape("uvicorn: not installed; run `pip install -e '.[serve]'`")):
        run_server(**OPTIONS)


def test_is_loopback():
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.3.2.1", "::1"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "192.168.1.5", "example.org"))


def test_serve_from_the_shell_until_ctrl_c(model_folders):
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--port", "0", str(model_folders / "sft")]
    program = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        line = program.stdout.readline()
        url = re.match(r"(http://127\.0\.0\.1:\d+): a page to talk with sft", line)[1]
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as response:
            assert json.load(response)["data"][0]["id"] == "sft"
        with urllib.request.urlopen(url, timeout=10) as response:
            assert b"<title>Tezg" in response.read()
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=20)
    finally:
        program.kill()
    assert program.returncode == 0
    assert errors == "Ctrl-C ends\n"
