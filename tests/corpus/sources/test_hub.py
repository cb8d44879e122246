"""Sets on a hub: the real client against a small one. It reads HF_ENDPOINT once, so each run is a process."""

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.data.reader import read_documents
from tests.helpers.hub_server import REVISION, Hub, hub, hub_environment
from tests.helpers.paths import ROOT

STEMS = ("kara", "deniz", "yol", "dağ", "göl", "kitap", "kalem", "ev", "ağaç", "kuş", "su", "taş", "bulut")
ENDINGS = ("", "lar", "dan", "a", "ı", "da", "la", "ca", "sız", "lık", "cı", "ki")
README = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: test, path: data/test-*}
- config_name: lines
  data_files: lines/*.jsonl.gz
---
"""


def text(file: int, row: int) -> str:
    rng = random.Random(1000 * file + row)
    words = [f"{rng.choice(STEMS)}{rng.choice(ENDINGS)}" for _ in range(60)]
    return f"Bu, {file}. dosyanın {row}. belgesidir; sözleri {' '.join(words)} olarak geçer."


def add_file(folder: Path, file: int, rows: int) -> None:
    table = {"content": [text(file, row) for row in range(rows)], "url": ["https://…" * 20] * rows}
    path = folder / f"data/train-{file:05}.parquet"
    pq.write_table(pa.table(table), path, row_group_size=rows // 16)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub/ornek/metinler"
    (folder / "data").mkdir(parents=True)
    (folder / "lines").mkdir()
    (folder / "README.md").write_text(README)
    for file in range(4):
        add_file(folder, file, 400)
    pq.write_table(pa.table({"content": ["deneme"]}), folder / "data/test-00000.parquet")
    with gzip.open(folder / "lines/a.jsonl.gz", "wt") as lines:
        lines.writelines(
            json.dumps({"title": f"Başlık {row}", "body": text(9, row)}) + "\n" for row in range(300)
        )
    with hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("corpus", "sft", "eval", "morph"):
        (folder / "data/raw" / name).mkdir(parents=True)
    for name in ("dvc.yaml", "pipeline", "stages", "presets"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def run_slice_corpus(project: Path, server: Hub, **source: Any) -> subprocess.CompletedProcess[str]:
    yaml = YAML()
    params: Any = yaml.load(ROOT / "params.yaml")
    changes = source.pop("corpus", {})
    params["corpus"]["sources"]["miniworld"] |= {"documents": 200, "weight": 0.01}
    params["corpus"]["sources"]["web"] = {
        "kind": "hub",
        "dataset": "ornek/metinler",
        "revision": REVISION,
        "without": ["repetition", "lines", "prose", "near_copies"],
        **source,
    }
    params["corpus"].update(changes)
    yaml.dump(params, project / "params.yaml")
    return run_python(project, server, "-m", "stages.slice_corpus")


def run_python(project: Path, server: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = hub_environment(server, project / "hf") | {"COLUMNS": "120"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def texts(project: Path) -> set[str]:
    folders = [project / "data/corpus" / split for split in ("train", "val", "test")]
    rows = [document for folder in folders for document in read_documents(folder)]
    return {document["text"] for document in rows if document["source"] == "web"}


@pytest.mark.slow
def test_hub_split_is_complete_despite_server_errors(project: Path, server: Hub) -> None:
    server.faults = [503, "drop", 429, 500]
    result = run_slice_corpus(project, server)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert texts(project) == {text(file, row).strip() for file in range(4) for row in range(400)}
    assert "corpus.sources.web: the text is column 'content'" in result.stdout


def test_max_bytes_downloads_about_that_much_from_all_files(project: Path, server: Hub) -> None:
    for file in range(4):
        add_file(server.root / "ornek/metinler", file, 4000)
    everything = sum(file.stat().st_size for file in server.root.rglob("train-*.parquet"))
    result = run_slice_corpus(project, server, corpus={"max_bytes": 800_000})
    assert result.returncode == 0, result.stderr
    kept = sum(len(text.encode()) for text in texts(project))
    assert 780_000 <= kept <= 800_000
    assert server.sent < everything / 3
    assert len({text.split(".")[0] for text in texts(project)}) > 1  # files


@pytest.mark.slow
def test_hub_file_download_resumes_after_a_dropped_connection(project: Path, server: Hub) -> None:
    path = server.root / "ornek/metinler/lines/a.jsonl.gz"
    with gzip.open(path, "at") as lines:  # the client goes on in steps of 10 MB
        for _ in range(3):
            noise = random.randbytes(10 << 20).hex()
            lines.write(json.dumps({"title": "", "body": "", "noise": noise}) + "\n")
    size = path.stat().st_size
    server.faults = ["drop"]
    result = run_slice_corpus(project, server, config="lines", text_column="{title}\n\n{body}")
    assert result.returncode == 0, result.stderr
    assert texts(project) == {f"Başlık {row}\n{text(9, row).strip()}" for row in range(300)}
    assert server.sent < 2 * size
    assert not list((project / ".scratch").rglob("*.gz"))


def test_hub_file_errors_name_the_url(project: Path, server: Hub) -> None:
    with gzip.open(server.root / "ornek/metinler/lines/a.jsonl.gz", "at") as lines:
        lines.write('{"title": "Ya')
    result = run_slice_corpus(project, server, config="lines", text_column="{title}\n\n{body}")
    assert result.returncode == 1
    name = f"hf://datasets/ornek/metinler@{REVISION}/lines/a.jsonl.gz"
    assert result.stderr.startswith(f"error: {name}:301: not JSON")
    assert result.stderr.count("\n") == 1


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"revision": None}, f'web.revision: missing; ornek/metinler is now at "{REVISION}", put that there'),
    ({"revision": "f" * 40}, "web.revision: not there; leave it out to be told the current one"),
    ({"dataset": "ornek/yok"}, "web.dataset: not there, or not to be read without leave"),
    ({"split": "dev"}, "web.split: 'dev': not there; it has train, test"),
    ({"config": "tr"}, "web.config: 'tr': "),
    ({"text_column": "body"}, "no column 'body'; set text_column"),
    ({"dataset": "ornek/betik"}, "needs a script of its own, which is not supported"),
]


def test_list_hub_shards_errors_are_one_line(project: Path, server: Hub) -> None:
    (server.root / "ornek/betik").mkdir()
    (server.root / "ornek/betik/betik.py").write_text("import datasets")
    (project / "ask.py").write_text(
        "import json, sys\n"
        "from pipeline.corpus.sources import hub\n"
        "from pipeline.corpus.params import HubSource\n"
        "from pipeline.common.errors import UserError\n"
        "for given in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        print(hub.list_hub_shards('web', HubSource(**given), True))\n"
        "    except UserError as error:\n"
        "        print(error)\n"
    )
    given = {"kind": "hub", "dataset": "ornek/metinler", "revision": REVISION}
    asked = json.dumps([given | source for source, _ in FAULTS])
    result = run_python(project, server, "ask.py", asked)
    messages = result.stdout.splitlines()
    assert len(messages) == len(FAULTS), result.stderr
    for (_, message), line in zip(FAULTS, messages, strict=True):
        assert message in line


def test_hub_access_without_network_is_one_line(
    project: Path, server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "url", "http://127.0.0.1:9")
    result = run_slice_corpus(project, server, revision=None)
    assert result.returncode == 1
    says = r"error: corpus.sources.web: cannot reach the hub \(.+\); run again.+\n"
    assert re.fullmatch(says, result.stderr)


@pytest.mark.slow
def test_hub_access_takes_the_token_from_env_and_never_prints_it(project: Path, server: Hub) -> None:
    server.token = "hf_gizli"
    result = run_slice_corpus(project, server)
    assert result.returncode == 1
    assert "put a token in the environment or in .env: HF_TOKEN=hf_" in result.stderr
    (project / ".env").write_text('# of mine\nHF_TOKEN="hf_gizli"\n')
    result = run_slice_corpus(project, server)
    assert result.returncode == 0, result.stderr
    assert "gizli" not in result.stdout + result.stderr
    written = [file.read_bytes() for file in project.rglob("*") if file.is_file() and file.name != ".env"]
    assert not any(b"hf_gizli" in content for content in written)
