import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.encoder import teacher
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.vocabulary import encode_texts
from tests.helpers.factories import encoder_params


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """The folder for models of a project, which is the current one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/raw/model"
    folder.mkdir(parents=True)
    return folder


def load(prefixes, path="data/raw/model/t.parquet", texts=("Bir cümle var burada.",), **changes):
    params = encoder_params(**{"teacher": path, "width": 64, "teacher_spans": 20, "vocab_size": 30} | changes)
    return teacher.load_teacher(params, list(texts), prefixes, 1, torch.device("cpu"))


def test_write_and_read_teacher_round_trip(raw):
    vectors = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    teacher.write_teacher(raw / "t.parquet", ["bir", "iki", "üç dört"], vectors)
    texts, read = teacher.read_teacher(raw / "t.parquet")
    assert texts == ["bir", "iki", "üç dört"]
    assert np.array_equal(read, vectors)


def test_load_teacher_centers_vectors(raw, prefixes):
    vectors = np.random.default_rng(0).standard_normal((3, 5)) + 10
    teacher.write_teacher(raw / "t.parquet", ["bir", "iki", "üç dört"], vectors)
    known = load(prefixes)
    assert np.linalg.norm(known.vectors_NxE, axis=1) == pytest.approx(1)
    assert np.abs(known.vectors_NxE @ known.vectors_NxE.T)[0, 1] < 0.9
    assert [row.tolist() for row in known.rows] == [
        row.tolist() for row in encode_texts(prefixes, ["bir", "iki", "üç dört"])
    ]


def test_load_teacher_asks_a_sentence_transformers_folder(raw, prefixes, table, texts):
    from pipeline.encoder.hf_io import save_encoder

    (raw / "small").mkdir()
    save_encoder(raw / "small", table)
    known = load(prefixes, "data/raw/model/small", texts[:50])
    asked = teacher.list_teacher_texts(texts[:50], 30, 20, 1)
    expected = table.embed(asked) - table.embed(asked).mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(known.vectors_NxE, expected, atol=1e-4)
    assert 30 < len(asked) <= 50


def test_load_teacher_is_none_without_one(prefixes):
    assert load(prefixes, None) is None


def test_initialize_from_teacher_sets_directions_of_known_tokens(raw, prefixes):
    words = [piece for piece in ("ankar", "okula", "yağmu") if prefixes.token_to_id(piece) is not None]
    vectors = np.random.default_rng(0).standard_normal((len(words) + 1, 16)).astype(np.float32)
    teacher.write_teacher(raw / "t.parquet", [*words, "iki ayrı sözcük"], vectors)
    known = load(prefixes)
    size = prefixes.get_vocab_size()
    table = VectorTable(TableConfig(vocab_size=size, width=64))
    initialize_table(table, np.random.default_rng(1).random(size), 0)
    before = table.embedding.weight.detach().clone()
    teacher.initialize_from_teacher(table, known)
    after = table.embedding.weight.detach()
    assert torch.allclose(before.norm(dim=1), after.norm(dim=1), atol=1e-5)
    changed = torch.nonzero((before - after).abs().sum(dim=1)).flatten().tolist()
    assert changed == sorted(prefixes.token_to_id(word) for word in words)
    own = torch.nn.functional.normalize(after[prefixes.token_to_id(words[0]), :16], dim=0)
    assert torch.dot(own, torch.from_numpy(known.vectors_NxE[0]).float()) == pytest.approx(1, abs=1e-4)


def test_imitation_loss_is_zero_for_the_teachers_directions():
    targets = torch.nn.functional.normalize(torch.randn(4, 3), dim=1)
    own = torch.cat([2 * targets, torch.randn(4, 2)], dim=1)
    assert teacher.imitation_loss(own, targets).item() == pytest.approx(0, abs=1e-6)
    assert teacher.imitation_loss(-own, targets).item() == pytest.approx(2, abs=1e-6)


def table_of(**columns):
    return pa.table(columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (table_of(text=["a", None], vector=[[1.0], [2.0]]), r"t.parquet: row 2: no text"),
        (table_of(text=["a", " "], vector=[[1.0], [2.0]]), r"t.parquet: row 2: no text"),
        (table_of(text=["a", "b"], vector=[[1.0, 2.0], [2.0]]), r"row 2: its vector is not as long as"),
        (table_of(text=["a", "b"], vector=[[1.0], None]), r"row 2: its vector is not as long as"),
        (table_of(text=["a"], vector=[[float("nan")]]), r"a number that is not finite"),
        (table_of(text=["a"], vector=[[1.0, None]]), r"a number that is not finite"),
        (table_of(text=["a"], vector=[1.0]), r"column vector has double, not lists of numbers"),
        (table_of(text=["a"], vector=[["x"]]), r"holds something that is no number"),
        (table_of(text=pa.array([], pa.string()), vector=pa.array([], pa.list_(pa.float32()))), r"no rows"),
        (table_of(text=["a"], vectors=[[1.0]]), r"no Parquet file with columns text and vector"),
        (table_of(text=["a"], vector=[[1.0] * 65]), r"encoder.width: 64: .* have 65 numbers; set it to that"),
    ],
)
def test_load_teacher_names_the_fault_of_a_file(raw, prefixes, table, message):
    pq.write_table(table, raw / "t.parquet")
    with pytest.raises(UserError, match=message) as error:
        load(prefixes)
    assert "\n" not in str(error.value)


def test_load_teacher_names_what_is_no_teacher(raw, prefixes, tmp_path):
    with pytest.raises(UserError, match=r"encoder.teacher: data/raw/model/none.parquet: "):
        load(prefixes, "data/raw/model/none.parquet")
    with pytest.raises(UserError, match=r"encoder.teacher: elsewhere/t.parquet: not under data/raw/model/"):
        load(prefixes, "elsewhere/t.parquet")
    (raw / "t.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"t.parquet: no Parquet file"):
        load(prefixes)
    (raw / "empty").mkdir()
    (raw / "empty/config.json").write_text("{}")
    with pytest.raises(UserError, match=r"data/raw/model/empty: no sentence-transformers model"):
        load(prefixes, "data/raw/model/empty")
