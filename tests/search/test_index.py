import os
import sqlite3
import subprocess
import sys

import pytest

from pipeline.common.errors import UserError
from pipeline.search import index as search_index
from pipeline.search.database import lock_index
from pipeline.search.find import open_index
from pipeline.search.index import update_index

TEXTS = {
    "kedi.txt": "Kedi damda uyudu.\n\nSonra çocuğun yanına indi.",
    "alt/ev.md": "# Evlerimiz\n\nMahallenin evleri taştandır.\n\n## Bahçe\n\nHer bahçede bir kuyu vardır.",
    "sayfa.html": (
        "<title>Van Gölü</title><script>alert('kötü')</script><h1>Göl</h1><p>Van Gölü <b>Van'dadır</b>."
    ),
}


@pytest.fixture
def folder(tmp_path):
    for name, text in TEXTS.items():
        path = tmp_path / "belgeler" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "belgeler"


def found(path, query):
    with open_index(path) as index:
        return [hit.path for hit in index.search(query)]


def check_whole(path):
    """Every passage is found by its own words, and no word is left of those that are gone."""
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    passages = {row[0] for row in connection.execute("SELECT id FROM passages")}
    for keys in connection.execute("SELECT text FROM passages").fetchall():
        assert found(path, keys[0])
    connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, words, instance)")
    assert {row[0] for row in connection.execute("SELECT DISTINCT doc FROM temp.terms")} == passages
    connection.close()


def test_documents_are_found_with_their_place(tmp_path, folder):
    changes = update_index(tmp_path / "i.sqlite", folder)
    assert (changes.added, changes.unreadable) == (3, {})
    with open_index(tmp_path / "i.sqlite") as index:
        (hit,) = index.search("cocuk çocuk")
        assert (hit.path, hit.place_kind, hit.place) == ("kedi.txt", "line", 1)
        assert [hit.text[a:b] for a, b in hit.spans] == ["çocuğun"]
        (hit,) = index.search("KUYU")
        assert (hit.heading, hit.place) == ("Evlerimiz › Bahçe", 7)
        (hit,) = index.search("van gölü'nün")
        assert (hit.title, hit.text) == ("Van Gölü", "Van Gölü Van'dadır.")
        assert index.search("kötü") == []


