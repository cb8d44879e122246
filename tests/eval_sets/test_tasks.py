"""Task files: their keys, what eval.tasks changes of them, and where their data may lie."""

import json
import re
import shutil

import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.readers import Choice, Document, ScoredPair, read_task
from pipeline.eval_sets.tasks import (
    METRICS,
    check_inputs,
    find_data_files,
    list_task_names,
    load_task_files,
    read_task_file,
)
from tests.helpers.factories import eval_params
from tests.helpers.paths import ROOT
from tests.helpers.small import write_task

MEASURED = ("heldout", "turblimp", "xquad_tr", "xquad_tr_answers")
HUB = {"dataset": "a/b", "split": "test", "revision": "0" * 40}


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data/raw/eval/turblimp"
    folder.mkdir(parents=True)
    for name in ("b.csv", "a.csv", ".gitkeep", "a.csv.dvc"):
        (folder / name).touch()
    return tmp_path


def check(root, path, **changes):
    """Check the data of a task with this path."""
    write_task(root, "t", "minimal_pairs", path=path, **changes)
    check_inputs(eval_params(tasks=["t"]), root)


@pytest.mark.parametrize("name", list_task_names(ROOT))
def test_every_shipped_task_is_in_order(name):
    assert read_task_file(name, ROOT).name == name


def test_load_task_files_merges_the_changes_of_params(root):
    write_task(root, "t", columns={"text": "metin"})
    write_task(root, "u")
    params = eval_params(tasks=[{"t": {"path": "data/raw/eval/other.jsonl", "version": 2}}, "u"])
    tasks = load_task_files(params, root)
    assert list(tasks) == ["t", "u"]
    assert (tasks["t"].path, tasks["t"].version) == ("data/raw/eval/other.jsonl", 2)
    assert tasks["t"].columns == {"text": "metin"}
    assert tasks["u"].path == "data/raw/eval/u.jsonl"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "poems"}, "kind: 'poems': Input should be 'text'"),
        ({"version": "1.0"}, "version: '1.0': Input should be a valid integer"),
        ({"version": 0}, "version: 0: Input should be greater than or equal to 1"),
        ({"version": ...}, "version: missing"),
        ({"license": ...}, "license: missing"),
        ({"colums": {}}, "colums: unknown key; did you mean 'columns'?"),
        ({"columns": {"txt": "c"}}, "columns.txt: unknown field; did you mean 'text'?"),
        ({"metric": "accuracy"}, "metric: 'accuracy': a task of kind text has bits_per_byte; write that"),
        ({"chance": 2.0}, "chance: 2.0: Input should be less than or equal to 1"),
        ({"path": "/etc/passwd"}, "path: '/etc/passwd': not under data/raw/eval/; put or link"),
        ({"path": "data/raw/eval/../x.csv"}, "path: 'data/raw/eval/../x.csv': not under data/raw/eval/"),
        ({"path": "data/corpus/x.csv"}, "path: 'data/corpus/x.csv': not under data/raw/eval/"),
        ({"hub": HUB | {"revision": "main"}}, "hub.revision: 'main': String should match"),
        ({"hub": HUB, "path": "data/raw/eval/*.csv"}, "path: 'data/raw/eval/*.csv': a set of the hub"),
        ({"name": "u"}, "name: 'u': unlike the file's; call both the same"),
        ({"name": "test"}, "name: 'test': is taken by what is always measured; use another"),
        ({"name": "miniworld_seen"}, "name: 'miniworld_seen': is taken by what is always measured"),
        ({"name": "a.b"}, "name: 'a.b': use letters, digits, - and _ only"),
    ],
)
def test_read_task_file_refuses_a_fault_in_one_line(root, changes, message):
    write_task(root, "t", **changes)
    with pytest.raises(UserError) as caught:
        read_task_file("t", root)
    assert str(caught.value).startswith(f"{root / 'tasks/t.yaml'}: {message}")
    assert "\n" not in str(caught.value)


def test_load_task_files_names_the_param_of_a_faulty_change(root):
    write_task(root, "t")
    with pytest.raises(UserError, match=r"params\.yaml: eval\.tasks\.t\.version: 'x': Input should"):
        load_task_files(eval_params(tasks=[{"t": {"version": "x"}}]), root)


def test_load_task_files_names_the_nearest_of_the_tasks(root):
    write_task(root, "turblimp")
    for name, hint in (("turblmp", "did you mean 'turblimp'"), ("zzz", "there are turblimp")):
        message = rf"params\.yaml: eval\.tasks: .*tasks/{name}\.yaml: no such task; {hint}"
        with pytest.raises(UserError, match=message):
            load_task_files(eval_params(tasks=[name]), root)


def test_list_task_names_outside_a_project_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder; run from the project's folder"):
        list_task_names(tmp_path)


def test_data_files_of_a_glob_are_sorted_without_dvc_and_git_files(root):
    write_task(root, "t", "minimal_pairs", path="data/raw/eval/turblimp/*")
    files = find_data_files("t", read_task_file("t", root), root=root)
    assert [path.name for path in files] == ["a.csv", "b.csv"]


