"""The `eval` section of params.yaml: evaluation sets in files, and settings of the evaluation."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.common.data_files import matching_files
from pipeline.common.params import Prompt, Section, suggest_nearest
from pipeline.common.paths import RAW_EVAL

RESERVED_NAMES = {"val", "test", "miniworld"}  # task names that the stage itself uses

# Fields of a row, by kind of task; `columns` maps them to the file's names.
FIELDS = {
    "text": {"id", "source", "text"},
    "minimal_pairs": {"good", "bad", "type", "subtype"},
    "retrieval": {"query", "document"},
    "questions": {"question", "answers", "family", "kind"},
}


class EvalTask(Section):
    """An evaluation set in files of the user."""

    kind: Literal["text", "minimal_pairs", "retrieval", "questions"]
    path: str = Field(min_length=1)  # a file or a glob under data/raw/eval
    columns: dict[str, str] = Field(default_factory=dict)  # name of a field here: its name in the file

    @model_validator(mode="after")
    def check_columns(self) -> "EvalTask":
        """Refuse unknown fields. A misspelled one would be ignored silently."""
        known = FIELDS[self.kind]
        for field in self.columns:
            if field not in known:
                hint = (
                    suggest_nearest(field, known)
                    or f"; a task of kind {self.kind} has {', '.join(sorted(known))}"
                )
                raise ValueError(f"columns.{field}: unknown field{hint}")
        return self


class EvalParams(Section):
    """Evaluation sets, amounts of text, and sampling."""

    tasks: dict[str, EvalTask]  # by name
    max_bytes: int = Field(gt=0)  # UTF-8 bytes of each corpus split that are scored
    ngram_tokens: int = Field(ge=1_000_000)  # training tokens the n-gram models read
    max_questions: int = Field(gt=0)  # of each question-answering task
    max_new_tokens: int = Field(gt=0)  # of an answer
    sample_tokens: int = Field(gt=0)  # of a continuation in samples.md
    temperature: float = Field(ge=0)  # of the samples; 0: the likeliest token each time
    top_p: float = Field(gt=0, le=1)  # of the samples
    prompts: list[Prompt]  # continued by the base model in samples.md

    @field_validator("tasks")
    @classmethod
    def check_names(cls, tasks: dict[str, EvalTask]) -> dict[str, EvalTask]:
        """Refuse names that cannot be keys of metrics.json, where a dot would mean nesting."""
        for name in tasks:
            if name in RESERVED_NAMES:
                raise ValueError(f"task name '{name}' is taken by what is always measured; use another")
            if not name.replace("-", "_").isidentifier():
                raise ValueError(f"task name '{name}': use letters, digits, - and _ only")
        return tasks


def task_files(name: str, task: EvalTask, folder: Path | str = ".", root: Path = Path(".")) -> list[Path]:
    """Return the files under `folder` that a task's path or glob names, sorted (see `matching_files`)."""
    return matching_files(f"params.yaml: eval.tasks.{name}.path", [task.path], folder, root)


def check_inputs(params: EvalParams, root: Path = Path(".")) -> None:
    """Raise UserError unless every task's files are under data/raw/eval and DVC can see a change of them."""
    for name, task in params.tasks.items():
        task_files(name, task, RAW_EVAL, root)
