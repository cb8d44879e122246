"""What there is to measure on: the corpus's own splits, the miniworld's truth, and files of yours."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.common.errors import UserError
from pipeline.eval_sets.params import EvalParams, EvalTask
from pipeline.eval_sets.readers import (
    Document,
    Pair,
    Question,
    Retrieval,
    read_documents,
    read_pairs,
    read_questions,
    read_retrieval,
)
from pipeline.evaluation.questions import chosen_questions
from pipeline.evaluation.splits import chosen_documents, miniworld_retrieval

CORPUS = Path("data/corpus")
TOKENS_APART = {"miniworld": 1}  # most by which a pair's sentences may differ; files of yours: as they are
POOL_SIZE = 1000  # test documents among which the miniworld's queries are answered

Row = TypeVar("Row")
Reader = Callable[[str, EvalTask, Path], list[Row]]


def text_tasks(settings: EvalParams, root: Path = Path(".")) -> dict[str, list[Document]]:
    """The `val` and `test` splits up to `eval.max_bytes` each, and the text files whole."""
    splits = {name: chosen_documents(root / CORPUS / name, settings.max_bytes) for name in ("val", "test")}
    return splits | own_tasks(settings, "text", read_documents, root)


def pair_tasks(settings: EvalParams, root: Path = Path(".")) -> dict[str, list[Pair]]:
    """The miniworld's minimal pairs, and those in files."""
    miniworld = miniworld_rows("minimal_pairs", "minimal_pairs.jsonl", read_pairs, root)
    return miniworld | own_tasks(settings, "minimal_pairs", read_pairs, root)


def question_tasks(settings: EvalParams, seed: int, root: Path = Path(".")) -> dict[str, list[Question]]:
    """At most `eval.max_questions` of the miniworld's questions and of each file's."""
    tasks = miniworld_rows("questions", "questions.jsonl", read_questions, root)
    tasks |= own_tasks(settings, "questions", read_questions, root)
    return {name: chosen_questions(rows, settings.max_questions, seed) for name, rows in tasks.items()}


def retrieval_tasks(settings: EvalParams, root: Path = Path(".")) -> dict[str, Retrieval]:
    """The miniworld's queries among test documents, and what files hold.

    Raises UserError for a file with a single document, among which nothing can be found.
    """
    miniworld = miniworld_retrieval(
        root / CORPUS / "miniworld" / "queries.jsonl", root / CORPUS / "test", POOL_SIZE
    )
    tasks = {"miniworld": miniworld} if miniworld.queries and len(miniworld.documents) > 1 else {}
    for name, task in settings.tasks.items():
        if task.kind == "retrieval":
            tasks[name] = read_retrieval(name, task, root)
            if len(tasks[name].documents) < 2:
                raise UserError(
                    f"params.yaml: eval.tasks.{name}: {task.path}: needs at least 2 different documents"
                )
    return tasks


def own_tasks(settings: EvalParams, kind: str, read: Reader[Row], root: Path) -> dict[str, list[Row]]:
    """The rows of every task of one kind in params.yaml. Raises UserError for one without rows."""
    tasks = {name: read(name, task, root) for name, task in settings.tasks.items() if task.kind == kind}
    for name, rows in tasks.items():
        if not rows:
            raise UserError(f"params.yaml: eval.tasks.{name}: {settings.tasks[name].path}: holds no rows")
    return tasks


def miniworld_rows(kind: str, file: str, read: Reader[Row], root: Path) -> dict[str, list[Row]]:
    """The rows of one of the miniworld's files as the task `miniworld`; no task where it is empty."""
    path = (CORPUS / "miniworld" / file).as_posix()
    rows = read("miniworld", EvalTask.model_validate({"kind": kind, "path": path}), root)
    return {"miniworld": rows} if rows else {}
