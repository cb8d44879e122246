"""Reading and filtering in parallel: Daft runs it, on this machine or on a Ray cluster.

Daft is imported when it first runs (daft_plan.py), as it reads its environment then.
"""

import os
from collections.abc import Iterable, Iterator

import pyarrow as pa

from pipeline.corpus.filters.apply import FilterPipeline
from pipeline.corpus.read_task import ReadTask


def filtered_batches(
    tasks: list[ReadTask], filters: FilterPipeline, workers: int
) -> Iterator[pa.RecordBatch]:
    """Read the tasks and filter their rows; yield batches of rows in the order of the tasks.

    The columns are READ_SCHEMA, and `filtered`, structs of FILTERED_SCHEMA.
    """
    os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
    os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")
    from pipeline.corpus.daft_plan import run_plan

    return restore_order(run_plan(tasks, filters, workers), tasks)


def restore_order(batches: Iterable[pa.RecordBatch], tasks: list[ReadTask]) -> Iterator[pa.RecordBatch]:
    """Yield the batches in order of task and row; on Ray they come in the order in which workers finish."""
    waiting: dict[tuple[int, int], pa.RecordBatch] = {}
    starts = {task.number: task.skip for task in tasks}
    next_row = min(starts.items())  # (task, row)
    for batch in batches:
        waiting[batch.column("task")[0].as_py(), batch.column("row")[0].as_py()] = batch
        while next_row in waiting:
            batch = waiting.pop(next_row)
            task, is_last = batch.column("task")[-1].as_py(), batch.column("last")[-1].as_py()
            if is_last:
                next_row = (task + 1, starts.get(task + 1, 0))
            else:
                next_row = (task, batch.column("row")[-1].as_py() + 1)
            yield batch
