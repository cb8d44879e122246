"""Evaluation tasks: the corpus's own splits, the miniworld's ground truth, and the task files."""

from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common.paths import CORPUS, CORPUS_TEST, FIRST_WORDS_TEST, MINIWORLD
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import (
    READERS,
    Choice,
    Document,
    Pair,
    Question,
    Retrieval,
    ScoredPair,
    read_task,
)
from pipeline.eval_sets.tasks import EvalTask, TaskFile, load_task_files
from pipeline.evaluation.questions import select_questions
from pipeline.evaluation.select_documents import load_miniworld_retrieval, select_documents
from pipeline.inference.first_words import FirstWords, read_first_words

# Tokens by which the sentences of a pair may differ at most, by task; no limit for the user's files.
MAX_TOKEN_DIFFERENCE = {"miniworld": 1}
POOL_SIZE = 1000  # test documents in the pool of the miniworld's queries


class Tasks(NamedTuple):
    """What the models are measured on, by kind and by the task's name."""

    texts: dict[str, list[Document]]
    pairs: dict[str, list[Pair]]
    questions: dict[str, list[Question]]
    retrieval: dict[str, Retrieval]
    first_words: list[FirstWords]  # the miniworld's, by hand
    choices: dict[str, list[Choice]]
    second_halves: dict[str, list[Document]]
    similarity: dict[str, list[ScoredPair]]
    files: dict[str, TaskFile]  # of the tasks that are not built in


def load_tasks(params: EvalParams, seed: int, root: Path = Path(".")) -> Tasks:
    """Load all tasks. Raises UserError for a faulty or empty file."""
    files = load_task_files(params, root)
    return Tasks(
        load_text_tasks(files, params.max_bytes, root),
        load_pair_tasks(files, root),
        load_question_tasks(files, params.max_questions, seed, root),
        load_retrieval_tasks(files, root),
        read_first_words(root / FIRST_WORDS_TEST),
        load_file_tasks(files, "choice", root),
        load_file_tasks(files, "second_halves", root),
        load_file_tasks(files, "similarity", root),
        files,
    )


def load_text_tasks(
    files: dict[str, TaskFile], max_bytes: int, root: Path = Path(".")
) -> dict[str, list[Document]]:
    """Load the `val` and `test` splits up to `max_bytes` each, and all of the text files."""
    splits = {name: select_documents(root / CORPUS / name, max_bytes) for name in ("val", "test")}
    return splits | load_file_tasks(files, "text", root)


def load_pair_tasks(files: dict[str, TaskFile], root: Path = Path(".")) -> dict[str, list[Pair]]:
    """Load the miniworld's minimal pairs, and those in files."""
    miniworld = load_miniworld_task("minimal_pairs", "minimal_pairs.jsonl", root)
    return miniworld | load_file_tasks(files, "minimal_pairs", root)


def load_question_tasks(
    files: dict[str, TaskFile], max_questions: int, seed: int, root: Path = Path(".")
) -> dict[str, list[Question]]:
    """Load at most `max_questions` of the miniworld's questions and of each file's.

    The miniworld's are of three tasks: in wordings that no text has, in those of the conversations, and about
    passages to read.
    """
    tasks = load_miniworld_task("questions", "questions.jsonl", root)
    tasks |= load_miniworld_task("questions", "seen_questions.jsonl", root, name="miniworld_seen")
    tasks |= load_miniworld_task("questions", "readings.jsonl", root, name="miniworld_readings")
    tasks |= load_file_tasks(files, "questions", root)
    return {name: select_questions(rows, max_questions, seed) for name, rows in tasks.items()}


def load_retrieval_tasks(files: dict[str, TaskFile], root: Path = Path(".")) -> dict[str, Retrieval]:
    """Load the miniworld's queries with their pool of test documents, and retrieval tasks in files.

    Raises UserError for a file with a single document, which leaves nothing to retrieve.
    """
    miniworld = load_miniworld_retrieval(root / MINIWORLD / "queries.jsonl", root / CORPUS_TEST, POOL_SIZE)
    tasks = {"miniworld": miniworld} if miniworld.queries and len(miniworld.documents) > 1 else {}
    return tasks | load_file_tasks(files, "retrieval", root)


def load_file_tasks(files: dict[str, TaskFile], kind: str, root: Path) -> dict[str, Any]:
    """Load the rows of every task of one kind. Raises UserError for one without enough of them."""
    return {name: read_task(name, task, root) for name, task in files.items() if task.kind == kind}


def load_miniworld_task(kind: str, file: str, root: Path, name: str = "miniworld") -> dict[str, Any]:
    """Load one of the miniworld's files as the task `name`; no task where it is empty."""
    path = (MINIWORLD / file).as_posix()
    rows = READERS[kind](name, EvalTask.model_validate({"kind": kind, "path": path}), root)
    return {name: rows} if rows else {}
