import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.params import EvalTask, check_inputs, task_files
from tests.helpers.factories import eval_params


def section(**tasks):
    return eval_params(tasks=tasks)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data/raw/eval/turblimp"
    folder.mkdir(parents=True)
    for name in ("b.csv", "a.csv", ".gitkeep", "a.csv.dvc"):
        (folder / name).touch()
    return tmp_path


def task(path, kind="minimal_pairs"):
    return {"kind": kind, "path": path}


def test_task_files_of_a_glob_are_sorted_without_dvc_and_git_files(root):
    tasks = section(t=task("data/raw/eval/turblimp/*")).tasks
    assert [path.name for path in task_files("t", tasks["t"], root=root)] == ["a.csv", "b.csv"]


def test_check_inputs_accepts_existing_files(root):
    check_inputs(section(t=task("data/raw/eval/turblimp/*.csv")), root)


def test_check_inputs_accepts_linked_files(root, tmp_path):
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
def test_check_inputs_refuses_a_path_without_usable_files(root, path, message):
    with pytest.raises(UserError, match=message):
        check_inputs(section(t=task(path)), root)


@pytest.mark.parametrize("pattern", ["data/raw/eval/linked/*.csv", "data/raw/eval/*/a.csv"])
def test_check_inputs_refuses_a_linked_folder_and_names_the_command(root, pattern):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/a.csv").touch()
    (root / "data/raw/eval/linked").symlink_to(root / "elsewhere")
    with pytest.raises(UserError, match=r"data/raw/eval/linked is a symlinked .* ln -s .*/\*"):
        check_inputs(section(t=task(pattern)), root)


def test_check_inputs_refuses_a_broken_link(root):
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
def test_eval_params_refuses_a_faulty_task(tasks, message):
    with pytest.raises(UserError, match=message):
        eval_params(tasks=tasks)


def test_eval_params_tasks_are_typed():
    assert section(t=task("x", "text")).tasks == {"t": EvalTask(kind="text", path="x")}
