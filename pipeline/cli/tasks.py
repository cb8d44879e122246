"""`tezgah tasks`: the tasks of tasks/, which of them have their data here, and how to get it."""

import json
import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message, translate_table
from pipeline.common.io import atomic_file
from pipeline.common.paths import RAW_EVAL, TASKS
from pipeline.eval_sets.readers import read_task
from pipeline.eval_sets.tasks import TaskFile, find_data_files, list_task_names, read_task_file
from pipeline.hub.data_sets import download_rows

NOT_STATED = "not stated"


def task_table() -> Table:
    """Return a table of all tasks. Raises UserError for a task file with a fault."""
    table = Table("task", "kind", "version", "license", "data", "models")
    for column in table.columns[:2]:
        column.no_wrap = True
    for name in list_task_names():
        task = read_task_file(name)
        data = Translatable(describe_data(task))
        models = Translatable("measured" if task.measured else "unmeasured")
        license = Translatable(NOT_STATED) if task.license == NOT_STATED else escape(task.license)
        table.add_row(name, task.kind, str(task.version), license, data, models)
    return table


def describe_data(task: TaskFile) -> str:
    """Return where the data of a task is: here, on the hub, or for the user to get."""
    try:
        find_data_files(task.name, task, RAW_EVAL)
    except UserError:
        return "fetch" if task.hub else "get by hand"
    return "here"


def print_tasks() -> None:
    """Print the table, and what its words mean."""
    Console().print(translate_table(task_table()))
    print_message(
        "`tezgah tasks fetch NAME` downloads what can be fetched; eval.tasks names what is measured"
    )


def fetch_task(name: str) -> None:
    """Download the hub set of a task, at its pinned revision, as JSON lines to the task's path.

    Does nothing where the data is there. Raises UserError for a task without a hub set, for what the hub
    refuses, and for rows that are not of the task's kind. Nothing is left behind then.
    """
    task = read_task_file(name)
    path, key = Path(task.path), f"{TASKS}/{name}.yaml: hub"
    if describe_data(task) == "here" or os.path.lexists(path):
        print_message("{path}: is here already", path=path)
        return
    if task.hub is None:
        raise UserError(
            "{key}: missing, so get the files by hand: {source}; they belong at {path}",
            key=key,
            source=task.source,
            path=task.path,
        )
    count = 0
    with atomic_file(path) as file:
        for row in download_rows(key, task.hub):
            file.write(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8") + b"\n")
            count += 1
    try:
        read_task(name, task)
    except UserError:
        path.unlink()
        raise
    print_message(
        "{path}: {count:,} rows of {dataset}; license: {license}",
        path=path,
        count=count,
        dataset=task.hub.dataset,
        license=task.license,
    )
