"""`tezgah tasks`: the list, and the download of a set from a hub by the real client.

The client reads HF_ENDPOINT once, so each download is a process.
"""

import json
import os
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli.check import check_params
from pipeline.cli.tasks import task_table
from pipeline.common.errors import UserError
from tests.helpers.hub_server import REVISION, hub, hub_environment
from tests.helpers.small import set_params, write_task

ROWS = [
    {"sentence1": "Kedi uyuyor.", "sentence2": "Bir kedi uyuyor.", "score": 4.5},
    {"sentence1": "Kedi uyuyor.", "sentence2": "Uçak havalandı.", "score": 0.0},
]
SET = {"dataset": "ornek/benzerlik", "split": "test", "revision": REVISION}


@pytest.fixture
def server(tmp_path_factory):
    """A hub with a set of two pairs."""
    root = tmp_path_factory.mktemp("hub")
    (root / "ornek/benzerlik/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), root / "ornek/benzerlik/data/test-00000-of-00001.parquet")
    with hub(root) as served:
        yield served


def fetch(project, server, name="pairs"):
    environment = hub_environment(server, project / "hf")
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "tasks", "fetch", name],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def show():
    console = Console(width=160)
    with console.capture() as printed:
        console.print(task_table())
    return {line.split("│")[1].strip(): line for line in printed.get().splitlines() if "│" in line}


def test_tasks_lists_every_task_and_whether_its_data_is_here(project):
    (project / "data/raw/eval/heldout.jsonl").write_text('{"text": "Bir"}\n')
    lines = show()
    assert "text" in lines["heldout"]
    assert "here" in lines["heldout"]
    assert "get by hand" in lines["turblimp"]
    for word in ("similarity", "fetch", "unmeasured"):
        assert word in lines["stsb_tr"]
    (project / "tasks/mine.yaml").write_text("name: mine\n")
    with pytest.raises(UserError, match=r"^tasks/mine\.yaml: kind: missing"):
        show()


def test_tasks_fetch_downloads_a_pinned_set_once_and_check_reads_it(project, server):
    write_task(project, "pairs", "similarity", hub=SET)
    set_params(project, "eval", tasks=["pairs"])
    with pytest.raises(UserError, match="`tezgah tasks fetch pairs` downloads it"):
        check_params()
    done = fetch(project, server)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "data/raw/eval/pairs.jsonl: 2 rows of ornek/benzerlik; license: CC0\n"
    lines = (project / "data/raw/eval/pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == ROWS
    check_params()
    asked = len(server.asked)
    assert fetch(project, server).stdout == "data/raw/eval/pairs.jsonl: is here already\n"
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hub": None}, "tasks/pairs.yaml: hub: missing, so get the files by hand: a test; they belong at"),
        (
            {"hub": SET | {"revision": None}},
            f'tasks/pairs.yaml: hub.revision: missing; .* now at "{REVISION}"',
        ),
        ({"hub": SET | {"split": "dev"}}, "tasks/pairs.yaml: hub.split: 'dev': not there; it has test"),
        (
            {"hub": SET | {"dataset": "ornek/yok"}},
            "tasks/pairs.yaml: hub.dataset: not there, or not to be read",
        ),
        ({"hub": SET, "columns": {"score": "puan"}}, "no column 'puan' .tasks/pairs.yaml: columns.score"),
    ],
)
def test_tasks_fetch_refuses_in_one_line_and_leaves_nothing(project, server, changes, message):
    write_task(project, "pairs", "similarity", **changes)
    done = fetch(project, server)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert list((project / "data/raw/eval").iterdir()) == []


def test_tasks_fetch_of_an_unknown_task_names_the_nearest(project, server):
    done = fetch(project, server, "turblmp")
    assert done.stderr == "error: tasks/turblmp.yaml: no such task; did you mean 'turblimp'?\n"


def test_no_stage_downloads(project, server):
    """A stage with a task that is not here stops, and asks no hub."""
    write_task(project, "pairs", "similarity", hub=SET)
    set_params(project, "eval", tasks=["pairs"])
    environment = {**os.environ, "HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "stages.slice_corpus"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "`tezgah tasks fetch pairs` downloads it" in done.stderr
    assert server.asked == []