def test_check_inputs_accepts_existing_and_linked_files(root):
    check(root, "data/raw/eval/turblimp/*.csv")
    (root / "data/raw/eval/link.csv").symlink_to(root / "data/raw/eval/turblimp/a.csv")
    check(root, "data/raw/eval/link.csv")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/raw/eval/none.csv", r"^tasks/t\.yaml: path: data/raw/eval/none\.csv: no such file"),
        ("data/raw/eval/turblimp", "is a folder; name its files"),
    ],
)
def test_check_inputs_refuses_a_path_without_usable_files(root, path, message):
    with pytest.raises(UserError, match=message):
        check(root, path)


def test_check_inputs_names_the_command_that_fetches(root):
    with pytest.raises(UserError, match=r"no such file; .*; `tezgah tasks fetch t` downloads it$"):
        check(root, "data/raw/eval/t.jsonl", hub=HUB)


@pytest.mark.parametrize("pattern", ["data/raw/eval/linked/*.csv", "data/raw/eval/*/a.csv"])
def test_check_inputs_refuses_a_linked_folder_and_names_the_command(root, pattern):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/a.csv").touch()
    (root / "data/raw/eval/linked").symlink_to(root / "elsewhere")
    with pytest.raises(UserError, match=r"data/raw/eval/linked is a symlinked .* ln -s .*/\*"):
        check(root, pattern)


def test_check_inputs_refuses_a_broken_link(root):
    (root / "data/raw/eval/gone.csv").symlink_to("/nowhere/gone.csv")
    with pytest.raises(UserError, match=r"gone\.csv: links to /nowhere/gone\.csv"):
        check(root, "data/raw/eval/gone.csv")


SCHEMAS = {  # first row of a file of the set's schema, made up; its real items are not here
    "xcopa_tr": Choice("Çocuğun üstü ıslandı. Bunun sebebi şu:", ("Yağmur yağıyordu.", "Güneş açmıştı."), 0),
    "belebele_tr": Choice(
        "Köyün değirmeni derenin kıyısındadır.\n\nSoru: Değirmen nerededir?\nCevap:",
        ("Tepede", "Derenin kıyısında", "Şehirde", "Ormanda"),
        1,
    ),
    "stsb_tr": ScoredPair("Bir çocuk top oynuyor.", "Bir çocuk bahçede top oynuyor.", 3.8),
    "flores_tr": Document("0", "flores_tr", "Göl bu yıl erken dondu ve çocuklar üstünde kaydı."),
}


@pytest.mark.parametrize("name", [name for name in list_task_names(ROOT) if name not in MEASURED])
def test_unmeasured_tasks_read_their_schema(root, name):
    task = read_task_file(name, ROOT)
    assert not task.measured
    shutil.copy(ROOT / f"tests/eval_sets/schemas/{name}.jsonl", root / task.path)
    first = read_task(name, task, root)[0]
    assert first == SCHEMAS[name]


def test_page_on_tasks_lists_every_task_and_kind_and_its_example_is_in_order(root):
    page = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, flags=re.M))
    assert listed == {name: read_task_file(name, ROOT).kind for name in list_task_names(ROOT)}
    unmeasured = set(re.findall(r"^\| `(\w+)` .*\*unmeasured\*", page, flags=re.M))
    assert unmeasured == {name for name in list_task_names(ROOT) if not read_task_file(name, ROOT).measured}
    kinds = re.findall(r"^\| `(\w+)` \| .* \| `(\w+)` \| [^|]+ \|$", page, flags=re.M)
    assert dict(kinds) == METRICS
    (example,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.S) if "name: quiz" in block
    ]
    (root / "tasks").mkdir()
    (root / "tasks/quiz.yaml").write_text(example, encoding="utf-8")
    row = {"metin": "Kedi süt içer.", "soru": "Ne içer?", "a": "Su", "b": "Çay", "c": "Süt", "d": "Ayran"}
    (root / "data/raw/eval/quiz.jsonl").write_text(json.dumps(row | {"doğru": "C"}), encoding="utf-8")
    prompt = "Kedi süt içer.\nSoru: Ne içer?\nCevap:"
    assert read_task("quiz", read_task_file("quiz", root), root) == [
        Choice(prompt, ("Su", "Çay", "Süt", "Ayran"), 2)
    ]


@pytest.mark.parametrize("name", MEASURED)
def test_shipped_tasks_read_the_real_files(tmp_path, shared, name):
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    shutil.copytree(shared / "eval", tmp_path / "data/raw/eval")
    assert read_task(name, read_task_file(name, tmp_path), tmp_path)


def test_subsets_name_types_that_the_rows_have(tmp_path):
    subsets = {"easy": ["x", "y_z"], "hard": ["w"]}
    write_task(tmp_path, "mine", "minimal_pairs", subsets=subsets)
    rows = [{"good": "a", "bad": "b", "type": "x"}, {"good": "a", "bad": "b", "type": "y", "subtype": "z"}]
    (tmp_path / "data/raw/eval").mkdir(parents=True)
    path = tmp_path / "data/raw/eval/mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    task = read_task_file("mine", tmp_path)
    message = r"^tasks/mine\.yaml: subsets: 'w': no row has this type; there are x, y_z$"
    with pytest.raises(UserError, match=message):
        read_task("mine", task, tmp_path)
    del subsets["hard"]
    write_task(tmp_path, "mine", "minimal_pairs", subsets=subsets)
    assert len(read_task("mine", read_task_file("mine", tmp_path), tmp_path)) == 2
    write_task(tmp_path, "mine", "text", subsets=subsets)
    with pytest.raises(UserError, match="subsets: a task of kind text has no types; remove it"):
        read_task_file("mine", tmp_path)
