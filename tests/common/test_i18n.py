"""TEZGAH_LANG=tr: every message of the code is in the catalogue, and comes out in Turkish."""

import ast
import os
import re
import subprocess
import sys

import pytest
from rich.table import Table

from pipeline.common import i18n
from pipeline.common.errors import ADVICE
from pipeline.corpus.select import HINTS

# Faults of the program and its readers, not of a user: no one meets them at the command line.
INNER = ("evaluation/ngrams.py", "inference/generate.py", "inference/streaming.py", "model/kv_cache.py",
         "common/metrics.py", "turkish/")  # fmt: skip


RAISED = ("UserError", "ValueError", "Unreadable", "Refused")
SPOKEN = ("translate", "tell")  # printed in the language asked for


def template(node: ast.expr) -> str:
    """A message as the catalogue writes it: {} for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(template(part) if isinstance(part, ast.Constant) else "{}" for part in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left) + template(right)
    return "{}"


def messages(root) -> dict[str, str]:
    """Every message that the code raises, and where."""
    found = {}
    for file in sorted((root / "pipeline").rglob("*.py")):
        if any(part in file.as_posix() for part in INNER):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called not in (*RAISED, *SPOKEN):
                continue
            text = template(node.args[0]).removeprefix("error: ")
            if text.replace("{}", "").strip(": "):
                found[text] = f"{file.relative_to(root)}:{node.lineno}"
    return found


def test_every_message_is_in_the_catalogue(root):
    lacking = {text: where for text, where in messages(root).items() if text not in i18n.catalogue()}
    assert not lacking
    assert all(text in i18n.catalogue() for text in (*ADVICE.values(), *HINTS.values()))


def test_both_sides_have_the_same_places():
    for english, turkish in i18n.catalogue().items():
        count = len(i18n.PLACE.findall(english))
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
        ("error: SIGINT: stopped at step 20 of 40, saved; `dvc repro` goes on from here",
         "hata: SIGINT: 40 adımın 20. adımında durdu, kaydedildi; `dvc repro` buradan sürdürür"),
        ("error: nothing like it", "hata: nothing like it"),
    ],
)  # fmt: skip
def test_a_message_and_what_fills_it_are_translated(english, turkish, monkeypatch):
    assert i18n.translate(english) == english
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert i18n.translate(english) == turkish


def test_a_table_is_translated(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    grid = Table("stage", "figure", title="training")
    grid.add_row("tokens read", "tokens read")  # the first is a name of the user's
    i18n.translate_table(grid, {1})
    assert (grid.title, [column.header for column in grid.columns]) == ("eğitim", ["aşama", "ölçüm"])
    assert [next(iter(column.cells)) for column in grid.columns] == ["tokens read", "okunan parça"]


def test_the_program_speaks_turkish_when_asked(project):
    turkish = "hata: presets/smok.yaml: böyle bir hazır ayar yok; şunu mu demek istediniz: 'smoke'?"
    for asked, says in (("tr", turkish), ("", "error: presets/smok.yaml: no such preset")):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "preset", "smok"],
            capture_output=True, text=True, check=False, env={**os.environ, "TEZGAH_LANG": asked},
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith(says)
