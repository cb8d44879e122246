import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.tasks import load_task_files
from pipeline.evaluation.select_documents import load_miniworld_retrieval, select_documents
from pipeline.evaluation.tasks import (
    load_pair_tasks,
    load_question_tasks,
    load_retrieval_tasks,
    load_tasks,
    load_text_tasks,
)
from tests.helpers.factories import eval_params
from tests.helpers.small import write_task

FILES = (
    "minimal_pairs.jsonl",
    "questions.jsonl",
    "seen_questions.jsonl",
    "readings.jsonl",
    "first_words_test.jsonl",
    "queries.jsonl",
)


def write_split(root, name, count):
    folder = root / "data/corpus" / name
    folder.mkdir(parents=True)
    rows = [{"id": f"{name}-{i}", "source": "s", "text": f"metin {i:04d}"} for i in range(count)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
    return folder


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    for name in ("val", "test"):
        write_split(tmp_path, name, 30)
    (tmp_path / "data/corpus/miniworld").mkdir()
    for file in FILES:
        (tmp_path / "data/corpus/miniworld" / file).touch()
    (tmp_path / "data/raw/eval").mkdir(parents=True)
    return tmp_path


def make_files(root, **kinds):
    """The tasks of data/raw/eval/NAME.jsonl, by name."""
    for name, kind in kinds.items():
        write_task(root, name, kind)
    return load_task_files(eval_params(tasks=list(kinds)), root)


def test_select_documents_by_hash_up_to_max_bytes(root):
    folder = root / "data/corpus/val"
    ten = select_documents(folder, 109)
    assert len(ten) == 10
    assert [d.id for d in ten] != [f"val-{i}" for i in range(10)]
    assert {d.id for d in select_documents(folder, 59)} < {d.id for d in ten}
    assert len(select_documents(folder, 1)) == 1
    assert len(select_documents(folder, 10_000)) == 30


def test_select_documents_refuses_an_empty_split(tmp_path):
    with pytest.raises(UserError, match="holds no documents"):
        select_documents(write_split(tmp_path, "val", 0), 100)


def test_load_miniworld_retrieval_pools_targets_and_others(root):
    queries = root / "data/corpus/miniworld/queries.jsonl"
    write_lines(
        queries,
        [{"query": f"soru {i}", "document_id": f"test-{i}"} for i in (3, 3, 7)]
        + [{"query": "elsewhere", "document_id": "train-1"}],
    )
    task = load_miniworld_retrieval(queries, root / "data/corpus/test", pool_size=10)
    assert task.queries == ("soru 3", "soru 3", "soru 7")
    assert [task.documents[target] for target in task.targets] == ["metin 0003", "metin 0003", "metin 0007"]
    assert len(set(task.documents)) == 10
    assert len(load_miniworld_retrieval(queries, root / "data/corpus/test", pool_size=1).queries) in (1, 2)


def test_load_tasks_without_a_miniworld_has_only_the_splits(root):
    assert list(load_text_tasks({}, 100, root)) == ["val", "test"]
    assert load_pair_tasks({}, root) == {}
    assert load_question_tasks({}, 2, 0, root) == {}
    assert load_retrieval_tasks({}, root) == {}
    texts, *others = load_tasks(eval_params(tasks=[]), 0, root)
    assert list(texts) == ["val", "test"]
    assert not any(others)


def test_load_tasks_has_the_miniworld_and_files(root):
    miniworld, raw = root / "data/corpus/miniworld", root / "data/raw/eval"
    rows = [{"good": "a", "bad": "b", "type": "t"}]
    write_lines(miniworld / "minimal_pairs.jsonl", rows)
    write_lines(raw / "pairs.jsonl", rows * 2)
    rows = [{"question": f"{i}?", "answers": ["x"], "family": "f", "kind": "k"} for i in range(5)]
    write_lines(miniworld / "questions.jsonl", rows)
    write_lines(miniworld / "queries.jsonl", [{"query": "soru", "document_id": "test-3"}])
    write_lines(raw / "search.jsonl", [{"query": q, "document": d} for q, d in ["1x", "2y"]])
    write_lines(raw / "held_out.jsonl", [{"text": "Bir " * 100}])
    files = make_files(root, pairs="minimal_pairs", search="retrieval", held_out="text")
    assert {name: len(rows) for name, rows in load_pair_tasks(files, root).items()} == {
        "miniworld": 1,
        "pairs": 2,
    }
    assert {name: len(rows) for name, rows in load_question_tasks(files, 2, 0, root).items()} == {
        "miniworld": 2
    }
    assert list(load_retrieval_tasks(files, root)) == ["miniworld", "search"]
    assert load_text_tasks(files, 100, root)["held_out"][0].text == "Bir " * 100
    assert load_tasks(eval_params(tasks=list(files)), 0, root).files == files


@pytest.mark.parametrize(
    ("measured", "kind", "row", "message"),
    [
        (load_pair_tasks, "minimal_pairs", None, "tasks/t.yaml: data/raw/eval/t.jsonl: holds no rows"),
        (
            load_retrieval_tasks,
            "retrieval",
            {"query": "q", "document": "d"},
            "needs at least 2 different documents",
        ),
    ],
)
def test_load_tasks_refuses_a_task_without_rows(root, measured, kind, row, message):
    write_lines(root / "data/raw/eval/t.jsonl", [row] if row else [])
    with pytest.raises(UserError, match=message):
        measured(make_files(root, t=kind), root)
