"""`tezgah index` and `tezgah search` as people type them."""

import json
from pathlib import Path

import pytest

from pipeline.cli.main import app
from pipeline.common.errors import UserError
from tests.helpers.table_encoder import write_table_encoder


@pytest.fixture
def docs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "belgeler"
    folder.mkdir()
    (folder / "yönetmelik.md").write_text(
        "# İade\n\nKitapların iadesi on gün içinde yapılır.", encoding="utf-8"
    )
    (folder / "boş.txt").write_text("")
    (folder / "a.png").write_bytes(b"")
    return folder


def run(*args):
    app(list(args), standalone_mode=False)


def test_index_and_search_tell_what_they_did(docs, capsys):
    run("index", str(docs))
    assert capsys.readouterr().out.splitlines() == [
        "search.sqlite: files: 1 read, 0 as before, 0 renamed, 0 removed",
        "note: files of other formats, left out: 1",
        "note: boş.txt: no text in it",
    ]
    run("search", "kitabın İADESİ")
    first, text, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("yönetmelik.md, line 3  İade")
    assert text == "Kitapların iadesi on gün içinde yapılır."
    run("search", "yok", "--json")
    assert capsys.readouterr().out == ""
    run("search", "kitap", "--json", "-n", "1")
    hit = json.loads(capsys.readouterr().out)
    assert (hit["path"], hit["place"], hit["spans"]) == ("yönetmelik.md", 3, [[0, 10]])


def test_search_speaks_turkish(docs, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    run("index", str(docs), "--to", "d.sqlite")
    assert "not: boş.txt: içinde metin yok" in capsys.readouterr().out
    run("search", "gün", "--docs", "d.sqlite")
    assert "yönetmelik.md, 3. satır" in capsys.readouterr().out
    run("search", "bulunmaz", "--docs", "d.sqlite")
    assert capsys.readouterr().out == "bir şey bulunamadı\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["search", "kitap", "--docs", "yok.sqlite"], "yok.sqlite: no index there; make one"),
        (["search", "kitap", "-n", "0"], "-n: 0: give 1 to 10,000"),
        (["search", "kitap", "-n", "99999999999999999999"], "give 1 to 10,000"),
        (["search", "!!"], "query: '!!': no word in it"),
        (["search", "kitap", "--dense"], "search.sqlite: no vectors in it; make them"),
        (["search", "kitap", "--dense", "--lexical"], "--lexical and --dense exclude each other"),
        (["index", "nowhere"], "nowhere: no such folder"),
        (["index", "belgeler", "--encoder", "yok"], "yok"),
        (["index", "belgeler", "--encoder", "yok", "--words-only"], "exclude each other"),
    ],
)
def test_mistakes_are_one_line(docs, capsys, args, message):
    run("index", str(docs))
    with pytest.raises(UserError, match=message):
        run(*args)


def test_an_encoder_that_is_gone_leaves_the_words(docs, capsys):
    (docs / "kedi.txt").write_text("Kedi damda.", encoding="utf-8")
    run("index", str(docs), "--encoder", str(write_table_encoder(docs.parent / "encoder")))
    assert "passages with a new vector: 2" in capsys.readouterr().out
    run("search", "kedi damda", "--dense", "-n", "1")
    assert capsys.readouterr().out.startswith("1.0  kedi.txt, line 1")
    Path("encoder").rename("elsewhere")
    run("search", "kitap", "--json")
    out, err = capsys.readouterr()
    assert json.loads(out)["path"] == "yönetmelik.md"
    assert err.startswith("note: by words alone: search.sqlite: its encoder cannot be used: ")
    (docs / "kuyu.txt").write_text("Kuyu derin.", encoding="utf-8")
    run("index", str(docs))
    assert (
        "note: no new vectors; name an encoder by --encoder, or give --words-only" in capsys.readouterr().out
    )
    run("search", "kuyu", "--json")
    assert json.loads(capsys.readouterr().out)["path"] == "kuyu.txt"
    run("index", str(docs), "--encoder", "elsewhere")
    run("search", "kuyu derin", "-n", "1")
    assert "kuyu.txt" in capsys.readouterr().out


def test_output_that_is_no_terminal_keeps_its_lines_whole(docs, capsys):
    (docs / "uzun.txt").write_text("kuyu " + "derin " * 60, encoding="utf-8")
    run("index", str(docs))
    capsys.readouterr()
    run("search", "kuyu")
    assert len(capsys.readouterr().out.splitlines()[1]) > 300


def test_index_shows_how_far_it_is_at_a_terminal(docs, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    run("index", str(docs), "--encoder", str(write_table_encoder(docs.parent / "encoder")))
    shown = capsys.readouterr().err
    assert "files" in shown
    assert "vectors" in shown
