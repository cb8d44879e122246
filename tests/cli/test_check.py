"""`tezgah check`: input files read whole, the order of errors, and what is kept in the scratch folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.cli import check, check_cache
from pipeline.cli.check import check_conversations, check_params
from pipeline.common.errors import UserError
from tests.helpers.closure import closure, room
from tests.helpers.paths import ROOT, SHARED
from tests.helpers.small import write_task

GOOD = json.dumps({"prompt": "Kim?", "response": "Ben."})
PAIR = json.dumps({"good": "Su içtim.", "bad": "Su içtin."})
TASKS = {
    "text": {"text": "Bir gün."},
    "minimal_pairs": {"good": "a b", "bad": "a c"},
    "questions": {"question": "Kim?", "answers": ["Ben"]},
    "retrieval": {"query": "Kim?", "document": "Ben"},
    "choice": {"prompt": "Kim?", "options": ["Ben", "Sen"], "answer": 0},
    "second_halves": {"text": "Bir gün."},
    "similarity": {"first": "Kedi", "second": "Köpek", "score": 3},
}


@pytest.fixture(autouse=True)
def scratch_in_project(project, monkeypatch):
    monkeypatch.delenv("TEZGAH_SCRATCH", raising=False)


@pytest.fixture
def project_with_rows(project):
    """A project with 60 conversations and 60 pairs of its user."""
    change(project, sft={"sources": {"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}}})
    write_task(project, "pairs", "minimal_pairs")
    change(project, eval={"tasks": ["pairs"]})
    (project / "data/raw/sft/rows.jsonl").write_text((GOOD + "\n") * 60)
    (project / "data/raw/eval/pairs.jsonl").write_text((PAIR + "\n") * 60)
    return project


def change(project, **sections):
    """Set keys of sections of params.yaml."""
    yaml = YAML()
    params = yaml.load((project / "params.yaml").read_text(encoding="utf-8"))
    for name, values in sections.items():
        params[name].update(values)
    with open(project / "params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(params, file)


def append(path, line):
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def count_reads(monkeypatch):
    """Return a list that grows with every file or task that is read."""
    reads = []
    for name in ("read_conversation_file", "check_task"):
        read = getattr(check, name)
        monkeypatch.setattr(check, name, lambda *args, read=read: reads.append(args[0]) or read(*args))
    return reads


def test_check_params_finds_a_bad_row_far_from_the_first(project_with_rows):
    check_params()
    append(project_with_rows / "data/raw/sft/rows.jsonl", '{"prompt": "Kim?", "response": []}')
    with pytest.raises(
        UserError, match=r"sft/rows\.jsonl:61: response: '\[\]': no text.*sft\.on_error: skip"
    ):
        check_params()
    change(project_with_rows, sft={"on_error": "skip"})
    notes = check_conversations(check_params().sft)
    assert [note.split(";")[0] for note in notes] == ["data/raw/sft/rows.jsonl: unreadable rows skipped: 1"]


def test_check_params_reads_evaluation_files_whole(project_with_rows, monkeypatch):
    append(project_with_rows / "data/raw/eval/pairs.jsonl", '{"good": "Su içtim."}')
    with pytest.raises(UserError, match=r"pairs\.jsonl:61: no column for 'bad'"):
        check_params()


def test_check_params_looks_behind_the_notes_on_a_corpus_file(project_with_rows):
    source = {"kind": "local", "path": "data/raw/corpus/a.csv"}
    change(project_with_rows, corpus={"sources": {"mine": source}})
    file = project_with_rows / "data/raw/corpus/a.csv"
    file.write_text('id,metin\n1,"a"b\n2,x\n')
    with pytest.raises(UserError, match=r"a\.csv:2: .*put a text with quotes in quotes"):
        check_params()
    file.write_text("id,metin\n1,a\n")
    check_params()


@pytest.mark.parametrize("kind", TASKS)
def test_check_params_refuses_evaluation_files_with_too_few_rows(project_with_rows, kind):
    write_task(project_with_rows, "mine", kind, path="data/raw/eval/a.jsonl")
    change(project_with_rows, eval={"tasks": ["mine"]})
    file = project_with_rows / "data/raw/eval/a.jsonl"
    for content in ("\n", "[]"):
        file.write_text(content)
        with pytest.raises(UserError, match=r"tasks/mine\.yaml: data/raw/eval/a\.jsonl: (holds no|needs at)"):
            check_params()
    file.write_text(
        json.dumps(TASKS[kind]) + "\n" + json.dumps(TASKS[kind] | {"document": "Sen", "score": 1})
    )
    check_params()


def test_check_params_reads_a_file_again_only_where_it_changed(project_with_rows, monkeypatch):
    reads = count_reads(monkeypatch)
    for _ in range(2):
        check_params()
    rows, pairs = Path("data/raw/sft/rows.jsonl"), Path("data/raw/eval/pairs.jsonl")
    assert reads == [rows, "pairs"]
    append(rows, GOOD)
    check_params()
    assert len(reads) == 3
    append(pairs, "{")
    for _ in range(2):  # errors are not kept
        with pytest.raises(UserError, match=r"pairs\.jsonl:61: not JSON"):
            check_params()
    assert reads[3:] == ["pairs", "pairs"]


def test_check_params_reads_again_with_other_code_or_params(project_with_rows, monkeypatch, tmp_path):
    check_params()
    reads = count_reads(monkeypatch)
    change(project_with_rows, sft={"on_error": "skip"})
    change(project_with_rows, eval={"tasks": [{"pairs": {"columns": {"good": "good"}}}]})
    check_params()
    assert len(reads) == 2
    (tmp_path / "rooms/sft").mkdir(parents=True)
    (tmp_path / "rooms/sft/reader.py").write_text("")
    monkeypatch.setattr(check_cache, "ROOMS", tmp_path / "rooms")
    check_params()
    assert len(reads) == 4


@pytest.mark.parametrize("reader", ["sft/conversations.py", "eval_sets/readers.py"])
def test_reader_rooms_hold_all_code_that_reads(reader):
    rooms = {room(file).removeprefix("pipeline/") for file in closure(ROOT / "pipeline" / reader)}
    assert rooms <= set(check_cache.READER_ROOMS)


def test_check_params_without_a_usable_scratch_folder(project_with_rows, monkeypatch):
    reads = count_reads(monkeypatch)
    (project_with_rows / ".scratch").touch()  # no folder, so nothing can be written below it
    for _ in range(2):
        check_params()
    assert len(reads) == 4
    (project_with_rows / ".scratch").unlink()
    check_params()
    for file in (project_with_rows / ".scratch/check").iterdir():
        file.write_text("[1")
    check_params()
    assert len(reads) == 8


def test_check_params_names_the_first_fault_in_the_order_of_params(project_with_rows):
    """Broken rules and missing files come first, then faults in files, both in the order of the sections."""
    faults = {
        "data/raw/corpus/none.txt": {"corpus": {"sources": {
            "miniworld": {"kind": "miniworld", "documents": 9},
            "mine": {"kind": "local", "path": "data/raw/corpus/none.txt"}}}},
        "train.batch_size": {"train": {"batch_size": 7}},
        "sft.context": {"sft": {"context": 100_000}},
        "data/raw/eval/none.jsonl": {"eval": {"tasks": ["none"]}},
    }  # fmt: skip
    write_task(project_with_rows, "none")
    text = (project_with_rows / "params.yaml").read_text(encoding="utf-8")
    (project_with_rows / "data/raw/sft/rows.jsonl").write_text("{")
    for first in range(len(faults)):
        (project_with_rows / "params.yaml").write_text(text, encoding="utf-8")
        for sections in list(faults.values())[first:]:
            change(project_with_rows, **sections)
        with pytest.raises(UserError, match=list(faults)[first]):
            check_params()
    (project_with_rows / "params.yaml").write_text(text, encoding="utf-8")
    append(project_with_rows / "data/raw/eval/pairs.jsonl", "{")
    with pytest.raises(UserError, match=r"rows\.jsonl:1"):
        check_params()


def test_check_command_prints_notes_and_imports_no_torch(project_with_rows):
    row = {"prompt": "Kim?", "response": "Ben.", "id": 3, "puan": 1}
    append(project_with_rows / "data/raw/sft/rows.jsonl", json.dumps(row))
    code = (
        "import sys; from pipeline.cli.main import app; app(['check'], standalone_mode=False);"
        " assert 'torch' not in sys.modules"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [
            "note: data/raw/sft/rows.jsonl: keys without effect: id, puan",
            "params.yaml: all sections are in order",
        ]


@pytest.mark.skipif(not SHARED.is_dir(), reason="real data is not here")
def test_check_conversations_of_real_files(project):
    for file in (SHARED / "sft").glob("*.jsonl"):
        (project / "data/raw/sft" / file.name).symlink_to(file)
    change(project, sft={"sources": {"real": {"kind": "local", "path": "data/raw/sft/*.jsonl"}}})
    assert check_conversations(check_params().sft) == []
