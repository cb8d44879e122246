import pytest

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.eval_sets.params import EvalParams, EvalTask, check_inputs, task_files

SECTION = {
    "tasks": {},
    "max_bytes": 1000,
    "ngram_tokens": 10**6,
    "max_questions": 10,
    "max_new_tokens": 8,
    "sample_tokens": 8,
    "temperature": 0.7,
    "top_p": 0.95,
    "prompts": ["Ankara"],
}


def section(**tasks):
    return params.parse(SECTION | {"tasks": tasks}, "eval", EvalParams)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data/raw/eval/turblimp"
    folder.mkdir(parents=True)
    for name in ("b.csv", "a.csv", ".gitkeep", "a.csv.dvc"):
        (folder / name).touch()
    return tmp_path


def task(path, kind="minimal_pairs"):
    return {"kind": kind, "path": path}


def test_a_glob_names_its_files_in_order_without_those_of_dvc_and_git(root):
    tasks = section(t=task("data/raw/eval/turblimp/*")).tasks
    assert [path.name for path in task_files("t", tasks["t"], root=root)] == ["a.csv", "b.csv"]


def test_files_that_are_there_pass(root):
    check_inputs(section(t=task("data/raw/eval/turblimp/*.csv")), root)


def test_linked_files_pass(root, tmp_path):
    (root / "data/raw/eval/link.csv").symlink_to(root / "data/raw/eval/turblimp/a.csv")
    check_inputs(section(t=task("data/raw/eval/link.csv")), root)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/raw/eval/none.csv", r"eval\.tasks\.t\.path: data/raw/eval/none\.csv: no such file"),
        ("data/raw/eval/turblimp", "is a folder; name its files"),
        ("data/corpus/x.csv", r"not under data/raw/eval/"),
        ("/etc/passwd", r"not under data/raw/eval/"),
        ("data/raw/eval/../x.csv", r"not under data/raw/eval/"),
    ],
)
def test_a_path_without_usable_files_is_refused(root, path, message):
    with pytest.raises(UserError, match=message):
        check_inputs(section(t=task(path)), root)


@pytest.mark.parametrize("pattern", ["data/raw/eval/linked/*.csv", "data/raw/eval/*/a.csv"])
def test_a_linked_folder_is_refused_with_the_command_to_use(root, pattern):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/a.csv").touch()
    (root / "data/raw/eval/linked").symlink_to(root / "elsewhere")
    with pytest.raises(UserError, match=r"data/raw/eval/linked is a symlinked .* ln -s .*/\*"):
        check_inputs(section(t=task(pattern)), root)


def test_a_link_to_nowhere_is_refused(root):
    (root / "data/raw/eval/gone.csv").symlink_to("/nowhere/gone.csv")
    with pytest.raises(UserError, match=r"gone\.csv: links to /nowhere/gone\.csv"):
        check_inputs(section(t=task("data/raw/eval/gone.csv")), root)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"t": {"kind": "pairs", "path": "x"}}, r"eval\.tasks\.t\.kind: 'pairs'"),
        ({"t": {"kind": "text", "path": "x", "colums": {}}}, r"colums: unknown key; did you mean 'columns'"),
        (
            {"t": {"kind": "text", "path": "x", "columns": {"txt": "c"}}},
            r"columns\.txt: unknown field; did you mean 'text'",
        ),
        ({"a.b": task("x")}, r"task name 'a\.b'"),
        ({"test": task("x")}, "task name 'test' is taken"),
    ],
)
def test_a_faulty_task_is_refused(tasks, message):
    with pytest.raises(UserError, match=message):
        params.parse(SECTION | {"tasks": tasks}, "eval", EvalParams)


def test_tasks_are_typed():
    assert section(t=task("x", "text")).tasks == {"t": EvalTask(kind="text", path="x")}
