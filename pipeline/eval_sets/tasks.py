"""Evaluation tasks: the files `tasks/NAME.yaml`, what `eval.tasks` changes of them, and their data."""

from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.hub_set import HubSet
from pipeline.common.i18n import Translatable
from pipeline.common.params import Section, parse_section, read_yaml, suggest_nearest
from pipeline.common.paths import PARAMS_FILE, RAW_EVAL, TASKS
from pipeline.eval_sets.params import EvalParams

RESERVED_NAMES = {
    "val",
    "test",
    "miniworld",
    "miniworld_seen",
    "miniworld_readings",
}  # task names that the stage itself uses

# Fields of a row, by kind of task; `columns` maps them to the file's names.
FIELDS = {
    "text": {"id", "source", "text"},
    "minimal_pairs": {"good", "bad", "type", "subtype", "cue"},
    "retrieval": {"query", "document"},
    "questions": {"question", "answers", "family", "kind", "passage"},
    "choice": {"prompt", "options", "answer"},
    "second_halves": {"id", "source", "text"},
    "similarity": {"first", "second", "score"},
}
# The main figure of each kind.
METRICS = {
    "text": "bits_per_byte",
    "minimal_pairs": "accuracy",
    "retrieval": "recall_at_1",
    "questions": "exact_match",
    "choice": "accuracy",
    "second_halves": "bits",
    "similarity": "spearman",
}


class EvalTask(Section):
    """What a reader needs of a task."""

    kind: Literal["text", "minimal_pairs", "retrieval", "questions", "choice", "second_halves", "similarity"]
    path: str = Field(min_length=1)  # a file or a glob
    # Name of a field here: its column in the file, or several in braces, "{title}: {body}". The `options` of
    # a choice may be a list of columns.
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    replace: dict[str, dict[str, str | int]] = Field(
        default_factory=dict
    )  # column: {value: what it stands for}
    # minimal_pairs: means over a few types, by a name of your own: {name: [type, …]}
    subsets: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def check_columns(self) -> "EvalTask":
        """Refuse unknown fields. A misspelled one would be ignored silently."""
        known = FIELDS[self.kind]
        for field in self.columns:
            if field not in known:
                hint = suggest_nearest(field, known) or Translatable(
                    "; a task of kind {kind} has {fields}", kind=self.kind, fields=", ".join(sorted(known))
                )
                raise UserError("columns.{field}: unknown field{hint}", field=field, hint=hint)
            if isinstance(self.columns[field], list) and field != "options":
                raise UserError(
                    "columns.{field}: one column is expected; write several as '{{a}} {{b}}'", field=field
                )
        return self


class TaskFile(EvalTask):
    """A task as `tasks/NAME.yaml` has it."""

    name: str
    version: int = Field(ge=1)  # another number: other items or another scoring; metrics.json has it too
    metric: str  # the main figure
    chance: float | None = Field(ge=0, le=1)  # its value for a guess; null: it has none
    source: str = Field(min_length=1)  # where the items come from, for people
    hub: HubSet | None = None  # where `tezgah tasks fetch` gets them
    license: str = Field(min_length=1)
    citation: str | None = None
    measured: bool = True  # false: no model of ours has been measured on its real items yet

    @field_validator("name")
    @classmethod
    def check_name(cls, name: str) -> str:
        """Refuse names that cannot be keys of metrics.json, where a dot would mean nesting."""
        if name in RESERVED_NAMES:
            raise UserError("is taken by what is always measured; use another")
        if not name.replace("-", "_").isidentifier():
            raise UserError("use letters, digits, - and _ only")
        return name

    @field_validator("path")
    @classmethod
    def check_path(cls, path: str) -> str:
        """Refuse a path outside data/raw/eval, which is what the stages depend on."""
        parts = PurePosixPath(path)
        if ".." in parts.parts or not parts.is_relative_to(RAW_EVAL) or parts == PurePosixPath(RAW_EVAL):
            raise UserError(
                "not under {raw_eval}/; put or link the files there", raw_eval=RAW_EVAL.as_posix()
            )
        return path

    @model_validator(mode="after")
    def check_kind(self) -> "TaskFile":
        """Refuse a metric that tasks of this kind do not have, and a hub set with no single file for it."""
        if self.metric != METRICS[self.kind]:
            raise UserError(
                "metric: '{metric}': a task of kind {kind} has {expected}; write that",
                metric=self.metric,
                kind=self.kind,
                expected=METRICS[self.kind],
            )
        if self.subsets and self.kind != "minimal_pairs":
            raise UserError("subsets: a task of kind {kind} has no types; remove it", kind=self.kind)
        if self.hub and not self.path.endswith((".json", ".jsonl")):
            raise UserError(
                "path: '{path}': a set of the hub is kept as JSON lines; end in .jsonl", path=self.path
            )
        return self


def list_task_names(root: Path = Path(".")) -> list[str]:
    """Return the names of all task files, sorted. Raises UserError where their folder is missing."""
    if not (root / TASKS).is_dir():
        raise UserError("{folder}: no such folder; run from the project's folder", folder=root / TASKS)
    return sorted(path.stem for path in (root / TASKS).glob("*.yaml"))


def read_task_file(name: str, root: Path = Path("."), key: str = "") -> TaskFile:
    """Return the task of `tasks/NAME.yaml`. Raises UserError for a fault in it, or where there is none.

    `key` is the param that names the task, for the error.
    """
    path = root / TASKS / f"{name}.yaml"
    if not path.is_file():
        known = list_task_names(root)
        names = ", ".join(known) or Translatable("none")
        hint = suggest_nearest(name, known) or Translatable("; there are {names}", names=names)
        raise UserError("{key}{path}: no such task{hint}", key=key, path=path, hint=hint)
    task = parse_section(read_yaml(path), "", TaskFile, path)
    if task.name != name:
        raise UserError(
            "{path}: name: '{name}': unlike the file's; call both the same", path=path, name=task.name
        )
    return task


def load_task_files(params: EvalParams, root: Path = Path(".")) -> dict[str, TaskFile]:
    """Return the tasks that `eval.tasks` names, by name, with its changes of them. No data is read."""
    tasks = {}
    for choice in params.tasks:
        task = read_task_file(choice.name, root, f"{PARAMS_FILE}: eval.tasks: ")
        if choice.changes:
            values: dict[str, Any] = task.model_dump() | choice.changes
            task = parse_section(values, f"eval.tasks.{choice.name}", TaskFile, root / PARAMS_FILE)
        tasks[choice.name] = task
    return tasks


def find_data_files(
    name: str, task: EvalTask, folder: Path | str = ".", root: Path = Path(".")
) -> list[Path]:
    """Return the files under `folder` that a task's path or glob names, sorted (see `matching_files`)."""
    return matching_files(f"{TASKS}/{name}.yaml: path", [task.path], folder, root)


def check_inputs(params: EvalParams, root: Path = Path(".")) -> None:
    """Raise UserError unless every task's files are under data/raw/eval and DVC can see a change of them."""
    for name, task in load_task_files(params, root).items():
        try:
            find_data_files(name, task, RAW_EVAL, root)
        except UserError as error:
            if task.hub and not (root / task.path).exists():
                raise UserError(
                    "{error}; `tezgah tasks fetch {name}` downloads it", error=error, name=name
                ) from None
            raise
