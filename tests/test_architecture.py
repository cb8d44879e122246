"""docs/architecture.md says what the code does: the rooms, what each may import, and files that exist."""

import ast
import re
import subprocess
import sys

import pytest

from pipeline.common.paths import STAGES
from tests.helpers.closure import closure, imports, room
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
WITHOUT_TORCH = (
    "common",
    "text",
    "turkish",
    "miniworld",
    "data",
    "readers",
    "search",
    "hub",
    "eval_sets",
    "overlap",
    "corpus",
    "tokenizer",
    "shards",
)


def rooms() -> dict[str, set[str]]:
    """Every room of pipeline/ and the other rooms that its files import."""
    imported: dict[str, set[str]] = {}
    for file in ROOT.glob("pipeline/*/**/*.py"):
        own = room(file).removeprefix("pipeline/")
        others = {room(other).removeprefix("pipeline/") for other in imports(file)}
        imported.setdefault(own, set()).update(others - {own})
    return imported


def table() -> dict[str, set[str]]:
    """The table "What may import what" of the page."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.split("## What may import what")[1], flags=re.M)
    return {name: set(re.findall(r"`(\w+)`", others)) for name, others in rows}


def test_rooms_import_what_the_page_says():
    assert table() == rooms()


def test_rooms_form_no_circle():
    left = rooms()
    while left:
        done = {name for name, others in left.items() if not others & left.keys()}
        assert done, f"these import one another: {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in done}


def test_pipeline_holds_no_module_of_its_own():
    assert [path.name for path in (ROOT / "pipeline").glob("*.py")] == ["__init__.py"]


def test_page_names_every_room_and_nothing_else():
    named = re.findall(r"^\| `pipeline/([\w/]+)/` \|", PAGE, flags=re.M)
    folders = {
        path.relative_to(ROOT / "pipeline").as_posix()
        for path in (ROOT / "pipeline").rglob("*")
        if path.is_dir() and path.name != "__pycache__"
    }
    assert set(named) == folders


@pytest.mark.parametrize("page", ["docs/architecture.md", "README.md", "README.tr.md"])
def test_paths_named_in_a_page_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:pipeline|stages|tests|benchmarks|presets)/[\w/.-]*)`", text)
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def reading_lists() -> dict[str, list[tuple[str, int]]]:
    """For each stage the files to read, with their lines as the page says."""
    parts = re.split(r"^### `(\w+)`", PAGE.split("## Where to start reading")[1], flags=re.M)[1:]
    rows = [re.findall(r"^\| `([\w/.]+)` \| (\d+) \|", part, flags=re.M) for part in parts[1::2]]
    return {
        stage: [(file, int(lines)) for file, lines in files]
        for stage, files in zip(parts[::2], rows, strict=True)
    }


def test_reading_lists_lead_through_every_stage():
    lists = reading_lists()
    assert tuple(lists) == STAGES
    for stage, files in lists.items():
        named = [ROOT / file for file, _ in files if file.endswith(".py")]
        assert set(named) <= closure(ROOT / f"stages/{stage}.py")
        for path, (_, lines) in zip(named, [row for row in files if row[0].endswith(".py")], strict=True):
            counted = len(path.read_text(encoding="utf-8").splitlines())
            assert abs(counted - lines) <= max(5, lines // 10), f"{path} has {counted} lines"


def test_reading_list_of_pretraining_is_short():
    files = reading_lists()["train_base"]
    assert len(files) <= 16
    assert sum(lines for _, lines in files) <= 1850


def test_stage_scripts_are_short():
    for script in (ROOT / "stages").glob("[a-z]*.py"):
        assert len(script.read_text(encoding="utf-8").splitlines()) <= 70, script


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_room_imports_no_torch(name):
    for file in (ROOT / "pipeline" / name).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [module for module in modules if module.split(".")[0] == "torch"], file


def test_importing_the_library_installs_nothing():
    code = (
        "import sys; hook = sys.excepthook; import pipeline.common.errors, pipeline.cli.check;"
        " print(sys.excepthook is hook)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
