"""`tezgah add --eval KIND mine.jsonl`: make a file a task to evaluate on, and name it in eval.tasks."""

import glob
import re
from pathlib import Path
from typing import Any

from pipeline.cli.add import link_or_copy, removing_on_error, source_name, write_source
from pipeline.cli.preset import check_params_text, dump_yaml, round_trip_yaml
from pipeline.cli.tasks import NOT_STATED
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.io import write_atomic
from pipeline.common.params import parse_section, read_yaml, suggest_nearest
from pipeline.common.paths import PARAMS_FILE, RAW_EVAL, TASKS
from pipeline.eval_sets.tasks import METRICS, TaskFile

CHANCE = {"minimal_pairs": 0.5}


def add_task(
    files: list[Path], kind: str, name: str | None, columns: str | None, copy: bool, track: bool
) -> None:
    """Link the file under data/raw/eval (copy it, `dvc add` it), write tasks/NAME.yaml, and name the task.

    `columns` maps fields to the file's columns: `question=soru,answers=yanıt`; of a text, its column alone.
    Raises UserError for a file that the evaluation would refuse. Nothing is left behind then.
    """
    if kind not in METRICS:
        hint = suggest_nearest(kind, set(METRICS)) or Translatable(
            "; there are {names}", names=", ".join(METRICS)
        )
        raise UserError("--eval: {kind}: no such kind of task{hint}", kind=repr(kind), hint=hint)
    if len(files) > 1:
        raise UserError(
            "{file}: a task of several files is written by hand; see docs/tasks.md", file=files[1]
        )
    (file,) = files
    name = name or source_name(file).replace("-", "_")
    document = read_yaml(PARAMS_FILE, round_trip_yaml())
    tasks = document["eval"].get("tasks") if isinstance(document.get("eval"), dict) else None
    if not isinstance(tasks, list):
        raise UserError(
            "{params_file}: eval.tasks: must be a list of names, or be []", params_file=PARAMS_FILE
        )
    task_file = TASKS / f"{name}.yaml"
    if task_file.exists():
        raise UserError("{task_file}: already exists; give another --name", task_file=task_file)
    with removing_on_error() as created:
        placed = link_or_copy(file, copy or track, False, created, RAW_EVAL)
        values: dict[str, Any] = {
            "name": name,
            "version": 1,
            "kind": kind,
            "metric": METRICS[kind],
            "chance": CHANCE.get(kind),
            "path": glob.escape(placed.as_posix()),
            "columns": parse_columns(columns),
            "source": file.name,
            "license": NOT_STATED,
        }
        parse_section(values, "", TaskFile, task_file)
        created.append(task_file)
        write_atomic(task_file, dump_yaml({key: value for key, value in values.items() if value != {}}))
        tasks.append(name)
        text = dump_yaml(document)
        check_params_text(text)  # reads the rows too
        write_source(text, [placed], track)
    print_message(
        "{task_file}: written; say there where the items are from, and under which license",
        task_file=task_file,
    )
    print(f"{PARAMS_FILE}: eval.tasks: {name}")
    print_message("`dvc repro` will run: slice_corpus, evaluate, and what lies between if the corpus changes")


def parse_columns(text: str | None, separator: str = ",") -> dict[str, str]:
    """Return the mapping in `field=column,field=column`; a column alone is that of a text.

    `separator`: the pattern between two of them.
    """
    parts = [part.strip() for part in re.split(separator, text or "") if part.strip()]
    pairs = (part.partition("=") for part in parts)
    return {field if column else "text": column or field for field, _, column in pairs}
