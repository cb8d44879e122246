"""`tezgah status`."""

from pipeline.cli import status
from tests.helpers.factories import model_params, train_params


def test_print_status_of_the_committed_run(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(status, "stale_stages", lambda: {"evaluate": "eval.top_p"})
    status.print_status()
    printed = capsys.readouterr().out
    model = model_params()
    assert f"{model.arch} {model.layers} x {model.width}, {train_params().steps:,} steps" in printed
    assert "stale: eval.top_p" in printed
    assert printed.count("up to date") >= 6


def test_print_status_before_any_run(project, monkeypatch, capsys):
    monkeypatch.setattr(status, "stale_stages", dict)
    status.print_status()
    assert capsys.readouterr().out.count("not run yet") == 7
