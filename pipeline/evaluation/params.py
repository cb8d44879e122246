"""The `eval` section: what is measured besides the corpus's own splits and the miniworld."""

import glob
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.errors import UserError
from pipeline.params import Section, nearest

FOLDER = "data/raw/eval"
RESERVED = {"val", "test", "miniworld"}  # names that the stage itself gives to what it measures

# What a row of each kind of task holds; `columns` says what the file calls it.
FIELDS = {
    "text": {"id", "source", "text"},
    "minimal_pairs": {"good", "bad", "type", "subtype"},
    "retrieval": {"query", "document"},
    "questions": {"question", "answers", "family", "kind"},
}


class EvalTask(Section):
    """A file of yours to measure on."""

    kind: Literal["text", "minimal_pairs", "retrieval", "questions"]
    path: str = Field(min_length=1)  # a file or a glob under data/raw/eval
    columns: dict[str, str] = Field(default_factory=dict)  # our name of a field: the file's

    @model_validator(mode="after")
    def columns_are_known(self) -> "EvalTask":
        """A misspelt field would be ignored silently."""
        known = FIELDS[self.kind]
        for field in self.columns:
            if field not in known:
                hint = nearest(field, known) or f"; a task of kind {self.kind} has {', '.join(sorted(known))}"
                raise ValueError(f"columns.{field}: unknown field{hint}")
        return self


class EvalParams(Section):
    """What is measured, on how much, and how samples are drawn."""

    tasks: dict[str, EvalTask]  # by name
    max_bytes: int = Field(gt=0)  # UTF-8 bytes of each corpus split that are scored
    ngram_tokens: int = Field(ge=1_000_000)  # training tokens the n-gram models read
    max_questions: int = Field(gt=0)  # of each question-answering task
    max_new_tokens: int = Field(gt=0)  # of an answer
    sample_tokens: int = Field(gt=0)  # of a continuation in samples.md
    temperature: float = Field(ge=0)  # of the samples; 0: the likeliest token each time
    top_p: float = Field(gt=0, le=1)  # of the samples
    prompts: list[str]  # continued by the base model in samples.md

    @field_validator("tasks")
    @classmethod
    def names_are_keys(cls, tasks: dict[str, EvalTask]) -> dict[str, EvalTask]:
        """A task's name becomes a key of metrics.json, where a dot would mean nesting."""
        for name in tasks:
            if name in RESERVED:
                raise ValueError(f"task name '{name}' is taken by what is always measured; use another")
            if not name.replace("-", "_").isidentifier():
                raise ValueError(f"task name '{name}': use letters, digits, - and _ only")
        return tasks


def task_files(task: EvalTask, root: Path = Path(".")) -> list[Path]:
    """The files that a task's path or glob names, in order of name; not hidden ones, nor DVC's."""
    # Links to nowhere are named too, so that their absence is noticed.
    paths = [root / name for name in sorted(glob.glob(task.path, root_dir=root, recursive=True))]
    return [path for path in paths if not path.is_dir() and path.suffix != ".dvc"]


def check_inputs(params: EvalParams, root: Path = Path(".")) -> None:
    """Raise UserError unless every task's files are there and DVC can see a change of them."""
    for name, task in params.tasks.items():
        key = f"params.yaml: eval.tasks.{name}.path: {task.path}"
        path = Path(task.path)
        if not path.is_relative_to(FOLDER) or path == Path(FOLDER) or ".." in path.parts:
            raise UserError(f"{key}: must name files under {FOLDER}/; copy or link them there")
        refuse_linked_folders(key, path.parent, root)
        files = task_files(task, root)
        if not files:
            raise UserError(f"{key}: no such file; put it there (copy, ln -s or dvc add), or remove the task")
        for file in files:
            refuse_linked_folders(key, file.relative_to(root).parent, root)
            if not file.exists():
                raise UserError(
                    f"{key}: {file} links to {file.readlink()}, which does not exist; link it again"
                )


def refuse_linked_folders(key: str, folder: Path, root: Path) -> None:
    """DVC does not see changes behind a symlinked directory, only behind symlinked files."""
    for step in [*reversed(folder.parents), folder]:
        if (root / step).is_symlink():
            raise UserError(
                f"{key}: {step} is a symlinked directory, behind which DVC sees no change; link its files: "
                f"target=$(readlink -f {step}) && rm {step} && mkdir {step} && ln -s $target/* {step}/"
            )
