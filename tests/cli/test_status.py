"""`tezgah status`."""

import json

from pipeline.cli import graph, status
from pipeline.common.i18n import join_texts
from tests.helpers.factories import model_params, train_params


def test_print_status_of_the_committed_run(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(status, "stale_stages", lambda: {"evaluate": join_texts(", ", ["eval.top_p"])})
    status.print_status()
    printed = capsys.readouterr().out
    model = model_params()
    assert f"{model.arch} {model.layers} x {model.width}, {train_params().steps:,} steps" in printed
    assert "stale: eval.top_p" in printed
    assert printed.count("up to date") >= 6
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    status.print_status()
    printed = capsys.readouterr().out
    steps = f"{train_params().steps:,}".replace(",", ".")
    assert f"{model.arch} {model.layers} x {model.width}, {steps} adım" in printed
    assert "eskimiş: eval.top_p" in printed
    assert printed.count("güncel ") >= 6


def test_print_status_before_any_run(project, monkeypatch, capsys):
    monkeypatch.setattr(status, "stale_stages", dict)
    status.print_status()
    assert capsys.readouterr().out.count("not run yet") == 7


def test_stale_stages_ask_git_once_for_all_rooms(project, monkeypatch):
    asked = []
    edits = {
        "diff": ["M\tpipeline/common/io.py", "D\tpipeline/text/a.py"],
        "ls-files": ["pipeline/text/b.py"],
    }
    causes = [{"changed deps": {"pipeline/common": "modified", "pipeline/text": "modified"}}]
    stale = {"slice_corpus": causes, "train_sft": causes}

    def run_git(command, *_):
        asked.append(command)
        return edits.get(command, [])

    monkeypatch.setattr(graph, "run_git", run_git)
    monkeypatch.setattr(graph, "run_dvc", lambda *_: json.dumps(stale))
    why = "pipeline/common/io.py modified, pipeline/text/a.py deleted, pipeline/text/b.py untracked"
    assert graph.stale_stages()["train_sft"] == graph.stale_stages()["slice_corpus"] == why
    assert asked == 2 * ["log", "diff", "ls-files"]
    stale.clear()
    assert graph.stale_stages() == {}
    assert len(asked) == 6
