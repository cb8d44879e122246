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
from pipeline.search.vectors import Vectors, quantize, read_vectors
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
    passages = {row[0] for row in connection.execute("SELECT id FROM passages")}
    vectors = read_vectors(connection, 32)
    connection.close()
    assert set(vectors.passages_N.tolist()) <= passages
    assert sorted(vectors.passages_N.tolist()) == vectors.passages_N.tolist()
    assert len(vectors.scales_N) == len(vectors.numbers_NxD) == len(vectors.passages_N)
    return len(vectors.passages_N)


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
    assert set(both) == set(words) | set(cosines)
    assert "boşluk.txt" not in both
    for name in both:
        expected = words.get(name, 0.0) + BM25_SCALE * 2.0 * cosines.get(name, 0.0)
        assert both[name] == pytest.approx(expected, abs=1e-5) or name not in cosines
    assert list(both.values()) == sorted(both.values(), reverse=True)
    assert min(cosines.values()) > 0


def test_what_nothing_speaks_for_is_not_shown(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder, write_table_encoder(tmp_path / "encoder"))
    with open_index(path) as index:
        assert paths(index, "zzqqxx") == paths(index, "zzqqxx", "vectors") == []
        assert len(index.search("kedi", 1, "both")) == 1


def test_forms_of_a_short_stem_are_found_beside_vectors_too(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    update_index(path, folder, write_table_encoder(tmp_path / "encoder"))
    with open_index(path) as index:
        assert "ev.txt" in paths(index, "ev")


def test_many_passages_may_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.search.find.CANDIDATES", 3)
    (tmp_path / "f").mkdir()
    for i in range(30):
        (tmp_path / f"f/{i}.txt").write_text(f"kedi damda {i}")
    path = tmp_path / "i.sqlite"
    update_index(path, tmp_path / "f", write_table_encoder(tmp_path / "encoder"))
    with open_index(path) as index:
        for way in ("words", "vectors", "both"):
            assert len(index.search("kedi", 25, way)) == 25


def test_an_open_index_sees_what_changes(tmp_path, folder):
    path = tmp_path / "i.sqlite"
    encoder = write_table_encoder(tmp_path / "encoder")
    update_index(path, folder, encoder)
    with open_index(path) as index:
        assert paths(index, "kedi damda uyudu", "vectors")[0] == "kedi.txt"
        (folder / "kedi.txt").write_text("Gemi gölde.", encoding="utf-8")
        (folder / "ev.txt").unlink()
        update_index(path, folder)
        for way in ("words", "vectors", "both"):
            assert "ev.txt" not in paths(index, "kedi damda uyudu", way)
            assert paths(index, "gemi gölde", way)[0] == "kedi.txt"


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
    monkeypatch.setattr(search_vectors, "BLOCK_ROWS", 1)
    monkeypatch.setattr(search_vectors, "COMMIT_BLOCKS", 2)

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
        assert "has changed; run" in str(index.encoder_error)
        assert paths(index, "gemi") == ["göl.txt"]
        with pytest.raises(UserError, match=r"i.sqlite: its encoder .*encoder has changed; run"):
            index.search("gemi", by="vectors")
    assert update_index(path, folder).embedded == 4
    with open_index(path) as index:
        assert not index.encoder_error
        assert paths(index, "kedi damda", "vectors")
    encoder.rename(tmp_path / "elsewhere")
    with open_index(path) as index:
        assert "its encoder cannot be used: " in str(index.encoder_error)
        assert paths(index, "gemi") == ["göl.txt"]
    (folder / "kedi.txt").write_text("Kedi kuyuda.", encoding="utf-8")
    assert "encoder" in str(update_index(path, folder).encoder_error)
    with open_index(path) as index:
        assert paths(index, "kuyuda") == ["kedi.txt"]
    assert update_index(path, folder, tmp_path / "elsewhere").embedded == 1  # the same one, moved
    with open_index(path) as index:
        assert paths(index, "kedi kuyuda", "vectors")[0] == "kedi.txt"


def test_vectors_of_a_part_are_not_used(tmp_path, folder, monkeypatch):
    path, encoder = tmp_path / "i.sqlite", write_table_encoder(tmp_path / "encoder")
    update_index(path, folder, encoder)
    (folder / "yeni.txt").write_text("Kedi yine damda.", encoding="utf-8")
    monkeypatch.setattr("pipeline.search.index.update_vectors", lambda *args: 0)
    update_index(path, folder)
    with open_index(path) as index:
        assert "vectors are missing; run" in str(index.encoder_error)
        assert "yeni.txt" in paths(index, "damda")


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
    assert index.search("kedi", by="both")
assert "torch" not in sys.modules and "bm25s" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_embed_returns_is_of_length_one_or_zero(tmp_path):
    vectors = open_encoder(write_table_encoder(tmp_path / "encoder")).embed(["kedi damda", "", "xyz"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0], abs=1e-6)
