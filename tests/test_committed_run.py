"""What the pages show of the default run is what its committed metrics say."""

import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from pipeline.evaluation.summary import draw_summary
from tests.helpers.paths import ROOT

REPORT = ROOT / "reports/evaluate"
PAGES = {"README.md": "en", "README.tr.md": "tr"}


def read_json(name):
    return json.loads((REPORT / name).read_text(encoding="utf-8"))


def declared_picture():
    """The path of the picture that dvc.yaml lists among the outputs of `evaluate`."""
    graph = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    outs = [path for out in graph["stages"]["evaluate"]["outs"] if isinstance(out, dict) for path in out]
    (picture,) = [path for path in outs if path.endswith(".svg")]
    return picture


def rounded_figures(values):
    """All numbers of a JSON file, as a table prints them."""
    if isinstance(values, dict):
        return {figure for value in values.values() for figure in rounded_figures(value)}
    return {f"{values:.3f}"}


def check_figures(svg):
    """Check that every figure of a picture, its samples apart, is one of the committed metrics."""
    texts = [node.text or "" for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    end = next(i for i, text in enumerate(texts) if "what" in text and "training" in text)
    figures = [figure for text in texts[:end] for figure in re.findall(r"\d\.\d+", text)]
    assert len(figures) >= 10
    assert set(figures) <= rounded_figures(read_json("metrics.json")) | {"0.500"}  # chance


def test_evaluate_draws_the_committed_metrics(tmp_path):
    picture = tmp_path / "summary.svg"
    picture.write_text(draw_summary(read_json("metrics.json"), read_json("baseline_samples.json")))
    check_figures(picture.read_text())


def test_committed_picture_is_that_of_the_committed_metrics():
    svg = (ROOT / declared_picture()).read_text(encoding="utf-8")
    check_figures(svg)
    assert svg == draw_summary(read_json("metrics.json"), read_json("baseline_samples.json"))


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_the_picture_that_evaluate_writes_and_no_other(page):
    shown = re.findall(r"\]\((\S+\.svg)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert shown == [declared_picture()]


@pytest.mark.parametrize("page", PAGES)
def test_tables_of_a_page_are_the_report_of_the_committed_run(page):
    shown = (ROOT / page).read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    command = [sys.executable, "-m", "pipeline.cli", "report"]
    env = os.environ | {"COLUMNS": "80", "TEZGAH_LANG": PAGES[page], "PYTHONPATH": str(ROOT)}
    printed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    assert printed.startswith(shown)


def readme_answers(page):
    """The `tezgah infer` commands of a page, and what they print there."""
    blocks = re.findall(r"```console\n(\$ tezgah infer .*?)```", (ROOT / page).read_text("utf-8"), re.S)
    return [
        tuple(shown.split("\n", 1)) for block in blocks for shown in re.split(r"^\$ ", block, flags=re.M)[1:]
    ]


def test_pages_show_the_same_answers():
    english, turkish = map(readme_answers, PAGES)
    assert len(english) == 2
    assert english == turkish


@pytest.mark.slow
@pytest.mark.parametrize(("command", "answer"), readme_answers("README.md"))
def test_answers_of_the_pages_are_those_of_the_committed_models(command, answer):
    unchanged = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "dvc.lock"], cwd=ROOT, check=False)
    if unchanged.returncode or not (ROOT / "models/sft/model.safetensors").exists():
        pytest.skip("the models of the committed run are not here")
    env = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    done = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == answer
