"""`tezgah compare`: where runs are found, what is printed, and what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.cli.compare import ITEMS_FILE, find_items, run_compare
from pipeline.common.errors import UserError
from pipeline.common.i18n import load_catalog
from pipeline.evaluation.items import Items, write_items


def write_run(path: Path, share: float, seed: int = 0, version: int = 1, first: int = 0, more: str = ""):
    """Write the items of a run that has `share` of its pairs right, and a text."""
    random = np.random.default_rng(seed)
    right = random.random(400) < share
    keys = np.arange(400) + first
    tasks = {
        "minimal_pairs.x": Items(
            keys, keys // 2, ["a"] * 200 + ["b"] * 200, scores={"base": right * 1.0}, right={"base": right}
        ),
        "bits_per_byte.val": Items(keys, keys, scores={"base": random.uniform(1, 2, 400)}),
    }
    if more:
        tasks[more] = Items(keys, keys, scores={"sft": right * 1.0}, right={"sft": right})
    subsets = {"minimal_pairs.x": {"few": ["b"]}}
    write_items(path, tasks, {"bits_per_byte.val": version}, subsets)


def git(*arguments: str, folder: Path = Path()) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository: the first commit has no items, the second has, and so has an experiment."""
    folder = tmp_path_factory.mktemp("template")
    git("init", "-q", "-b", "main", folder=folder)
    git("commit", "-qm", "empty", "--allow-empty", folder=folder)
    for name, share in (("experiment", 0.9), ("main", 0.5)):
        git("checkout", "-q", "-B", name, "main", folder=folder)
        write_run(folder / ITEMS_FILE, share)
        git("add", str(ITEMS_FILE), folder=folder)
        git("commit", "-qm", name, folder=folder)
    git("update-ref", "refs/exps/12/3456/barley-wine", "experiment", folder=folder)
    git("branch", "-qD", "experiment", folder=folder)
    return folder


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    """A copy of the repository, as the folder in which the command runs."""
    shutil.copytree(template, tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "repository"


def rows(capsys, *sides: str) -> list[dict]:
    run_compare(*sides, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def show(capsys, *sides: str) -> str:
    run_compare(*sides, as_json=False)
    return capsys.readouterr().out


def test_runs_are_found_as_revisions_experiments_folders_and_files(repository, capsys):
    for name in (
        "HEAD",
        "main",
        git("rev-parse", "HEAD"),
        "workspace",
        ".",
        "reports/evaluate",
        str(ITEMS_FILE),
    ):
        found = rows(capsys, name, "barley-wine")
        assert [row["task"] for row in found] == 2 * ["minimal_pairs.x"] + ["bits_per_byte.val"]
        assert [row["subset"] for row in found] == ["", "few", ""]
        assert [row["verdict"] for row in found] == ["differ", "differ", "no difference"]
        assert (found[0]["n"], found[0]["clusters"]) == ([400, 400], [200, 200])


def test_a_folder_below_the_repository_is_a_project_of_its_own(repository, monkeypatch, capsys):
    (repository / "below").mkdir()
    git("mv", "reports", "below/reports")
    git("commit", "-qm", "moved")
    monkeypatch.chdir(repository / "below")
    assert rows(capsys, "HEAD", "workspace")[0]["difference"] == 0


def test_a_folder_without_items_may_be_a_branch(repository):
    (repository / "main").mkdir()
    assert find_items("main")[1] == f"main: {ITEMS_FILE}"


@pytest.mark.parametrize("side", ["HEAD", "barley-wine"])
def test_a_run_with_itself_has_no_difference(repository, capsys, side):
    printed = show(capsys, side, side)
    assert printed.count("no difference") == 4
    assert "no difference: 3 lines compared" in printed
    assert "these two models differ" not in printed


def test_table_says_what_differs_and_that_it_is_about_models(repository, capsys):
    printed = show(capsys, "HEAD", "barley-wine")
    assert "A: HEAD; B: barley-wine" in printed
    assert "these two models differ on these items: 2 of 3 lines" in printed
    assert "it is about models, not recipes: for those, name 3 seeds or more of each" in printed
    assert "recipes differ" not in printed
    assert "bits_per_byte, second_halves: lower is better" in printed
    assert "unpaired" not in printed
    (row,) = (line for line in printed.splitlines() if "minimal_pairs.x (few)" in line)
    cells = [cell.strip() for cell in row.split("│")]
    assert cells[1:3] == ["minimal_pairs.x (few)", "base"]
    assert cells[8:11] == ["differ", "200", "100"]
    assert float(cells[5]) == pytest.approx(float(cells[4]) - float(cells[3]), abs=1e-4)


def test_piped_table_is_not_cut(repository, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    write_run(repository / "a.parquet", 0.5, more="choice." + "long" * 30)
    assert "choice." + "long" * 30 in show(capsys, "a.parquet", "a.parquet")


def test_other_items_are_compared_unpaired_and_it_says_so(repository, capsys):
    write_run(repository / "other.parquet", 0.9, first=1000)
    printed = show(capsys, "HEAD", "other.parquet")
    assert printed.count("differ, unpaired") == 2
    assert printed.count("no difference, unpaired") == 1
    assert "400 + 400" in printed
    assert "eval.data_seed keeps its tasks" in printed
    assert not any(row["paired"] for row in rows(capsys, "HEAD", "other.parquet"))


def test_other_versions_and_tasks_of_one_side_are_told(repository, capsys):
    write_run(repository / "other.parquet", 0.5, version=4, more="choice.mine")
    printed = show(capsys, "HEAD", "other.parquet")
    assert "not compared: versions 1 and 4" in printed
    assert "no difference: 2 lines compared" in printed
    assert "missing in A: choice.mine sft; in B: nothing" in printed
    last = rows(capsys, "HEAD", "other.parquet")[-1]
    assert (last["verdict"], last["versions"], last["p"]) == ("not compared", [[1], [4]], None)


def test_three_seeds_of_each_are_about_recipes(repository, capsys):
    for seed, (a, b) in enumerate([(0.50, 0.80), (0.53, 0.83), (0.51, 0.79)]):
        write_run(repository / f"a{seed}.parquet", a, seed, first=seed)
        write_run(repository / f"b{seed}.parquet", b, seed + 10, first=seed)
    sides = [",".join(f"{name}{seed}.parquet" for seed in range(3)) for name in "ab"]
    printed = show(capsys, *sides)
    assert "these two recipes differ: 2 of 3 lines" in printed
    assert "3 + 3" in printed
    assert "models differ" not in printed
    assert "unpaired" not in printed
    assert {row["compared"] for row in rows(capsys, *sides)} == {"runs"}
    assert "it is about models" in show(capsys, sides[0], "b0.parquet")


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (
            ("no_such", "HEAD"),
            "'no_such': no such revision, experiment, folder or file; `dvc exp list` shows",
        ),
        (("HEAD,,main", "HEAD"), "'': no such revision, experiment, folder or file"),
        (("HEAD~1", "HEAD"), f"HEAD~1: no {ITEMS_FILE} in this revision; run `dvc repro evaluate` there"),
        (
            ("empty", "HEAD"),
            "empty: no items.parquet in this folder; name one that `evaluate` has written to",
        ),
        (
            ("HEAD", "old.parquet"),
            "old.parquet: items of format 0, not 1; run `dvc repro evaluate` with this",
        ),
        (("HEAD", "text.txt"), "text.txt: not a readable items.parquet ("),
        (
            ("HEAD", "none.parquet"),
            "A and B: no task in common (A: minimal_pairs.x, bits_per_byte.val; B: none)",
        ),
        (("HEAD,main", "HEAD"), "main: has the scores of HEAD; name runs of different seeds"),
        (("twice", "HEAD"), "twice: 2 experiments have this name; name a revision: "),
    ],
)
def test_what_cannot_be_compared_ends_in_one_line(repository, sides, message):
    (repository / "empty").mkdir()
    (repository / "text.txt").write_text("Bir gün\n", encoding="utf-8")
    write_items(repository / "none.parquet", {}, {}, {})
    table = pq.read_table(ITEMS_FILE)
    pq.write_table(table.replace_schema_metadata({"format": "0", "subsets": "{}"}), "old.parquet")
    for parent in ("1234", "5678"):
        git("update-ref", f"refs/exps/12/{parent}/twice", "HEAD")
    with pytest.raises(UserError) as raised:
        run_compare(*sides, as_json=False)
    assert str(raised.value).startswith(message)


def test_workspace_without_items_is_told_to_run_evaluate(repository, monkeypatch):
    ITEMS_FILE.unlink()
    with pytest.raises(
        UserError, match=r"^reports/evaluate/items\.parquet: no such file; run `dvc repro evaluate`"
    ):
        run_compare("HEAD", "workspace", as_json=False)
    monkeypatch.chdir("/")
    with pytest.raises(UserError, match=r"^'HEAD': no such revision"):
        find_items("HEAD")


def test_command_compares_the_last_commit_with_the_workspace(repository):
    write_run(repository / ITEMS_FILE, 0.9)
    command = [sys.executable, "-m", "pipeline.cli", "compare"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "A: HEAD; B: workspace" in done.stdout
    assert "these two models differ on these items: 2 of 3 lines" in done.stdout
    refused = subprocess.run([*command, "HEAD", "a\nb"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)


def test_table_and_its_sentences_are_turkish(repository, monkeypatch, capsys):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    write_run(repository / "other.parquet", 0.9, version=4, first=1000, more="choice.mine")
    printed = show(capsys, "HEAD", "other.parquet")
    for text in ("fark", "sonuç", "farklı, eşleşmemiş", "karşılaştırılmadı: sürüm 1 ve 4", "A'da olmayanlar"):
        assert text in printed
    assert "bu iki model bu öğelerde farklı: 2 satırın 2 tanesinde" in printed
    for english in ("differ", "paired", "lines", "missing", "interval", "clusters", "verdict"):
        assert english not in printed


def test_every_verdict_has_its_turkish():
    assert load_catalog().keys() >= {"differ", "no difference", "too few to tell", "not compared"}
