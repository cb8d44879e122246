"""Evaluation tasks: the corpus's own splits, the miniworld's ground truth, and files of the user."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from pipeline.common.paths import CORPUS, CORPUS_TEST, FIRST_WORDS_TEST, MINIWORLD
from pipeline.eval_sets.params import EvalParams, EvalTask
from pipeline.eval_sets.readers import (
    Document,
    Pair,
    Question,
    Retrieval,
    check_size,
    read_documents,
    read_pairs,
    read_questions,
    read_retrieval,
)
from pipeline.evaluation.questions import select_questions
from pipeline.evaluation.select_documents import load_miniworld_retrieval, select_documents
from pipeline.inference.first_words import FirstWords, read_first_words

# Tokens by which the sentences of a pair may differ at most, by task; no limit for the user's files.
MAX_TOKEN_DIFFERENCE = {"miniworld": 1}
POOL_SIZE = 1000  # test documents in the pool of the miniworld's queries

Row = TypeVar("Row")
Reader = Callable[[str, EvalTask, Path], list[Row]]


class Tasks(NamedTuple):
    """What the models are measured on, by kind and by the task's name."""

    texts: dict[str, list[Document]]
    pairs: dict[str, list[Pair]]
    questions: dict[str, list[Question]]
    retrieval: dict[str, Retrieval]
    first_words: list[FirstWords]  # the miniworld's, by hand


def load_tasks(eval_params: EvalParams, seed: int, root: Path = Path(".")) -> Tasks:
    """Load all tasks. Raises UserError for a faulty or empty file."""
    return Tasks(
        load_text_tasks(eval_params, root),
        load_pair_tasks(eval_params, root),
        load_question_tasks(eval_params, seed, root),
        load_retrieval_tasks(eval_params, root),
        read_first_words(root / FIRST_WORDS_TEST),
    )


def load_text_tasks(eval_params: EvalParams, root: Path = Path(".")) -> dict[str, list[Document]]:
    """Load the `val` and `test` splits up to `eval.max_bytes` each, and all of the text files."""
    splits = {name: select_documents(root / CORPUS / name, eval_params.max_bytes) for name in ("val", "test")}
    return splits | load_file_tasks(eval_params, "text", read_documents, root)


def load_pair_tasks(eval_params: EvalParams, root: Path = Path(".")) -> dict[str, list[Pair]]:
    """Load the miniworld's minimal pairs, and those in files."""
    miniworld = load_miniworld_task("minimal_pairs", "minimal_pairs.jsonl", read_pairs, root)
    return miniworld | load_file_tasks(eval_params, "minimal_pairs", read_pairs, root)


def load_question_tasks(
    eval_params: EvalParams, seed: int, root: Path = Path(".")
) -> dict[str, list[Question]]:
    """Load at most `eval.max_questions` of the miniworld's questions and of each file's.

    The miniworld's are of two tasks: in wordings that no text has, and in those of the conversations.
    """
    tasks = load_miniworld_task("questions", "questions.jsonl", read_questions, root)
    tasks |= load_miniworld_task(
        "questions", "seen_questions.jsonl", read_questions, root, name="miniworld_seen"
    )
    tasks |= load_file_tasks(eval_params, "questions", read_questions, root)
    return {name: select_questions(rows, eval_params.max_questions, seed) for name, rows in tasks.items()}


def load_retrieval_tasks(eval_params: EvalParams, root: Path = Path(".")) -> dict[str, Retrieval]:
    """Load the miniworld's queries with their pool of test documents, and retrieval tasks in files.

    Raises UserError for a file with a single document, which leaves nothing to retrieve.
    """
    miniworld = load_miniworld_retrieval(root / MINIWORLD / "queries.jsonl", root / CORPUS_TEST, POOL_SIZE)
    tasks = {"miniworld": miniworld} if miniworld.queries and len(miniworld.documents) > 1 else {}
    for name, task in eval_params.tasks.items():
        if task.kind == "retrieval":
            tasks[name] = check_size(name, task, read_retrieval(name, task, root))
    return tasks


def load_file_tasks(
    eval_params: EvalParams, kind: str, read: Reader[Row], root: Path
) -> dict[str, list[Row]]:
    """Load the rows of every task of one kind in params.yaml. Raises UserError for one without rows."""
    return {
        name: check_size(name, task, read(name, task, root))
        for name, task in eval_params.tasks.items()
        if task.kind == kind
    }


def load_miniworld_task(
    kind: str, file: str, read: Reader[Row], root: Path, name: str = "miniworld"
) -> dict[str, list[Row]]:
    """Load one of the miniworld's files as the task `name`; no task where it is empty."""
    path = (MINIWORLD / file).as_posix()
    rows = read(name, EvalTask.model_validate({"kind": kind, "path": path}), root)
    return {name: rows} if rows else {}
