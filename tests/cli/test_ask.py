"""`tezgah ask` and `tezgah chat --docs` as people type them."""

import json

import pytest

from pipeline.cli import ask as ask_module
from pipeline.cli.ask import is_better, phrases
from pipeline.cli.chat import run_chat
from pipeline.cli.main import app
from pipeline.common.errors import UserError

RULES = "# İade\n\nÖdünç alınan kitaplar en geç on beş gün içinde iade edilir.\n\n{{0}}\n"


def run(*args):
    app(list(args), standalone_mode=False)


@pytest.fixture
def docs(tmp_path, monkeypatch, capsys):
    """A folder with an index of one document; the program runs there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "belgeler").mkdir()
    (tmp_path / "belgeler/kurallar.md").write_text(RULES, encoding="utf-8")
    run("index", "belgeler")
    capsys.readouterr()
    return tmp_path


def test_ask_prints_the_sentence_and_its_place(docs, capsys):
    run("ask", "kitaplar ne zaman iade edilir")
    sentence, place = capsys.readouterr().out.splitlines()
    assert sentence == "“Ödünç alınan kitaplar en geç on beş gün içinde iade edilir.”"
    assert place.startswith("— kurallar.md, line 3  İade")
    run("ask", "Fransa'nın başkenti neresi?")
    assert capsys.readouterr().out == "Belgelerde bulamadım.\n"


def test_ask_as_json(docs, capsys):
    run("ask", "kitaplar ne zaman iade edilir", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert answer["answer"] == answer["quote"]["sentence"]
    assert answer["quote"]["hit"]["path"] == "kurallar.md"
    run("ask", "Fransa'nın başkenti neresi?", "--json")
    assert json.loads(capsys.readouterr().out) == {"answer": "Belgelerde bulamadım.", "quote": None}


def test_ask_names_what_is_missing(docs):
    with pytest.raises(UserError, match="no index there; make one: tezgah index"):
        run("ask", "kitap", "--docs", "yok.sqlite")
    with pytest.raises(UserError, match="no word in it"):
        run("ask", "???")


def test_a_model_phrases_where_its_report_says_that_it_is_better(docs, capsys, monkeypatch):
    quotes = {"right_quote": {"share": 0.2}}
    assert is_better({"told": {"low": 0.3}}, quotes)
    assert not is_better({"told": {"low": 0.2}}, quotes)
    sft, report = docs / "models/sft", docs / "reports/evaluate/metrics.json"
    report.parent.mkdir(parents=True)
    for text, expected in [
        ("{", False),
        ("{}", False),
        (json.dumps({"questions": {"miniworld_readings": {"told": {"low": 0.3}}}}), False),
        *[
            (
                json.dumps(
                    {
                        "questions": {"miniworld_readings": {"told": {"low": low}}},
                        "grounded": {"miniworld_readings": quotes},
                    }
                ),
                low > 0.2,
            )
            for low in (0.1, 0.3)
        ],
    ]:
        report.write_text(text)
        assert phrases(sft) == expected
    assert not phrases(docs / "models/other")  # the report is of another model
    monkeypatch.setattr(ask_module, "phrase", lambda quote, question, folder: "On beş gün içinde.")
    run("ask", "kitaplar ne zaman iade edilir")
    assert capsys.readouterr().out.splitlines()[:3] == [
        "On beş gün içinde.",
        "",
        "“Ödünç alınan kitaplar en geç on beş gün içinde iade edilir.”",
    ]


def test_chat_answers_out_of_documents_and_greets_by_itself(docs, capsys, monkeypatch, model_folders):
    typed = iter(["kitaplar ne zaman iade edilir", "merhaba"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed, None) or "/çık")
    monkeypatch.setattr("pipeline.cli.chat.print_answer", lambda chat, text: print(f"model: {text}"))
    run_chat(model_folders / "sft", docs=docs / "search.sqlite", device="cpu")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("“Ödünç alınan kitaplar")
    assert printed[-1] == "model: merhaba"
