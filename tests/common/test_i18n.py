"""TEZGAH_LANG=tr: every message of the code is in the catalog, and is translated."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from rich.table import Table

from pipeline.cli.help import split_paragraphs
from pipeline.cli.main import app
from pipeline.common import i18n
from pipeline.common.errors import ADVICE
from pipeline.corpus.checks import HINTS

# Modules whose errors are faults of the program, which no user sees at the command line.
INTERNAL = ("ngrams/model.py", "ngrams/counting.py", "inference/engine.py", "inference/streaming.py",
         "serving/schemas.py", "model/kv_cache.py", "common/metrics.py", "turkish/")  # fmt: skip


RAISED = ("UserError", "ValueError", "Unreadable", "RefusedUrl")
TRANSLATED = ("translate", "print_note")


def template(node: ast.expr) -> str:
    """Return a message as the catalog writes it, with {} for each value."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(template(part) if isinstance(part, ast.Constant) else "{}" for part in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left) + template(right)
    return "{}"


def messages(root) -> dict[str, str]:
    """Return every message that the code raises or translates, with its file and line."""
    place_of = {}
    for file in sorted((root / "pipeline").rglob("*.py")):
        if any(part in file.as_posix() for part in INTERNAL):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            function = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if function not in (*RAISED, *TRANSLATED):
                continue
            text = template(node.args[0]).removeprefix("error: ")
            if text.replace("{}", "").strip(": "):
                place_of[text] = f"{file.relative_to(root)}:{node.lineno}"
    return place_of


def test_catalog_has_every_message(root):
    missing = {text: line for text, line in messages(root).items() if text not in i18n.load_catalog()}
    assert not missing
    assert all(text in i18n.load_catalog() for text in (*ADVICE.values(), *HINTS.values()))


def list_helps(command) -> Iterator[str]:
    """Yield the paragraphs that `--help` shows of a command, its options and its own commands."""
    for text in (command.help, *(getattr(param, "help", None) for param in command.params)):
        yield from filter(None, split_paragraphs(text))
    for inner in getattr(command, "commands", {}).values():
        yield from list_helps(inner)


def test_help_of_every_command_is_translated(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    texts = set(list_helps(typer.main.get_command(app)))
    assert len(texts) > 80
    untranslated = [text for text in texts if i18n.translate(text) == text]
    assert untranslated == []


@pytest.mark.parametrize("command", [[], ["search"], ["import", "hub"]], ids=str)
def test_help_is_turkish_where_it_is_asked_for(root, command):
    printed = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *command, "--help"],
        cwd=root,
        env=os.environ | {"TEZGAH_LANG": "tr", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Seçenekler" in printed
    assert "Bu yardımı gösterir ve çıkar." in printed
    assert not re.search(r"\b(the|Options|Arguments|Commands|default)\b", printed)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"TEZGAH_LANG": "tr"}, True),
        ({"LANG": "tr_TR.UTF-8"}, True),
        ({"LANG": "tr.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "tr_TR"}, True),
        ({"LANG": "tr_TR.UTF-8", "TEZGAH_LANG": "en"}, False),
        ({"LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "trv_TW.UTF-8"}, False),
    ],
)
def test_is_turkish_by_tezgah_lang_or_the_terminal(monkeypatch, environment, expected):
    for name in ("TEZGAH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert i18n.is_turkish() == expected


def test_catalog_has_the_same_placeholders_on_both_sides():
    for english, turkish in i18n.load_catalog().items():
        count = len(i18n.PLACEHOLDER.findall(english))
        numbered = re.findall(r"\{(\d+)\}", turkish)
        if numbered:
            assert sorted(map(int, numbered)) == list(range(count)), turkish
        else:
            assert turkish.count("{}") == count, turkish


@pytest.mark.parametrize(
    ("english", "turkish"),
    [
        ("error: params.yaml: train.stepps: unknown key; did you mean 'steps'?",
         "hata: params.yaml: train.stepps: bilinmeyen anahtar; şunu mu demek istediniz: 'steps'?"),
        ("error: params.yaml: train.tokens_per_step: 2048: must be a multiple of"
         " train.batch_size x model.context x runtime.processes = 1792; nearest: 1792 or 3584",
         "hata: params.yaml: train.tokens_per_step: 2048:"
         " train.batch_size x model.context x runtime.processes = 1792 katı olmalı;"
         " en yakını: 1792 ya da 3584"),
        ("stage 5 of 7: train_base; about 8 min left", "aşama 5/7: train_base; yaklaşık 8 dk kaldı"),
        ("error: SIGINT: stopped at step 20 of 40, saved; run `dvc repro` to resume",
         "hata: SIGINT: 40 adımın 20. adımında durdu, kaydedildi; `dvc repro` buradan sürdürür"),
        ("a.jsonl:2: not JSON: Extra data at column 13; fix it",
         "a.jsonl:2: JSON değil: 13. sütunda fazladan veri var; düzeltin"),
        ("a.csv:2: ',' expected after '\"'; put a text with quotes in quotes, those doubled",
         "a.csv:2: '\"' karakterinden sonra ',' bekleniyor;"
         " tırnak içeren metni tırnağa alın, içindekileri ikileyin"),
        ("a.csv:2: unexpected end of data; put a text with quotes in quotes, those doubled",
         "a.csv:2: açık kalan tırnak kapanmıyor; tırnak içeren metni tırnağa alın, içindekileri ikileyin"),
        ("a.json:3: not UTF-8 at byte 29; convert the file: iconv -f WINDOWS-1254 -t UTF-8;"
         " the rest is not read",
         "a.json:3: 29. bayt UTF-8 değil; dosyayı dönüştürün: iconv -f WINDOWS-1254 -t UTF-8;"
         " gerisi okunmadı"),
        ("error: nothing like it", "hata: nothing like it"),
    ],
)  # fmt: skip
def test_translate_translates_a_message_and_its_values(english, turkish, monkeypatch):
    assert i18n.translate(english) == english
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert i18n.translate(english) == turkish


def test_translate_table_translates_heads_and_word_columns(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    table = Table("stage", "figure", title="training")
    table.add_row("tokens read", "tokens read")  # the first is a user's own name
    table.add_section()
    table.add_row("all", "tokens read")
    turkish = i18n.translate_table(table, {1})
    assert (turkish.title, [column.header for column in turkish.columns]) == ("eğitim", ["aşama", "ölçüm"])
    assert [next(iter(column.cells)) for column in turkish.columns] == ["tokens read", "okunan parça"]
    assert [row.end_section for row in turkish.rows] == [True, False]
    assert [next(iter(column.cells)) for column in table.columns] == ["tokens read", "tokens read"]


def test_command_prints_turkish_errors_under_tezgah_lang(project):
    turkish = "hata: presets/smok.yaml: böyle bir hazır ayar yok; şunu mu demek istediniz: 'smoke'?"
    for language, message in (("tr", turkish), ("", "error: presets/smok.yaml: no such preset")):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "preset", "smok"],
            capture_output=True, text=True, check=False, env={**os.environ, "TEZGAH_LANG": language},
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith(message)
