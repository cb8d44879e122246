"""`tezgah push`: models to a small hub on loopback, by the real client."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _http

from pipeline.cli.push import run_push
from pipeline.common.errors import UserError
from pipeline.export import push
from tests.helpers.paths import ROOT
from tests.helpers.push_server import Repository, push_hub

NAME = "ornek/masal"
CARD = "---\nlicense: apache-2.0\nlanguage: tr\n---\n\n# Masal\n"
LOCAL_FILES = {  # of an export, with what has no business on the hub
    ".env": "HF_TOKEN=hf_gizli",
    ".cache/state.json": "{}",
    "checkpoint.pt": "weights",
    "optimizer.safetensors": "moments",
    "model.gguf.partial": "half",
    "notes.py": "print()",
}
SENT = ["1_Normalize/config.json", "README.md", "README.tr.md", "config.json", "model.safetensors"]
LEFT_OUT = [".cache", ".env", "checkpoint.pt", "model.gguf.partial", "notes.py", "optimizer.safetensors"]


@pytest.fixture
def server():
    with push_hub() as served:
        yield served


@pytest.fixture
def hub(server, project, monkeypatch):
    """The hub that the client of this process asks, large files going by LFS."""
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(project / "no-token"))
    monkeypatch.setattr(_http.time, "sleep", lambda _seconds: None)  # between its attempts
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    yield server
    huggingface_hub.close_session()


@pytest.fixture
def folder(project) -> Path:
    return write_export(project / "exports/masal")


def write_export(folder: Path, sizes: dict[str, int] | None = None) -> Path:
    """A folder as `tezgah export` writes them, with large files of these sizes."""
    files = LOCAL_FILES | {"README.md": CARD, "README.tr.md": CARD, "config.json": "{}"}
    for name, text in (files | {"1_Normalize/config.json": "[]"}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, size in (sizes or {"model.safetensors": 300_000}).items():
        (folder / name).write_bytes(os.urandom(size))
    return folder


def refusal(folder: Path, name: str = NAME, public: bool = False) -> str:
    """The one line of an error."""
    with pytest.raises(UserError) as raised:
        run_push(folder, name, public, None)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_push_makes_a_private_repository_of_the_models_files_alone(hub, folder, capsys):
    run_push(folder, NAME, False, "İlk masal")
    made = hub.repositories[NAME]
    assert (made.private, made.messages) == (True, ["İlk masal"])
    assert sorted(made.files) == SENT
    assert made.files["README.md"] == CARD.encode()
    assert hub.objects[made.files["model.safetensors"]] == (folder / "model.safetensors").read_bytes()
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [f"{NAME}: made, private", f"left out: {', '.join(LEFT_OUT)}"]
    assert "model.safetensors: 300,000 bytes" in printed
    assert printed[-1] == f"{hub.url}/{NAME}"


def test_push_speaks_turkish(hub, folder, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    run_push(folder, NAME, False, None)
    run_push(folder, NAME, False, None)
    printed = capsys.readouterr().out.splitlines()
    assert f"{NAME}: açıldı, özel" in printed
    assert "model.safetensors: 300.000 bayt" in printed
    assert f"{NAME}: zaten var, özel" in printed
    assert "5 dosyanın 5 tanesi zaten orada" in printed


def test_second_push_sends_nothing_and_a_changed_file_goes_alone(hub, folder, capsys):
    run_push(folder, NAME, True, None)
    assert not hub.repositories[NAME].private
    hub.asked.clear()
    hub.received = 0
    capsys.readouterr()
    run_push(folder, NAME, True, None)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "5 of 5 files are there already",
        f"{hub.url}/{NAME}",
    ]
    assert not [request for request in hub.asked if re.search("PUT|commit|lfs|preupload", request)]
    (folder / "config.json").write_text('{"a": 1}')
    run_push(folder, NAME, True, None)
    assert hub.received == 0
    assert hub.repositories[NAME].files["config.json"] == b'{"a": 1}'
    assert hub.repositories[NAME].messages == ["Add masal"] * 2
    assert "4 of 5 files are there already" in capsys.readouterr().out


def test_push_goes_on_after_dropped_connections_without_sending_twice(hub, project):
    folder = write_export(project / "exports/two", {"a.gguf": 200_000, "b.gguf": 300_000})
    large = {name: (folder / name).read_bytes() for name in ("a.gguf", "b.gguf")}
    hub.faults = [("PUT /large/" + push.sha256(folder / "b.gguf"), "drop")] * 6
    assert "cannot reach the hub" in refusal(folder)
    assert list(hub.objects.values()) == [large["a.gguf"]]
    assert hub.repositories[NAME].files == {}  # all or none
    hub.received = 0
    run_push(folder, NAME, False, None)
    assert hub.received == 300_000
    assert {hub.objects[hub.repositories[NAME].files[name]] for name in large} == set(large.values())


def test_large_file_goes_in_parts_where_the_hub_asks_for_them(hub, folder):
    hub.part_bytes = 100_000
    run_push(folder, NAME, False, None)
    assert list(hub.objects.values()) == [(folder / "model.safetensors").read_bytes()]
    assert len([request for request in hub.asked if request.startswith("PUT")]) == 3


def push_in_a_process(server, project, folder, **environment):
    """A push in a process of its own, with nothing of this one's environment about the hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": server.url, "HF_HOME": str(project / "hf"), "HF_TOKEN": "hf_write"}
    code = "import sys; from pathlib import Path; from pipeline.cli.push import run_push;"
    code += f" run_push(Path(sys.argv[1]), {NAME!r}, False, None)"
    return subprocess.Popen(
        [sys.executable, "-c", code, folder],
        cwd=project,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_file(folder, pattern):
    """Wait until there is a file of this name, for at most a minute."""
    end = time.monotonic() + 60
    while not any(folder.glob(pattern)):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("way", ["lfs", "xet"])
def test_push_goes_on_after_a_kill_without_sending_twice(server, project, way):
    if way == "lfs":
        sizes = {"a.gguf": 200_000, "b.gguf": 300_000}
        folder = write_export(project / "exports/two", sizes)
        first = push.sha256(folder / "a.gguf")
        server.faults = [(f"PUT /large/(?!{first})", "hang")]
        environment = {"HF_HUB_DISABLE_XET": "1"}
        arrived = server.objects
    else:  # hf_xet sends blocks of 64 MiB, and writes down which have arrived
        sizes = {"a.gguf": 80_000_000}
        folder = write_export(project / "exports/two", sizes)
        server.faults = [("POST /v1/xorbs/", "pass"), ("POST /v1/xorbs/", "hang")]
        environment = {}
        arrived = server.chunks
    cut = push_in_a_process(server, project, folder, **environment)
    assert server.wait_for(lambda: server.hanging == 1 and len(arrived) == 1)
    if way == "xet":
        wait_for_file(project / "hf", "xet/**/xorb_metadata/*")
    cut.send_signal(signal.SIGKILL)
    cut.communicate()
    assert server.repositories[NAME].files == {}
    total = sum((folder / name).stat().st_size for name in sizes)
    kept = sum(map(len, arrived.values()))
    server.received = 0
    again = push_in_a_process(server, project, folder, **environment)
    output, errors = again.communicate(timeout=120)
    assert (again.returncode, errors) == (0, ""), errors
    assert f"{NAME}: already exists, private" in output
    assert (
        total - kept <= server.received < total - kept + total // 50
    )  # hf_xet adds some bytes to each piece
    assert "a.gguf" in server.repositories[NAME].files


@pytest.mark.parametrize("name", ["masal", "a/b/c", "ornek/küçük", "ornek/", "-a/b", "https://hf.co/a/b"])
def test_push_refuses_a_name_that_is_no_owner_and_name(hub, folder, name):
    assert refusal(folder, name).startswith(f"NAME: {name!r}: not OWNER/NAME, as in ayse/masal; ")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("exports/yok", "no such folder"),
        (".", "holds the whole project"),
        ("..", "holds the whole project"),
        ("data/raw/corpus", "lies in data/, which is never pushed"),
        (".scratch/train_base", "lies in .scratch/, which is never pushed"),
        ("exports/.masal.partial", "lies in .masal.partial/, which is never pushed"),
    ],
)
def test_push_refuses_a_folder_that_is_no_models(hub, project, place, message):
    if "/" in place and "yok" not in place:
        write_export(project / place)
    assert refusal(Path(place)).startswith(f"{Path(place)}: {message}")
    assert hub.asked == []


