import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.encoder.numpy_table import open_encoder
from pipeline.search import vectors as search_vectors
from pipeline.search.find import BM25_SCALE, open_index
from pipeline.search.index import update_index
from pipeline.search.vectors import Vectors, quantize
from tests.helpers.table_encoder import write_table_encoder

TEXTS = {
    "kedi.txt": "Kedi damda uyudu.",
    "ev.txt": "Mahallenin evleri taştandır, kedi de vardır.",
    "göl.txt": "Göl kıyısında gemi bekledi.",
    "boşluk.txt": "?! 123",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "belgeler").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "belgeler" / name).write_text(text, encoding="utf-8")
    return tmp_path / "belgeler"


def paths(index, query, by=None):
    return [hit.path for hit in index.search(query, by=by)]


def count_vectors(path):
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
    (stray,) = connection.execute(
        "SELECT count(*) FROM vectors WHERE passage_id NOT IN (SELECT id FROM passages)"
    ).fetchone()
    connection.close()
    assert not stray
    return count


def test_one_byte_a_number_keeps_the_cosine():
    rng = np.random.default_rng(0)
    exact = rng.standard_normal((9000, 64)).astype(np.float32)
    exact[7] = 0
    exact /= np.linalg.norm(exact, axis=1, keepdims=True).clip(1e-9)
    scales, numbers = quantize(exact)
    assert (numbers.dtype, np.abs(numbers).max()) == (np.int8, 127)
    query = exact[4321]
    cosines = Vectors(np.arange(9000), scales, numbers).cosines(query)
    assert np.abs(cosines - exact @ query).max() < 0.01
    assert (cosines.argmax(), cosines[7]) == (4321, 0)


def test_vectors_and_words_find_together(tmp_path, folder):
    encoder, path = write_table_encoder(tmp_path / "encoder"), tmp_path / "i.sqlite"
    assert update_index(path, folder, encoder).embedded == 4
    with open_index(path) as index:
        assert paths(index, "kedi damda uyudu", "vectors")[0] == "kedi.txt"
        assert paths(index, "gemi", "words") == ["göl.txt"]
        both = {hit.path: hit.score for hit in index.search("kedi damda")}
        words = {hit.path: hit.score for hit in index.search("kedi damda", by="words")}
        cosines = {hit.path: hit.score for hit in index.search("kedi damda", by="vectors")}
    assert set(both) == set(cosines) == set(TEXTS)
    for name in TEXTS:
        expected = words.get(name, 0.0) + BM25_SCALE * 2.0 * cosines[name]
        assert both[name] == pytest.approx(expected, abs=1e-5)
    assert list(both.values()) == sorted(both.values(), reverse=True)
    assert cosines["boşluk.txt"] == 0


def test_passages_that_only_vectors_find_are_ranked_by_their_words_too(tmp_path, folder, monkeypatch):
    path = tmp_path / "i.sqlite"
    update_index(path, folder, write_table_encoder(tmp_path / "encoder"))
    with open_index(path) as index:
        whole = {hit.path: hit.score for hit in index.search("kedi evleri")}
        monkeypatch.setattr("pipeline.search.find.CANDIDATES", 1)
        few = index.search("kedi evleri")
    assert 1 <= len(few) <= 2
    for hit in few:
        assert hit.score == pytest.approx(whole[hit.path], abs=1e-5)


def test_an_update_makes_the_vectors_that_are_missing(tmp_path, folder, monkeypatch):
    encoder, path = write_table_encoder(tmp_path / "encoder"), tmp_path / "i.sqlite"
    update_index(path, folder)
    assert count_vectors(path) == 0
    monkeypatch.setattr(search_vectors, "BATCH_PASSAGES", 1)
    monkeypatch.setattr(search_vectors, "COMMIT_PASSAGES", 2)

    def stop(vectors, calls=[]):  # noqa: B006
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return quantize(vectors)

    monkeypatch.setattr(search_vectors, "quantize", stop)
    with pytest.raises(KeyboardInterrupt):
        update_index(path, folder, encoder)
    assert count_vectors(path) == 2
    monkeypatch.setattr(search_vectors, "quantize", quantize)
    assert update_index(path, folder).embedded == 2
    (folder / "kedi.txt").write_text("Kedi kuyuya baktı.", encoding="utf-8")
    (folder / "ev.txt").unlink()
    assert update_index(path, folder).embedded == 1
    assert count_vectors(path) == 3
    update_index(path, folder, words_only=True)
    assert count_vectors(path) == 0
    assert update_index(path, folder).embedded == 0


def test_a_changed_encoder_leaves_words_and_is_told(tmp_path, folder):
    encoder, path = write_table_encoder(tmp_path / "encoder"), tmp_path / "i.sqlite"
    update_index(path, folder, encoder)
    write_table_encoder(tmp_path / "encoder", seed=1)
    with open_index(path) as index:
        assert "has changed; run" in str(index.encoder_problem)
        assert paths(index, "gemi") == ["göl.txt"]
        with pytest.raises(UserError, match=r"i.sqlite: its encoder .*encoder has changed; run"):
            index.search("gemi", by="vectors")
    assert update_index(path, folder).embedded == 4
    with open_index(path) as index:
        assert not index.encoder_problem
        assert len(paths(index, "gemi")) == 4
    encoder.rename(tmp_path / "elsewhere")
    with open_index(path) as index:
        assert "is gone; name another" in str(index.encoder_problem)
        assert paths(index, "gemi") == ["göl.txt"]
    with pytest.raises(UserError, match="encoder"):
        update_index(path, folder)
    assert update_index(path, folder, tmp_path / "elsewhere").embedded == 0  # the same one, moved
    with open_index(path) as index:
        assert len(paths(index, "gemi")) == 4


def test_vectors_that_no_one_made_are_told(tmp_path, folder):
    update_index(tmp_path / "i.sqlite", folder)
    with open_index(tmp_path / "i.sqlite") as index:
        assert paths(index, "gemi") == ["göl.txt"]
        with pytest.raises(UserError, match="no vectors in it; make them: tezgah index FOLDER --encoder"):
            index.search("gemi", by="both")


def test_a_damaged_encoder_is_told_before_any_file_is_read(tmp_path, folder):
    encoder = write_table_encoder(tmp_path / "encoder")
    (encoder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="damaged"):
        update_index(tmp_path / "i.sqlite", folder, encoder)
    with open_index(tmp_path / "i.sqlite") as index:
        assert index.search("kedi") == []


def test_a_table_is_searched_without_torch(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder, write_table_encoder(tmp_path / "encoder"))
    code = f"""
import sys
from pipeline.search.find import open_index
with open_index({str(path)!r}) as index:
    assert len(index.search("kedi")) == 4
assert "torch" not in sys.modules and "bm25s" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_embed_returns_is_of_length_one_or_zero(tmp_path):
    vectors = open_encoder(write_table_encoder(tmp_path / "encoder")).embed(["kedi damda", "", "xyz"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0], abs=1e-6)
