"""The `eval` section of params.yaml: the tasks to measure on, and settings of the evaluation."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from pipeline.common.errors import UserError
from pipeline.common.params import SEED_LIMIT, Prompt, Section


class TaskChoice(Section):
    """A task by its name, and the keys of its file that have other values here."""

    name: str
    changes: dict[str, Any] = Field(default_factory=dict)


def parse_choice(value: Any) -> dict[str, Any]:
    """Return the parts of a choice, written as `name` or as `name: {key: value}`."""
    match value:
        case str():
            return {"name": value}
        case dict() if len(value) == 1:
            ((name, changes),) = value.items()
            if isinstance(changes, dict) and "name" not in changes:
                return {"name": name, "changes": changes}
    raise UserError("write the name of a task, or name: {path: …} to change keys of it other than its name")


class EvalParams(Section):
    """Evaluation tasks, amounts of text, and sampling."""

    tasks: list[Annotated[TaskChoice, BeforeValidator(parse_choice)]]  # of tasks/
    data_seed: int | None = Field(ge=0, lt=SEED_LIMIT)  # of the data, the same for runs of other seeds
    max_bytes: int = Field(gt=0)  # UTF-8 bytes of each corpus split that are scored
    ngram_tokens: int = Field(ge=1_000_000)  # training tokens the n-gram models read
    max_questions: int = Field(gt=0)  # of each question-answering task
    max_new_tokens: int = Field(gt=0)  # of an answer
    sample_tokens: int = Field(gt=0)  # of a continuation in samples.md
    temperature: float = Field(ge=0)  # of the samples; 0: the likeliest token each time
    top_p: float = Field(gt=0, le=1)  # of the samples
    prompts: list[Prompt]  # continued by the base model in samples.md

    def choose_data_seed(self, seed: int) -> int:
        """Return the seed of the data, in a run with the seed `seed`."""
        return seed if self.data_seed is None else self.data_seed

    @field_validator("tasks", mode="before")
    @classmethod
    def check_list(cls, tasks: Any) -> Any:
        """Refuse tasks that are no list of names."""
        if not isinstance(tasks, list):
            raise UserError("a list of names of tasks is expected, such as [turblimp]; see docs/tasks.md")
        return tasks

    @field_validator("tasks")
    @classmethod
    def check_names(cls, tasks: list[TaskChoice]) -> list[TaskChoice]:
        """Refuse a task that is named twice."""
        names = [task.name for task in tasks]
        for name in names:
            if names.count(name) > 1:
                raise UserError("task '{name}' is named twice; keep one", name=name)
        return tasks
