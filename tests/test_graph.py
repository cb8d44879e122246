"""dvc.yaml says what each stage reads and writes, no less and no more."""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.cli.graph import describe_causes, differing_keys, edited_files, stages_after, stale_stages
from pipeline.common.fingerprint import code_files, make_fingerprint
from pipeline.common.i18n import translate
from pipeline.common.paths import STAGES
from tests.helpers.closure import TOP, code_deps


@pytest.fixture(scope="module")
def graph(root):
    return YAML(typ="safe", pure=True).load((root / "dvc.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_the_rooms_that_the_script_imports(graph, stage):
    listed = [dep for dep in graph["stages"][stage]["deps"] if dep.startswith(("pipeline", "stages"))]
    assert sorted(listed) == code_deps(stage), "paste the output of `python -m tests.helpers.closure`"


def test_plots_draw_every_curve_once_with_a_title(root, graph):
    # A folder's curves are drawn one after another, so many as there are.
    drawing = YAML(typ="safe", pure=True).load((root / "reports/dvc.yaml").read_text(encoding="utf-8"))
    plots = [(name, entry) for plot in drawing["plots"] for name, entry in plot.items()]
    drawn = [path for name, entry in plots for path in entry.get("y", [name])]
    assert len(drawn) == len(set(drawn))
    curves = [path.relative_to(root / "reports") for path in tracked_files(root, "reports")]
    known = {parent.as_posix() for path in curves for parent in (path, path.parent)}
    assert set(drawn) <= known
    patterns = ("*/plots/*.tsv", "*/live/plots/metrics/*.tsv")
    assert {path.as_posix() for path in curves if any(map(path.match, patterns))} <= set(drawn)
    assert all(entry["title"] for _, entry in plots)
    assert all(entry["x"] == "step" for name, entry in plots if not name.startswith("slice_corpus"))
    # What a stage declares as plots is drawn a second time, untitled, over the row number.
    assert not [name for name, stage in graph["stages"].items() if "plots" in stage]


def test_inits_are_empty(root):
    assert not [path for path in root.glob("pipeline/**/__init__.py") if path.stat().st_size]
    assert not (root / "stages/__init__.py").stat().st_size


def test_default_run_is_committed_and_nothing_that_varies(root, graph):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    files = tracked.stdout.splitlines()
    assert "dvc.lock" in files
    assert {f"reports/{stage}/metrics.json" for stage in STAGES} <= set(files)
    unwanted = (".scratch", "models/", "data/corpus", "data/shards")
    assert not [f for f in files if f.endswith("timing.json") or f.startswith(unwanted)]
    assert {f"data/raw/{room}/.gitkeep" for room in ("corpus", "sft", "eval", "morph", "model")} <= set(files)


def tracked_files(root, path):
    """The files of a folder or file that git tracks, sorted by their path below it."""
    listed = subprocess.run(
        ["git", "-c", "core.quotePath=false", "ls-files", "--", path],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(root / file for file in listed.stdout.splitlines())


def dvc_hash(root, path):
    """The md5 that dvc.lock has for a dependency; a folder's is that of the list of its files."""
    files = [(file, hashlib.md5(file.read_bytes()).hexdigest()) for file in tracked_files(root, path)]
    if (root / path).is_file():
        return files[0][1]
    rows = [{"md5": md5, "relpath": file.relative_to(root / path).as_posix()} for file, md5 in files]
    return hashlib.md5(json.dumps(rows, sort_keys=True).encode()).hexdigest() + ".dir"


def outdated(root, lock):
    """The code dependencies of dvc.lock's stages whose tracked files differ from those that ran."""
    deps = {dep["path"]: dep["md5"] for stage in lock.values() for dep in stage["deps"]}
    return [path for path, md5 in deps.items() if path.startswith(TOP) and dvc_hash(root, path) != md5]


@pytest.mark.slow
def test_committed_run_is_of_the_committed_code_and_params(root):
    lock = YAML(typ="safe", pure=True).load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    shipped = YAML(typ="safe", pure=True).load((root / "params.yaml").read_text(encoding="utf-8"))
    assert not outdated(root, lock), "the code has changed since: run `dvc repro` and commit dvc.lock"
    for stage in lock.values():
        for key, values in stage["params"]["params.yaml"].items():
            assert reduce(getitem, key.split("."), shipped) == values


@pytest.fixture
def room(tmp_path, monkeypatch, root):
    """A project of one stage that depends on a room, run once and committed."""
    (tmp_path / "pipeline/room/deep").mkdir(parents=True)
    (tmp_path / "pipeline/room/deep/a.py").write_text("one = 1\n")
    (tmp_path / "pipeline/room/ş.txt").write_text("bir\n", encoding="utf-8")
    shutil.copy(root / ".dvcignore", tmp_path)
    shutil.copy(root / "params.yaml", tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {train_base: {cmd: 'true', deps: [pipeline/room]}}")
    monkeypatch.chdir(tmp_path)
    for command in (
        "git init -q", "git config user.email a@b", "git config user.name a",
        f"{sys.executable} -m dvc init -q",
        f"{sys.executable} -m dvc repro -q", "git add -A", "git commit -qm one",
    ):  # fmt: skip
        subprocess.run(command.split(), check=True)
    return tmp_path


def test_dvc_hash_is_dvcs_own_and_an_edit_deep_in_a_room_is_outdated(room):
    lock = YAML(typ="safe", pure=True).load((room / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert outdated(room, lock) == []
    (room / "pipeline/room/deep/a.py").write_text("one = 2\n")
    assert outdated(room, lock) == ["pipeline/room"]


def test_droppings_of_editors_make_no_stage_stale(room):
    for name in (
        "a.py~", ".a.py.swp", ".DS_Store", ".ipynb_checkpoints/a.py", "a.py.orig", "a.py.rej", ".#a.py",
        "#a.py#", "__pycache__/a.cpython-311.pyc", "a.pyc",
    ):  # fmt: skip
        path = room / "pipeline/room/deep" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert stale_stages() == {}
    before = make_fingerprint("train_base", {}, [])
    assert code_files("train_base") == [Path("pipeline/room/deep/a.py"), Path("pipeline/room/ş.txt")]
    (room / "pipeline/room/deep/b.py").write_text("two = 2\n")
    assert stale_stages() == {"train_base": "pipeline/room/deep/b.py untracked"}
    assert make_fingerprint("train_base", {}, []) != before


def test_stale_stage_names_the_files_that_changed_since_its_run(room):
    (room / "pipeline/room/ş.txt").write_text("iki\n", encoding="utf-8")
    (room / "pipeline/room/deep/a.py").unlink()
    assert stale_stages() == {"train_base": "pipeline/room/deep/a.py deleted, pipeline/room/ş.txt modified"}
    subprocess.run(["git", "commit", "-qam", "two"], check=True)  # the lock is of the commit before
    assert stale_stages() == {"train_base": "pipeline/room/deep/a.py deleted, pipeline/room/ş.txt modified"}
    shutil.rmtree(room / ".git")
    causes = [{"changed deps": {"pipeline/room": "modified"}}]
    assert describe_causes(causes, [], edited_files()) == "pipeline/room modified"


def test_dvc_yaml_is_short(root):
    lines = (root / "dvc.yaml").read_text(encoding="utf-8").splitlines()
    assert sum(line.strip().startswith(("- pipeline/", "- stages/")) for line in lines) < 90


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
def test_gitignore(root, path, ignored):
    done = subprocess.run(["git", "check-ignore", "-q", path], cwd=root, check=False)
    assert (done.returncode == 0) == ignored


def test_stages_after_names_what_each_reads_from():
    assert list(stages_after(["slice_corpus"])) == list(STAGES)
    assert stages_after(["train_base", "evaluate"]) == {
        "train_base": "",
        "train_sft": "train_base",
        "evaluate": "",
    }
    assert stages_after(["train_sft"])["evaluate"] == "train_sft"
    assert stages_after([]) == {}


def test_describe_causes_in_a_few_words(monkeypatch):
    params = {"changed deps": {"params.yaml": {"train": "modified"}}}
    old, new = {"train": {"steps": 1, "clip": 2}, "seed": 1}, {"train": {"steps": 2, "clip": 2}, "seed": 1}
    assert (
        describe_causes([params, "changed command"], differing_keys(old, new), {})
        == "train.steps, changed command"
    )
    assert describe_causes([params], [], {}) == "train"  # never run
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    causes = {"changed deps": {"pipeline/a.py": "modified"}, "changed outs": {"models/base": "not in cache"}}
    described = translate(describe_causes([causes, "changed command", params], [], {}))
    assert described == "pipeline/a.py değişti, models/base önbellekte yok, komut değişti ve 1 tane daha"
    absent = [{"changed outs": {"models/base": "deleted"}}]
    assert describe_causes(absent, [], {}) == "not built on this machine"
    many = {"changed deps": {f"pipeline/{n}.py": "modified" for n in range(5)}}
    assert describe_causes([many], [], {}).endswith("pipeline/2.py modified and 2 more")


def expand_braces(text):
    """`data/{a,b}` as `data/a data/b`, for every word of a text."""
    words = []
    for word in text.split():
        head, brace, rest = word.partition("{")
        inner, _, tail = rest.partition("}")
        words += [head + name + tail for name in inner.split(",")] if brace else [word]
    return [word.strip(".,`") for word in words]


@pytest.mark.parametrize("stage", STAGES)
def test_stage_help_names_what_it_reads_and_writes(root, graph, stage):
    module = ast.parse((root / f"stages/{stage}.py").read_text(encoding="utf-8"))
    (main,) = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    words = expand_braces(ast.get_docstring(main))
    entry = graph["stages"][stage]
    outs = [out if isinstance(out, str) else next(iter(out)) for out in entry["outs"]]
    paths = [path for path in entry["deps"] + outs if path.startswith(("data/", "models/"))]
    named = {path for path in paths for word in words if path == word or path.startswith(word + "/")}
    assert set(paths) == named
    assert f"reports/{stage}" in " ".join(words)
    assert {key.split(".")[0] for key in entry["params"]} <= {word.split(".")[0] for word in words}


def test_stage_of_several_processes_prints_its_help(root):
    command = [sys.executable, "-m", "stages.train_base", "--help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "Reads params" in done.stdout
