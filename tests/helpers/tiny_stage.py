"""A stage that trains a tiny run in one or several processes, started by `TinyStage` (tiny.py).

TINY in the environment holds, as JSON, `params` and `runtime` of the run, `double` for weights in fp64, and
`faults`: a list of [rank, step, fault], the fault being an argument of `fail`.
"""

import json
import os
import signal
from pathlib import Path

import torch

from pipeline.common import stage
from pipeline.common.errors import UserError
from pipeline.common.runtime import process_info
from pipeline.training import parallel
from pipeline.training.distributed import run_training_stage
from pipeline.training.loop import Hook
from tests.helpers.tiny import TinyRun

OPTIONS = json.loads(os.environ["TINY"])
RANK = process_info().rank


def fail(fault: str) -> None:
    """Make something go wrong in this process."""
    match fault:
        case "memory":
            torch.empty(1 << 50)
        case "bug":
            raise ZeroDivisionError("a fault of ours")
        case "mistake":
            raise UserError("a mistake of the user's")
        case _:
            os.kill(os.getpid(), signal.Signals[fault])


def main() -> None:
    """Train. Every process writes the windows it has read, rank 0 the losses, a gradient and the weights."""
    tiny = TinyRun(**OPTIONS.get("params", {}))
    if OPTIONS.get("double"):
        tiny.model.double()
    windows, losses, gradients = [], [], []
    read, micro_batches = tiny.task.train.read, tiny.task.micro_batches

    def recording_read(first, count):
        windows.extend(range(first, first + count))
        return read(first, count)

    def faulty_micro_batches(step):
        for rank, fault_step, fault in OPTIONS.get("faults", []):
            if (rank, fault_step) == (RANK, step):
                fail(fault)
        return micro_batches(step)

    class Record(Hook):
        def after_step(self, trainer):
            losses.append(trainer.history.losses[-1])
            if trainer.step == 1:
                weights = trainer.model.parameters()
                gradients.extend(parallel.full_tensor(weight.grad).flatten() for weight in weights)

    tiny.task.train.read, tiny.task.micro_batches = recording_read, faulty_micro_batches
    try:
        tiny.train(hooks=[Record()], **OPTIONS.get("runtime", {}))
    finally:  # only the process of rank 0 returns
        Path(f"windows-{RANK}.json").write_text(json.dumps(windows))
    torch.save([losses, torch.cat(gradients) if gradients else None, tiny.weights()], "result.pt")


if __name__ == "__main__":
    stage.check_params_file = lambda stage: None  # it takes a second, and this project is not complete
    run_training_stage("train_base", main)