def test_forms_of_a_short_stem_come_after_the_word_itself(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for name, text in {"a": "Evden çıktı.", "b": "Bir ev aldı.", "c": "Evlerimizden biri."}.items():
        (folder / f"{name}.txt").write_text(text)
    update_index(tmp_path / "i.sqlite", folder)
    assert found(tmp_path / "i.sqlite", "ev") == ["b.txt", "a.txt", "c.txt"]
    assert found(tmp_path / "i.sqlite", "evlerimizden")[0] == "c.txt"


def test_scores_tell_rare_words_from_common_ones(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.txt").write_text("kanun maddesi" + (" tescil" if i == 7 else ""))
    update_index(tmp_path / "i.sqlite", folder)
    with open_index(tmp_path / "i.sqlite") as index:
        hits = index.search("kanunun tescili", limit=3)
    assert hits[0].path == "7.txt"
    assert hits[0].score > 2 * hits[1].score


def test_frequent_words_rank_what_rare_ones_find(tmp_path, monkeypatch):
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(40):
        text = (
            "kanun maddesi" + " tescil" * (i % 10 == 7) + " ve" * (i % 2) + (" ve sicil" if i == 27 else "")
        )
        (folder / f"{i:02}.txt").write_text(text)
    update_index(tmp_path / "i.sqlite", folder)
    queries = ("kanun maddesi tescili", "ve sicil", "ve kanun", "tescil ve sicil", "kanun")
    with open_index(tmp_path / "i.sqlite") as index:
        exact = [index.search(query, 3) for query in queries]
        monkeypatch.setattr("pipeline.search.find.MAX_MATCHES", 5)
        assert index._pick_rare(["kanun", "tesçi", "sicil"]) == ["sicil", "tesçi"]
        assert index._pick_rare(["kanun", "ve"]) == ["ve"]
        assert [index.search(query, 3) for query in queries] == exact
    assert [hit.path for hit in exact[3]] == ["27.txt", "07.txt", "17.txt"]


def test_a_word_that_is_asked_for_twice_counts_twice(tmp_path, folder):
    update_index(tmp_path / "i.sqlite", folder)
    with open_index(tmp_path / "i.sqlite") as index:
        once, twice = (index.search(query)[0].score for query in ("bahçe", "bahçe bahçede"))
    assert twice == pytest.approx(2 * once)


def test_an_update_reads_what_has_changed(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    again = update_index(path, folder)
    assert (again.added, again.unchanged) == (0, 3)
    (folder / "kedi.txt").write_text("Köpek bahçede.", encoding="utf-8")
    (folder / "alt/ev.md").rename(folder / "yeni.md")
    (folder / "sayfa.html").unlink()
    changes = update_index(path, folder)
    assert (changes.added, changes.renamed, changes.removed) == (1, 1, 1)
    assert (found(path, "kedi"), found(path, "köpek")) == ([], ["kedi.txt"])
    assert (found(path, "kuyu"), found(path, "göl")) == (["yeni.md"], [])
    check_whole(path)


def test_copies_that_are_deleted_are_all_removed(tmp_path, folder):
    for name in ("b.txt", "c.txt"):
        (folder / name).write_text((folder / "kedi.txt").read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    (folder / "kedi.txt").rename(folder / "d.txt")
    for name in ("b.txt", "c.txt"):
        (folder / name).unlink()
    changes = update_index(path, folder)
    assert (changes.renamed, changes.removed) == (1, 2)
    assert found(path, "kedi") == ["d.txt"]
    check_whole(path)


def test_what_cannot_be_read_is_told_and_the_rest_is_indexed(tmp_path, folder):
    (folder / "boş.txt").write_text("", encoding="utf-8")
    (folder / "bozuk.pdf").write_bytes(b"%PDF-1.7 no")
    (folder / "bozuk.parquet").write_bytes(b"PAR1")
    (folder / "resim.png").write_bytes(b"png")
    outside = tmp_path / "gizli.txt"
    outside.write_text("parola", encoding="utf-8")
    (folder / "dışarı.txt").symlink_to(outside)
    changes = update_index(tmp_path / "i.sqlite", folder)
    assert changes.added == 3
    assert changes.skipped == 1
    assert changes.unreadable["boş.txt"] == "no text in it"
    assert changes.unreadable["bozuk.pdf"].startswith("a damaged PDF: ")
    assert changes.unreadable["bozuk.parquet"].startswith("a damaged Parquet file: ")
    assert not found(tmp_path / "i.sqlite", "parola")
    assert update_index(tmp_path / "i.sqlite", folder).unreadable.keys() == changes.unreadable.keys()
    check_whole(tmp_path / "i.sqlite")


def test_a_second_indexer_says_so(tmp_path, folder):
    with lock_index(tmp_path / "i.sqlite"), pytest.raises(UserError, match="another process updates it"):
        update_index(tmp_path / "i.sqlite", folder)


def test_files_that_are_no_index_of_this_program_are_refused(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    with (
        pytest.raises(UserError, match=r"no index there; make one: tezgah index FOLDER --to"),
        open_index(path),
    ):
        pass
    path.write_bytes(b"no database at all, but some bytes")
    for work in (lambda: update_index(path, folder), lambda: found(path, "kedi")):
        with pytest.raises(UserError, match="no index, or a damaged one"):
            work()
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (a)")
    with pytest.raises(UserError, match="an SQLite file of something else"):
        update_index(path, folder)
    path.unlink()
    update_index(path, folder)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    for work in (lambda: update_index(path, folder), lambda: found(path, "kedi")):
        with pytest.raises(UserError, match="an index of an older version; remove it"):
            work()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    for work in (lambda: update_index(path, folder), lambda: found(path, "kedi")):
        with pytest.raises(UserError, match="an index of a newer version"):
            work()


def test_queries_without_words_and_very_long_ones(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    with pytest.raises(UserError, match=r"query: '\?! …': no word in it"):
        found(path, "?! …")
    assert found(path, "kedi " + " ".join(f"sözcük{i}" for i in range(10_000))) == ["kedi.txt"]
    assert found(path, '"kedi" OR NEAR(damda, 2) -- *') == ["kedi.txt"]


def test_a_full_disk_leaves_the_old_index(tmp_path, folder, monkeypatch):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    (folder / "uzun.txt").write_text("\n\n".join(f"satır {i} kelime{i}" * 30 for i in range(400)))

    def limit(connection, *args):
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        return update_files(connection, *args)

    update_files = search_index.update_files
    monkeypatch.setattr(search_index, "update_files", limit)
    with pytest.raises(UserError, match=r"disk is full; the index is as it was"):
        update_index(path, folder)
    assert found(path, "kedi") == ["kedi.txt"]
    check_whole(path)


def test_a_file_of_another_program_is_left_as_it_is(tmp_path, folder):
    path = tmp_path / "other.sqlite"
    for version in (0, 2):
        with sqlite3.connect(path) as connection:
            connection.execute(f"CREATE TABLE other{version} (a)")
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        before = path.read_bytes()
        for work in (lambda: update_index(path, folder), lambda: found(path, "kedi")):
            with pytest.raises(UserError, match="an SQLite file of something else; name another file"):
                work()
        assert path.read_bytes() == before


def test_an_index_is_one_file_of_one_folder(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    found(path, "kedi")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".i.sqlite.lock", "belgeler", "i.sqlite"]
    (tmp_path / "öteki").mkdir()
    (tmp_path / "öteki/a.txt").write_text("başka")
    with pytest.raises(UserError, match=r"the index of .*belgeler; give --to another file"):
        update_index(path, tmp_path / "öteki")
    assert found(path, "kedi") == ["kedi.txt"]


def test_a_folder_that_lost_all_its_files_keeps_the_index(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()
    with pytest.raises(UserError, match=r"no files in it, but .*i.sqlite has 3; to empty it, remove it"):
        update_index(path, folder)
    assert found(path, "kedi") == ["kedi.txt"]


def test_a_subfolder_that_cannot_be_read_keeps_what_was_read_of_it(tmp_path, folder, monkeypatch):
    path = tmp_path / "i.sqlite"
    update_index(path, folder)
    walk = os.walk

    def refuse(top, onerror):
        for root, folders, names in walk(top):
            if "alt" in folders:
                folders.remove("alt")
                onerror(PermissionError(13, "Permission denied", str(folder / "alt")))
            yield root, folders, names

    monkeypatch.setattr(os, "walk", refuse)
    changes = update_index(path, folder)
    assert (changes.removed, changes.unreadable) == (0, {"alt": "Permission denied"})
    assert found(path, "kuyu") == ["alt/ev.md"]


def test_a_renamed_file_of_another_format_is_read_anew(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    (folder / "a.txt").write_text("# Baş\n\nGövde")
    update_index(path, folder)
    (folder / "a.txt").rename(folder / "a.md")
    changes = update_index(path, folder)
    assert (changes.added, changes.renamed, changes.removed) == (1, 0, 1)
    with open_index(path) as index:
        assert index.search("gövde")[0].heading == "Baş"


def test_odd_names_and_links_are_told_or_left_out(tmp_path, folder):
    (folder / "döngü.txt").symlink_to("döngü.txt")
    (folder / "kırık.txt").symlink_to("yok.txt")
    with open(os.fsencode(folder) + b"/\xfe\xf0eski.txt", "w") as file:
        file.write("eski")
    changes = update_index(folder / "i.sqlite", folder)
    assert (changes.added, changes.skipped) == (3, 0)
    assert list(changes.unreadable.values()) == ["its name is no text in UTF-8; rename it"]
    assert update_index(folder / "i.sqlite", folder).skipped == 0


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("cocugun", "kedi.txt"), ("EVLERI TASTANDIR", "alt/ev.md"), ("van golu", "sayfa.html"),
        ("rüzgar", "kâğıt.txt"), ("kagit", "kâğıt.txt"), ("internet", "kâğıt.txt"), ("1234599", "kâğıt.txt"),
        ("Ankara`nın", "kâğıt.txt"),
    ],
)  # fmt: skip
def test_careless_letters_are_found(tmp_path, folder, query, path):
    text = "Kâğıt rüzgârda uçtu. INTERNET 1234599 Ankara‘da."
    (folder / "kâğıt.txt").write_text(text, encoding="utf-8")
    update_index(tmp_path / "i.sqlite", folder)
    assert found(tmp_path / "i.sqlite", query)[0] == path
    assert found(tmp_path / "i.sqlite", "1234567 da") == []


@pytest.mark.parametrize(
    "query", ["kuyuu", "bahhçe", "bhaçe", "bahç", "mahalelenin", "taşşandır", "ALEVLERİ"]
)
def test_typing_errors_are_forgiven_in_words_that_no_one_knows(tmp_path, folder, query):
    """kuyuu: a form of kuyu that stands there has another key; bahç is too short; alev is a word."""
    update_index(tmp_path / "i.sqlite", folder)
    expected = [] if query in ("bahç", "ALEVLERİ") else ["alt/ev.md"]
    assert found(tmp_path / "i.sqlite", query) == expected


KILLED = """
import os, signal, sys, threading, time, random
from pathlib import Path
from pipeline.search import index
index.BATCH_BYTES = 2_000
threading.Timer(float(sys.argv[3]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
index.update_index(Path(sys.argv[1]), Path(sys.argv[2]))
time.sleep(60)
"""


@pytest.mark.slow
def test_twenty_kills_lose_and_double_nothing(tmp_path, root):
    folder = tmp_path / "belgeler"
    folder.mkdir()
    for i in range(300):
        (folder / f"{i}.txt").write_text(
            f"belge{i} " + " ".join(f"söz{i}x{j}" for j in range(300)), encoding="utf-8"
        )
    path = tmp_path / "i.sqlite"
    for attempt in range(20):
        (folder / f"{attempt}.txt").write_text(f"değişti{attempt}", encoding="utf-8")
        seconds = 0.2 + 0.03 * attempt
        subprocess.run(
            [sys.executable, "-c", KILLED, path, folder, str(seconds)], cwd=root, env=os.environ, check=False
        )
        if path.exists() and path.stat().st_size:
            with sqlite3.connect(path) as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0]:
                    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    update_index(path, folder)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT path) FROM files").fetchone() == (300, 300)
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (300,)
    check_whole(path)
