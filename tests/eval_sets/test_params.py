import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.params import TaskChoice
from tests.helpers.factories import eval_params


def test_eval_params_name_tasks_and_what_changes_of_them():
    tasks = eval_params(tasks=["turblimp", {"xquad_tr": {"path": "data/raw/eval/x.json"}}]).tasks
    assert tasks == [
        TaskChoice(name="turblimp"),
        TaskChoice(name="xquad_tr", changes={"path": "data/raw/eval/x.json"}),
    ]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            {"t": {"kind": "text", "path": "x"}},
            r"^params\.yaml: eval\.tasks: a list of names of tasks is expected",
        ),
        (
            "turblimp",
            r"^params\.yaml: eval\.tasks: 'turblimp': a list of names of tasks is expected, such as",
        ),
        ([3], r"^params\.yaml: eval\.tasks\.0: 3: write the name of a task, or name: {path: …}"),
        (["a", {"b": {}, "c": {}}], r"^params\.yaml: eval\.tasks\.1: write the name"),
        ([{"b": "x.jsonl"}], r"^params\.yaml: eval\.tasks\.0: write the name"),
        ([{"b": {"name": "c"}}], r"^params\.yaml: eval\.tasks\.0: write the name .* other than its name"),
        (["a", {"a": {}}], r"task 'a' is named twice; keep one"),
    ],
)
def test_eval_params_refuses_what_names_no_tasks(tasks, message):
    with pytest.raises(UserError, match=message):
        eval_params(tasks=tasks)


def test_data_seed_is_that_of_the_run_unless_given():
    assert eval_params().choose_data_seed(3) == 3
    assert eval_params(data_seed=0).choose_data_seed(3) == 0
    with pytest.raises(UserError, match=r"^params\.yaml: eval\.data_seed: -1: "):
        eval_params(data_seed=-1)
