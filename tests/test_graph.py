"""dvc.yaml says what each stage reads and writes, no less and no more."""

import hashlib
import subprocess
from functools import reduce
from operator import getitem

import pytest
from ruamel.yaml import YAML

from tests.helpers.closure import code_deps

STAGES = [
    "slice_corpus",
    "train_tokenizer",
    "pack_shards",
    "train_encoder",
    "train_base",
    "train_sft",
    "evaluate",
]


@pytest.fixture(scope="module")
def graph(root):
    return YAML(typ="safe", pure=True).load((root / "dvc.yaml").read_text(encoding="utf-8"))


def test_the_seven_stages_in_their_order(graph):
    assert list(graph["stages"]) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_exactly_what_the_script_imports(graph, stage):
    listed = [dep for dep in graph["stages"][stage]["deps"] if dep.startswith(("pipeline", "stages"))]
    assert sorted(listed) == code_deps(stage), "paste the output of `python tests/closure.py`"


def test_every_curve_is_drawn_once_with_a_title(root, graph):
    # A folder's curves are drawn one after another, so many as there are.
    drawing = YAML(typ="safe", pure=True).load((root / "reports/dvc.yaml").read_text(encoding="utf-8"))
    plots = [(name, entry) for plot in drawing["plots"] for name, entry in plot.items()]
    drawn = [path for name, entry in plots for path in entry.get("y", [name])]
    assert len(drawn) == len(set(drawn)) == 18
    assert all(entry["title"] for _, entry in plots)
    assert all(entry["x"] == "step" for name, entry in plots if not name.startswith("slice_corpus"))
    # What a stage declares as plots is drawn a second time, untitled, over the row number.
    assert not [name for name, stage in graph["stages"].items() if "plots" in stage]


def test_inits_are_empty(root):
    assert not [path for path in root.glob("pipeline/**/__init__.py") if path.stat().st_size]
    assert not (root / "stages/__init__.py").stat().st_size


def test_the_default_run_is_committed_and_nothing_that_changes_by_itself(root, graph):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    files = tracked.stdout.splitlines()
    assert "dvc.lock" in files
    assert {f"reports/{stage}/metrics.json" for stage in STAGES} <= set(files)
    unwanted = (".scratch", "models/", "data/corpus", "data/shards")
    assert not [f for f in files if f.endswith("timing.json") or f.startswith(unwanted)]
    assert {f"data/raw/{room}/.gitkeep" for room in ("corpus", "sft", "eval", "morph", "model")} <= set(files)


@pytest.mark.slow
def test_the_committed_run_is_of_the_committed_code_and_params(root):
    lock = YAML(typ="safe", pure=True).load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    shipped = YAML(typ="safe", pure=True).load((root / "params.yaml").read_text(encoding="utf-8"))
    for stage in lock.values():
        for dep in stage["deps"]:
            if dep["path"].endswith(".py"):
                found = hashlib.md5((root / dep["path"]).read_bytes()).hexdigest()
                assert found == dep["md5"], f"{dep['path']} changed since: run `dvc repro` and commit it"
        for key, values in stage["params"]["params.yaml"].items():
            assert reduce(getitem, key.split("."), shipped) == values


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        (".env", True),
        (".venv/bin/python", True),
        (".scratch/train_base/x/checkpoint.pt", True),
        ("data/raw/corpus/mine.txt", True),
        ("data/raw/corpus/mine.txt.dvc", False),
        ("data/raw/eval/turblimp/a.csv", True),
        ("data/raw/eval/turblimp/a.csv.dvc", False),
        ("data/raw/corpus/.gitignore", False),
        ("data/corpus/train/part-00000.parquet", True),
        ("models/base/model.safetensors", True),
        ("reports/train_base/timing.json", True),
        ("reports/train_base/metrics.json", False),
        ("reports/train_base/live/plots/metrics/val_loss.tsv", False),
    ],
)
def test_what_git_sees(root, path, ignored):
    done = subprocess.run(["git", "check-ignore", "-q", path], cwd=root, check=False)
    assert (done.returncode == 0) == ignored


def test_what_runs_after_what():
    from pipeline.cli.graph import after

    assert list(after(["slice_corpus"])) == list(STAGES)
    assert after(["train_base", "evaluate"]) == {"train_base": "", "train_sft": "train_base", "evaluate": ""}
    assert after(["train_sft"])["evaluate"] == "train_sft"
    assert after([]) == {}


def test_what_dvc_status_tells_in_a_few_words():
    from pipeline.cli.graph import differing, reason

    params = {"changed deps": {"params.yaml": {"train": "modified"}}}
    old, new = {"train": {"steps": 1, "clip": 2}, "seed": 1}, {"train": {"steps": 2, "clip": 2}, "seed": 1}
    assert reason([params, "changed command"], differing(old, new)) == "train.steps, changed command"
    assert reason([params], []) == "train"  # never run
    assert reason([{"changed outs": {"models/base": "deleted"}}], []) == "not built on this machine"
    many = {"changed deps": {f"pipeline/{n}.py": "modified" for n in range(5)}}
    assert reason([many], []).endswith("pipeline/2.py modified and 2 more")


def test_the_estimate_knows_all_stages_in_order():
    from pipeline.cli.estimate import STAGES as estimated

    assert list(estimated) == list(STAGES)
