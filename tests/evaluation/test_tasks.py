import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.params import EvalParams
from pipeline.evaluation.splits import chosen_documents, miniworld_retrieval
from pipeline.evaluation.tasks import pair_tasks, question_tasks, retrieval_tasks, text_tasks

FILES = ("minimal_pairs.jsonl", "questions.jsonl", "queries.jsonl")


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


def settings(**tasks):
    return EvalParams(
        tasks=tasks,
        max_bytes=100,
        ngram_tokens=10**6,
        max_questions=2,
        max_new_tokens=8,
        sample_tokens=8,
        temperature=0.0,
        top_p=1.0,
        prompts=[],
    )


def test_documents_are_chosen_by_hash_up_to_their_bytes(root):
    folder = root / "data/corpus/val"
    ten = chosen_documents(folder, 109)
    assert len(ten) == 10
    assert [d.id for d in ten] != [f"val-{i}" for i in range(10)]
    assert {d.id for d in chosen_documents(folder, 59)} < {d.id for d in ten}
    assert len(chosen_documents(folder, 1)) == 1
    assert len(chosen_documents(folder, 10_000)) == 30


def test_an_empty_split_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no documents"):
        chosen_documents(write_split(tmp_path, "val", 0), 100)


def test_queries_come_with_their_documents_among_others(root):
    queries = root / "data/corpus/miniworld/queries.jsonl"
    write_lines(
        queries,
        [{"query": f"soru {i}", "document_id": f"test-{i}"} for i in (3, 3, 7)]
        + [{"query": "elsewhere", "document_id": "train-1"}],
    )
    task = miniworld_retrieval(queries, root / "data/corpus/test", pool_size=10)
    assert task.queries == ("soru 3", "soru 3", "soru 7")
    assert [task.documents[target] for target in task.targets] == ["metin 0003", "metin 0003", "metin 0007"]
    assert len(set(task.documents)) == 10
    assert len(miniworld_retrieval(queries, root / "data/corpus/test", pool_size=1).queries) in (1, 2)


def test_without_a_miniworld_only_the_splits_are_measured(root):
    assert list(text_tasks(settings(), root)) == ["val", "test"]
    assert pair_tasks(settings(), root) == {}
    assert question_tasks(settings(), 0, root) == {}
    assert retrieval_tasks(settings(), root) == {}


def test_the_miniworld_and_files_stand_side_by_side(root):
    miniworld, raw = root / "data/corpus/miniworld", root / "data/raw/eval"
    rows = [{"good": "a", "bad": "b", "type": "t"}]
    write_lines(miniworld / "minimal_pairs.jsonl", rows)
    write_lines(raw / "pairs.jsonl", rows * 2)
    rows = [{"question": f"{i}?", "answers": ["x"], "family": "f", "kind": "k"} for i in range(5)]
    write_lines(miniworld / "questions.jsonl", rows)
    write_lines(miniworld / "queries.jsonl", [{"query": "soru", "document_id": "test-3"}])
    write_lines(raw / "retrieval.jsonl", [{"query": q, "document": d} for q, d in ["1x", "2y"]])
    write_lines(raw / "text.jsonl", [{"text": "Bir " * 100}])
    chosen = settings(
        pairs={"kind": "minimal_pairs", "path": "data/raw/eval/pairs.jsonl"},
        search={"kind": "retrieval", "path": "data/raw/eval/retrieval.jsonl"},
        held_out={"kind": "text", "path": "data/raw/eval/text.jsonl"},
    )
    assert {name: len(rows) for name, rows in pair_tasks(chosen, root).items()} == {
        "miniworld": 1,
        "pairs": 2,
    }
    assert {name: len(rows) for name, rows in question_tasks(chosen, 0, root).items()} == {"miniworld": 2}
    assert list(retrieval_tasks(chosen, root)) == ["miniworld", "search"]
    assert text_tasks(chosen, root)["held_out"][0].text == "Bir " * 100


@pytest.mark.parametrize(
    ("measured", "kind", "row", "message"),
    [
        (pair_tasks, "minimal_pairs", None, "eval.tasks.t: data/raw/eval/t.jsonl: holds no rows"),
        (
            retrieval_tasks,
            "retrieval",
            {"query": "q", "document": "d"},
            "needs at least 2 different documents",
        ),
    ],
)
def test_a_task_with_nothing_to_measure_is_refused(root, measured, kind, row, message):
    write_lines(root / "data/raw/eval/t.jsonl", [row] if row else [])
    chosen = settings(t={"kind": kind, "path": "data/raw/eval/t.jsonl"})
    with pytest.raises(UserError, match=message):
        measured(chosen, root)