def test_push_refuses_a_folder_without_weights_or_card(hub, folder, project):
    (folder / "README.md").unlink()
    assert refusal(folder) == (
        f"{folder / 'README.md'}: missing; run `tezgah export` first, which writes the cards, and push its"
        " folder"
    )
    (folder / "model.safetensors").rename(project / "weights")
    (folder / "model.safetensors").symlink_to(project / "weights")  # out of the folder
    assert "no model in it (*.safetensors, *.gguf, *.onnx, *.html)" in refusal(folder)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("# Masal\n", "license: missing; export again with --license, or write it between --- and ---"),
        ("---\nlicense: mit\n---\n", "language: missing; write it between --- and ---"),
        ("---\nlicense: other\nlanguage: tr\n---\n", "license_name: missing; write it between --- and ---"),
        (
            "---\nlanguage: tr\nlicense: a: b\n---\n",
            "its front matter is no YAML (mapping values are not allowed here, line 3); fix",
        ),
        ("---\n- mit\n---\n", "its front matter is no YAML (repo card metadata block should be a dict)"),
    ],
)
def test_push_refuses_a_card_without_what_the_hub_asks_for(hub, folder, card, message):
    (folder / "README.md").write_text(card)
    assert refusal(folder).startswith(f"{folder}/README.md: {message}")
    assert hub.asked == []


