"""What the pages show of the default run is what its committed metrics say."""

import json
import os
import re
import subprocess
import sys
from functools import reduce
from operator import getitem

import lxml.html
import pytest

from tests.helpers.paths import ROOT

PAGES = ("README.md", "README.tr.md")


def test_committed_page_has_the_committed_figures():
    """The page of the run; what it shows of the tokenizer's pieces is not committed."""
    page = lxml.html.document_fromstring((ROOT / "reports/index.html").read_text(encoding="utf-8"))
    figures = [node for node in page.xpath("//data") if node.get("data-source").startswith("reports/")]
    assert len(figures) > 300
    for figure in figures:
        file, _, path = figure.get("data-source").partition("#")
        text = (ROOT / file).read_text(encoding="utf-8")
        if file.endswith(".tsv"):
            value = dict(line.split("\t") for line in text.strip().split("\n"))[path]
        else:
            value = reduce(getitem, path.split("."), json.loads(text))
        assert float(figure.get("value")) == float(value), figure.get("data-source")


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_the_picture_of_the_report(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    (picture,) = re.findall(r"!\[[^\]]+\]\((\S+\.png)\)", text)
    assert (ROOT / picture).is_file()
    assert f"]({picture})](reports/index.html)" in text


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


# The table of docs/evaluation.md: the figures of each row, in order.
FIGURES = {
    "bits per byte of test": ("bits_per_byte.test.base", "bits_per_byte.test.kneser_ney_5"),
    "minimal pairs, mean of eleven types": (
        "minimal_pairs.miniworld.mean",
        "minimal_pairs.miniworld.kneser_ney_5",
        "minimal_pairs.miniworld.word_frequency",
    ),
    "questions in new wordings": ("questions.miniworld.exact_match", "questions.miniworld.n"),
    "questions in trained wordings": ("questions.miniworld_seen.exact_match", "questions.miniworld_seen.n"),
    "questions about a passage, told there": (
        "questions.miniworld_readings.told.right",
        "questions.miniworld_readings.kinds.told.n",
        "questions.miniworld_readings.best_sentence",
    ),
    "first messages: openers, careless facts": (
        "first_words.opener.share",
        "first_words.opener.n",
        "first_words.fact.share",
        "first_words.fact.n",
    ),
    "retrieval of passages, vectors and words together": (
        "retrieval.miniworld.hybrid.recall_at_1",
        "retrieval.miniworld.words.recall_at_1",
    ),
}


def test_page_about_evaluation_has_the_committed_figures():
    metrics = json.loads((ROOT / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]*\d[^|]* \|[^|]*) \|$", page, flags=re.M))
    assert rows.keys() >= FIGURES.keys()
    for label, paths in FIGURES.items():
        shown = re.findall(r"(?<![-\w])\d+(?:\.\d+)?(?!-)\b", rows[label])
        values = [reduce(getitem, path.split("."), metrics) for path in paths]
        assert shown == [f"{value:.3f}" if isinstance(value, float) else str(value) for value in values], (
            label
        )
