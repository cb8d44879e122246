"""`tezgah report --open`: the page with what is known beside the declared files, and two runs on one page."""

import json
import shutil
import subprocess
import webbrowser

import lxml.html
import pytest

from pipeline.cli import report_page
from pipeline.cli.report_page import write_page
from pipeline.common.errors import UserError
from pipeline.common.io import sha256
from pipeline.common.paths import STAGES
from tests.helpers.paths import ROOT


@pytest.fixture
def run(project, monkeypatch):
    """A git repository with the committed run's reports, without models."""
    of_this_machine = shutil.ignore_patterns("timing.json", "run.html", "compare.html")
    shutil.copytree(ROOT / "reports", project / "reports", ignore=of_this_machine)
    shutil.copyfile(ROOT / "dvc.lock", project / "dvc.lock")
    (project / ".gitignore").write_text("timing.json\n")
    for command in (
        "init -q", "config user.email a@b", "config user.name a", "add -A", "commit -qm one", "tag first",
    ):  # fmt: skip
        subprocess.run(["git", *command.split()], check=True)
    monkeypatch.setattr(report_page, "stale_stages", lambda: {"evaluate": "tasks modified"})
    monkeypatch.delenv("TEZGAH_LANG", raising=False)
    return project


def read_page(path):
    return lxml.html.document_fromstring(path.read_text(encoding="utf-8"))


def test_write_page_adds_time_machine_and_commit(run, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    noted = {"stage_seconds": 120.0, "stage_peak_memory_gib": 1.5, "machine": "a machine"}
    for stage in STAGES:
        of_run = {"metrics_sha256": sha256(run / "reports" / stage / "metrics.json")}
        (run / "reports" / stage / "timing.json").write_text(json.dumps(noted | of_run))
    subprocess.run(["sed", "-i", "s/^  steps: 1800/  steps: 900/", "params.yaml"], check=True)
    write_page(None, None, opens=True)
    assert capsys.readouterr().out == "reports/run.html\n"
    assert opened == [(run / "reports/run.html").as_uri()]
    text = read_page(run / "reports/run.html").text_content()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    for told in (
        "2 min", "1.5 GiB of memory", "machine: a machine", "0.23 hours of this machine", commit.strip(),
        "stale: tasks modified",
    ):  # fmt: skip
        assert told in text
    changed = read_page(run / "reports/run.html").xpath("//section[@id='params']//table")[0].text_content()
    assert "train.steps" in changed
    assert "900" in changed


def test_write_page_without_timing_says_so(run):
    write_page("en", None, opens=False)
    assert "not timed here" in read_page(run / "reports/run.html").text_content()


def test_write_page_in_the_language_that_is_asked_for(run, monkeypatch):
    write_page("tr", None, opens=False)
    assert read_page(run / "reports/run.html").get("lang") == "tr"
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    write_page(None, None, opens=False)
    assert "Bir eğitimin öyküsü" in read_page(run / "reports/run.html").text_content()


def test_write_page_lays_a_revision_beside_the_workspace(run, capsys):
    metrics = run / "reports/evaluate/metrics.json"
    figures = json.loads(metrics.read_text())
    figures["bits_per_byte"]["val"]["base"] = 0.5
    metrics.write_text(json.dumps(figures))
    write_page(None, "first", opens=False)
    assert capsys.readouterr().out == "reports/compare.html\n"
    page = read_page(run / "reports/compare.html")
    source = "reports/evaluate/metrics.json#bits_per_byte.val.base"
    nodes = page.xpath(f"//data[@data-source='{source}']")
    values = {node.get("data-run"): node.get("value") for node in nodes}
    assert values["B"] == "0.5"
    assert values["A"] != "0.5"
    assert "A is first, B is workspace." in page.text_content()
    shutil.copytree(run, run / "data/raw/eval/copy", ignore=lambda *_: ["data", "pipeline", "stages", ".git"])
    write_page(None, "data/raw/eval/copy", opens=False)  # a folder will do


@pytest.mark.parametrize(
    ("lang", "revision", "told"),
    [
        ("de", None, r"--lang: 'de': not one of en, tr"),
        (None, "nowhere", r"--compare: nowhere: no such revision, experiment or folder"),
        (None, "empty", r"--compare: empty: has no reports and params\.yaml; name a run of this project"),
    ],
)
def test_write_page_names_what_is_wrong(run, lang, revision, told):
    for command in (
        "checkout -q --orphan other", "rm -qrf .", "commit -q --allow-empty -m none", "tag empty",
        "checkout -qf first",
    ):  # fmt: skip
        subprocess.run(["git", *command.split()], check=True)
    with pytest.raises(UserError, match=told):
        write_page(lang, revision, opens=False)
    assert not (run / "reports/run.html").exists()


def test_write_page_needs_a_run(project):
    with pytest.raises(UserError, match="reports: no figures of a run; run `dvc repro`"):
        write_page(None, None, opens=False)


def test_write_page_says_where_it_lies_if_no_browser_opens(run, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    with pytest.raises(UserError, match=r"reports/run\.html: no browser to open it with; open it by hand"):
        write_page(None, None, opens=True)
    assert (run / "reports/run.html").is_file()
