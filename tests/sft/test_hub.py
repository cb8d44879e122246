"""A set on the hub as a source of conversations: the real client against a small hub, in a process."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.hub_server import REVISION, hub, hub_environment
from tests.helpers.paths import ROOT

LOAD = """
import json, sys
from pipeline.common.errors import UserError
from pipeline.sft.load import load_sources
from pipeline.sft.params import SftParams
from tests.helpers.factories import section_values
for source in json.loads(sys.argv[1]):
    params = SftParams(**section_values("sft", sources={"web": source}))
    try:
        (web,) = load_sources(params)
        print(len(web.conversations), web.findings.rows, web.conversations[0])
    except UserError as error:
        print(error)
"""


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "hub/ornek/sohbetler"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("""---
configs:
- config_name: default
  data_files: [{split: train, path: data/train-*}]
---
""")
    for file in range(2):
        rows = [{"soru": f"{file}-{i}. soru", "cevap": f"{i} numara"} for i in range(300)]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"data/train-{file}.parquet")
    with hub(tmp_path / "hub") as served:
        yield served


def load(tmp_path, server, *sources):
    environment = hub_environment(server, tmp_path)
    command = [sys.executable, "-c", LOAD, json.dumps(sources)]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return result.stdout.splitlines(), result.stderr


def test_conversations_of_a_hub_set(tmp_path, server):
    hub_set = {"dataset": "ornek/sohbetler", "split": "train", "revision": REVISION}
    web = {"kind": "hub", "hub": hub_set}
    lines, errors = load(
        tmp_path,
        server,
        web,
        web | {"max_rows": 40, "columns": {"user": "Soru: {soru}", "assistant": "cevap"}},
        web | {"columns": {"user": "soru", "assistant": "yanıt"}},
        {"kind": "hub", "hub": hub_set | {"revision": None}},
        {"kind": "hub", "hub": hub_set | {"split": "dev"}},
        {"kind": "hub", "hub": hub_set | {"dataset": "ornek/yok"}},
    )
    assert len(lines) == 6, errors
    assert lines[0].startswith("600 600 [{'role': 'user', 'content': '0-0. soru'}")
    assert lines[1].startswith(
        "40 40 [{'role': 'user', 'content': 'Soru: 0-0. soru'}"
    )  # the rest is not read
    key = "params.yaml: sft.sources.web"
    assert lines[2].startswith(f"{key}: ornek/sohbetler row 1: no column 'yanıt'")
    assert lines[3] == f'{key}.hub.revision: missing; ornek/sohbetler is now at "{REVISION}", put that there'
    assert lines[4].startswith(f"{key}.hub.split: 'dev': not there; it has train")
    assert lines[5].startswith(f"{key}.hub.dataset: not there, or not to be read without leave")


def test_a_gated_set_asks_for_a_token(tmp_path, server):
    server.token = "hf_gizli"
    web = {"kind": "hub", "hub": {"dataset": "ornek/sohbetler", "revision": REVISION}}
    (line,), _ = load(tmp_path, server, web)
    assert "put a token in the environment or in .env: HF_TOKEN=hf_" in line