def test_push_refuses_a_card_that_the_hub_refuses(hub, folder):
    (folder / "README.md").write_text(CARD.replace("apache-2.0", "uydurma"))
    assert re.search(
        r"README.md: the hub refuses the front matter \(.*license.* must be one of", refusal(folder)
    )
    assert hub.repositories == {}


def test_push_takes_the_token_of_env_and_refuses_one_that_may_not_write(hub, folder, project, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert refusal(folder).startswith(
        "HF_TOKEN: missing; make a token that may write at https://huggingface.co/"
    )
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    assert refusal(folder).startswith("HF_TOKEN: may only read; make a token that may write")
    monkeypatch.setenv("HF_TOKEN", "hf_yok")
    assert refusal(folder).startswith(f"{NAME}: the hub does not know the token; make one that may write at")
    assert hub.repositories == {}
    monkeypatch.delenv("HF_TOKEN")
    (project / ".env").write_text("HF_TOKEN=hf_write\n")
    run_push(folder, NAME, False, None)
    assert NAME in hub.repositories
    monkeypatch.delenv("HF_TOKEN")


def test_push_shows_nobody_what_was_meant_to_be_private(hub, folder, capsys):
    hub.repositories[NAME] = Repository(private=False)
    assert refusal(folder) == f"{NAME}: is public, so everyone would see it; give --public, or another name"
    assert hub.repositories[NAME].files == {}
    hub.repositories[NAME].private = True
    run_push(folder, NAME, True, None)
    assert hub.repositories[NAME].private
    assert f"note: {NAME}: stays private; its settings page can make it public" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("request_pattern", "fault", "message"),
    [
        ("whoami", 401, "the hub does not know the token"),
        ("repos/create", 403, "the token has no right to write there (not now)"),
        ("preupload", 404, "not there, or not to be seen with this token"),
        ("commit", 409, "something else changes it at the same time (not now); run again"),
        ("lfs", 413, "the hub refuses it (not now)"),
        ("PUT", 403, "the token has no right to write there (not now)"),
        ("repos/create", 503, "cannot reach the hub (not now); run again to resume"),
        ("commit", "drop", "cannot reach the hub (Server disconnected without sending a response.); run"),
        ("commit", "hang", "cannot reach the hub (timed out); run again"),
    ],
)
def test_push_tells_each_refusal_of_the_hub_in_one_line(
    hub, folder, monkeypatch, request_pattern, fault, message
):
    monkeypatch.setattr(push, "TIMEOUT", 0.5 if fault == "hang" else 60)
    hub.faults = [(request_pattern, fault)]
    assert refusal(folder).startswith(f"{NAME}: {message}")
    assert all(repository.files == {} for repository in hub.repositories.values())
    monkeypatch.setattr(push, "TIMEOUT", 60)
    run_push(folder, NAME, False, None)
    assert sorted(hub.repositories[NAME].files) == SENT


def test_push_refuses_an_owner_who_is_another(hub, folder):
    message = refusal(folder, "baskasi/masal")
    assert message.startswith(
        "baskasi/masal: the token has no right to write there (You have no right to create"
    )
    assert "https://huggingface.co/settings/tokens" in message


def test_push_says_that_no_hub_is_reached(hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert refusal(folder).startswith(f"{NAME}: cannot reach the hub ([Errno 111] Connection refused); run")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal(folder) == "HF_HUB_OFFLINE: is set, so nothing can be sent; unset it"


def test_xet_tells_a_refusal_in_one_line(server, project, folder):
    server.faults = [("xet-write-token", 403)]
    done = push_in_a_process(server, project, folder)
    _, errors = done.communicate(timeout=120)
    assert done.returncode == 1
    assert f"UserError: {NAME}: the token has no right to write there (" in errors.splitlines()[-1]
    assert server.repositories[NAME].files == {}
