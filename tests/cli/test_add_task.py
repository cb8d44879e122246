"""`tezgah add --eval`: a file of the user becomes a task to evaluate on."""

import json

import pytest

from pipeline.cli.check import check_params
from pipeline.cli.main import app
from pipeline.common.errors import UserError
from pipeline.eval_sets.readers import read_task
from pipeline.eval_sets.tasks import load_task_files

QUIZ = json.dumps({"soru": "Kedi ne içer?", "yanıt": "Süt"}, ensure_ascii=False) + "\n"


def add(*arguments):
    app(["add", *map(str, arguments)], standalone_mode=False)


def snapshot(project):
    folders = (project / "data/raw", project / "tasks")
    files = sorted(file for folder in folders for file in folder.rglob("*"))
    return (project / "params.yaml").read_bytes(), files


def test_add_writes_a_task_file_and_names_it_in_params(project, capsys):
    before = (project / "params.yaml").read_text(encoding="utf-8").splitlines()
    file = project / "Bilgi Yarışması.jsonl"
    file.write_text(QUIZ, encoding="utf-8")
    add("--eval", "questions", file, "--column", "question=soru,answers=yanıt")
    assert (project / "data/raw/eval/Bilgi Yarışması.jsonl").samefile(file)
    (task,) = load_task_files(check_params().eval).values()
    assert (task.name, task.kind, task.metric) == ("bilgi_yarismasi", "questions", "exact_match")
    (question,) = read_task(task.name, task)
    assert question.answers == ("Süt",)
    after = (project / "params.yaml").read_text(encoding="utf-8").splitlines()
    assert set(before) - set(after) == {"  tasks: []"}
    printed = capsys.readouterr().out
    assert "tasks/bilgi_yarismasi.yaml: written; say there where the items are from" in printed
    assert "params.yaml: eval.tasks: bilgi_yarismasi" in printed
    assert "`dvc repro` will run: slice_corpus, evaluate" in printed


def test_add_takes_the_column_of_a_text_and_a_second_task(project):
    (project / "a.csv").write_text("no,metin\n1,Bir gün.\n", encoding="utf-8")
    (project / "b.tsv").write_text("good\tbad\na b\ta c\n", encoding="utf-8")
    add("--eval", "text", project / "a.csv", "--column", "metin", "--copy")
    add("--eval", "minimal_pairs", project / "b.tsv", "--name", "ciftler")
    tasks = load_task_files(check_params().eval)
    assert list(tasks) == ["a", "ciftler"]
    assert tasks["a"].columns == {"text": "metin"}
    assert tasks["ciftler"].chance == 0.5
    assert not (project / "data/raw/eval/a.csv").is_symlink()


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (QUIZ, ["--eval", "question"], r"--eval: 'question': no such kind of task; did you mean 'questions'"),
        (QUIZ, ["--eval", "questions"], r"a\.jsonl:1: no column for 'question'; name it in tasks/a\.yaml"),
        (QUIZ, ["--eval", "questions", "--column", "soru=x"], r"tasks/a\.yaml: columns\.soru: unknown field"),
        ("", ["--eval", "text"], r"tasks/a\.yaml: data/raw/eval/a\.jsonl: holds no rows"),
        (None, ["--eval", "text"], "a.jsonl: no such file"),
        (QUIZ, ["--eval", "text", "--name", "turblimp"], r"tasks/turblimp\.yaml: already exists"),
        (QUIZ, ["--eval", "text", "--name", "val"], r"tasks/val\.yaml: name: 'val': is taken"),
        (QUIZ, ["--eval", "text", "--name", "x/y"], r"tasks/x/y\.yaml: name: 'x/y': use letters"),
        (QUIZ, ["--eval", "text", "--sft"], "--sft: does not go with --eval"),
        (QUIZ, ["--eval", "text", "b.jsonl"], "b.jsonl: a task of several files is written by hand"),
    ],
)
def test_add_refuses_a_mistake_and_leaves_nothing(project, content, arguments, message):
    if content is not None:
        (project / "a.jsonl").write_text(content, encoding="utf-8")
    before = snapshot(project)
    with pytest.raises(UserError, match=message):
        add(project / "a.jsonl", *arguments)
    assert snapshot(project) == before
