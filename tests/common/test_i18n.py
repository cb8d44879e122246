"""TEZGAH_LANG=tr: every message of the code is in the catalog, and is translated."""

import ast
import copy
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
import typer
from rich.table import Table

from pipeline.cli.help import split_example, split_paragraphs, translate_paragraphs
from pipeline.cli.main import app
from pipeline.common import i18n
from pipeline.common.errors import ADVICE, UserError
from pipeline.common.i18n import (
    Translatable,
    dump_messages,
    format_number,
    join_texts,
    join_words,
    load_messages,
    translate,
)
from pipeline.common.library_messages import TEMPLATES, recognize
from pipeline.corpus.checks import HINTS

FUNCTIONS = {"Translatable", "translate", "print_message", "print_note", "say", "say_paragraph"}
FORMATTED = re.compile(r"(?<!\{)\{(\w*(?::[^{}\s]*)?)\}(?!\})")


def is_error(name: str) -> bool:
    """Tell if a class is UserError or one below it, by its name."""
    pending = [UserError]
    while pending:
        kind = pending.pop()
        if kind.__name__ == name:
            return True
        pending += kind.__subclasses__()
    return False


def list_calls(root) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield the calls whose first argument is a message: place in the code, function, call."""
    files = {*(root / "pipeline").rglob("*.py"), *(root / "stages").rglob("*.py")}
    for file in sorted(files - {root / "pipeline/common/i18n.py"}):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                is_method = isinstance(node.func, ast.Attribute) and name not in ("say", "say_paragraph")
                if (name in FUNCTIONS and not is_method) or is_error(name):
                    yield f"{file.relative_to(root)}:{node.lineno}", name, node


def test_catalog_has_every_message_of_the_code(root):
    missing = {}
    for place, _, call in list_calls(root):
        template = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
        if i18n.has_words(template) and template not in i18n.load_catalog():
            missing[template] = place
    assert not missing
    assert set(i18n.load_catalog()) >= {*ADVICE.values(), *HINTS.values(), *TEMPLATES}


def test_code_has_every_message_of_the_catalog(root):
    """Labels may be keys of metrics as words; sentences of libraries and of `--help` are said by others."""
    said = {part for text in list_helps(typer.main.get_command(app)) for part in split_example(text)}
    for file in [*(root / "pipeline").rglob("*.py"), *(root / "stages").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said |= {node.value, *split_paragraphs(node.value)}
    for stage in ("slice_corpus", "evaluate"):
        metrics = (root / f"reports/{stage}/metrics.json").read_text(encoding="utf-8")
        said |= {key.replace("_", " ") for key in re.findall(r'"(\w+)":', metrics)}
    said |= {part.replace("_", " ") for part in said} | {"Show this message and exit."}
    assert set(i18n.load_catalog()) - said == set()


def test_messages_are_templates_and_name_what_fills_them(root):
    faults = []
    for place, name, call in list_calls(root):
        first = call.args[0]
        if isinstance(first, ast.JoinedStr | ast.BinOp):
            faults.append(f"{place}: not a template")
        if name in ("say", "say_paragraph") or not isinstance(first, ast.Constant) or not call.keywords:
            continue
        given = {keyword.arg for keyword in call.keywords}
        if None not in given and not given >= (places := set(i18n.PLACE.findall(first.value))):
            faults.append(f"{place}: {sorted(places - given)} not given")
    assert not faults


def test_catalog_has_the_same_places_on_both_sides():
    for english, turkish in i18n.load_catalog().items():
        places = FORMATTED.findall(english)
        numbered = [*map(str, range(len(places)))] if set(places) == {""} else []
        assert sorted({*FORMATTED.findall(turkish)} - {*numbered, ""}) == sorted({*places} - {""}), turkish
        if numbered:  # filled in order: the same number of places, or each by its number
            found = FORMATTED.findall(turkish)
            assert sorted(found) == numbered or found == places, turkish


def test_catalog_is_a_po_file():
    if shutil.which("msgfmt") is None:
        pytest.skip("gettext is not installed")
    subprocess.run(["msgfmt", "--check-format", "-o", os.devnull, i18n.CATALOG_FILE], check=True)


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
    assert [text for text in texts if translate_paragraphs(text) == text] == []


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
    assert not re.search(r"\b(the|Usage|Options|Arguments|Commands|default)\b", printed)


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


def test_message_is_translated_with_the_messages_in_it(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    inner = Translatable("; did you mean '{name}'?", name="steps")
    message = Translatable("{key}: unknown key{suggestion}", key="train.stepps", suggestion=inner)
    assert message == "train.stepps: unknown key; did you mean 'steps'?"
    assert translate(message) == "train.stepps: bilinmeyen anahtar; şunu mu demek istediniz: 'steps'?"


def test_numbers_of_tensors_and_messages_in_tuples_are_kept():
    assert Translatable("{loss:.2f}", loss=torch.tensor(0.5)) == "0.50"
    inner = Translatable("{key}: missing", key="a")
    (kept,) = load_messages(json.loads(json.dumps(dump_messages((inner,)))))
    assert (kept.template, kept) == ("{key}: missing", "a: missing")


def test_users_own_words_stay_though_the_catalog_has_them(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert translate("{key}: missing", key="data") == "data: eksik"
    assert "data" in i18n.load_catalog()


def test_numbers_are_written_as_the_language_does(monkeypatch):
    number = join_texts(" ", [format_number(18008), format_number(4.74, ".2f"), format_number(0.25, ".0%")])
    assert translate(number) == "18,008 4.74 25%"
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert translate(number) == "18.008 4,74 %25"
    assert translate("{value}", value=0.5) == "0.5"  # as the user wrote it


def test_message_without_translation_raises_in_tests():
    with pytest.raises(KeyError, match="lacks 'nothing like it'"):
        Translatable("nothing like it")


def test_error_keeps_its_message_across_processes(monkeypatch):
    error = pickle.loads(pickle.dumps(UserError("{key}: missing", key="train.steps")))
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert (str(error), translate(copy.copy(error.message))) == ("train.steps: missing", "train.steps: eksik")


def test_messages_keep_their_translation_in_json(monkeypatch):
    value = {"notes": [Translatable("{key}: missing", key=Translatable("tokens read")), "plain"], "n": 1}
    loaded = load_messages(json.loads(json.dumps(dump_messages(value))))
    assert loaded == value
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert [translate(note) for note in loaded["notes"][:1]] == ["okunan token: eksik"]


def test_join_words_is_translated(monkeypatch):
    assert join_words(["a", "b", "c"]) == "a and b and c"
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert translate(join_words(["a", "b", "c"])) == "a ve b ve c"


@pytest.mark.parametrize(
    ("sentence", "turkish"),
    [
        ("Input should be greater than or equal to 0", "en az 0 olmalı"),
        ("Input should be 'auto', 'bf16' or 'fp32'", "şunlardan biri olmalı: 'auto', 'bf16' ya da 'fp32'"),
        ("Got unexpected extra argument(s) (b c)", "fazladan yazılan: b c"),
        ("Input should be 16 or 4", "16 ya da 4 olmalı"),
        ("Input should be a thing that nobody knows", "Input should be a thing that nobody knows"),
        ("No such option: --stepps", "--stepps: böyle bir seçenek yok"),
        ("',' expected after '\"'", "'\"' karakterinden sonra ',' bekleniyor"),
        ("a sentence of no library", "a sentence of no library"),
    ],
)
def test_sentences_of_libraries_are_translated(sentence, turkish, monkeypatch):
    message = recognize(sentence)
    assert message == sentence
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert i18n.to_turkish(message) == turkish


def test_translate_table_translates_heads_and_messages(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    table = Table("stage", "figure", title="training")
    table.add_row("tokens read", Translatable("tokens read"))  # the first is a user's own name
    table.add_section()
    table.add_row("all", format_number(1234))
    turkish = i18n.translate_table(table)
    assert (turkish.title, [column.header for column in turkish.columns]) == ("eğitim", ["aşama", "ölçüm"])
    assert [list(column.cells) for column in turkish.columns] == [
        ["tokens read", "all"],
        ["okunan token", "1.234"],
    ]
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
