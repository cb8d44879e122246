"""A stage that trains a tiny run in as many processes as are asked for: what test_processes.py starts.

TINY in the environment holds, as JSON, `params` and `runtime` of the run, `double` for weights in fp64, and
`faults`: [rank, step, what happens there].
"""

import json
import os
import signal
from pathlib import Path

import torch

from pipeline.common.errors import UserError, run
from pipeline.common.fingerprint import locked
from pipeline.common.runtime import place
from pipeline.training import distributed, parallel
from pipeline.training.distributed import together
from pipeline.training.trainer import Trainer
from tests.helpers.tiny import Tiny

ASKED = json.loads(os.environ["TINY"])
RANK = place().rank


def fail(what: str) -> None:
    """Something that goes wrong in this process."""
    match what:
        case "memory":
            torch.empty(1 << 50)
        case "bug":
            raise ZeroDivisionError("a fault of ours")
        case "mistake":
            raise UserError("a mistake of the user's")
        case _:
            os.kill(os.getpid(), signal.Signals[what])


def main() -> None:
    """Train. Every process writes which windows it has read, the first what has come of it."""
    tiny = Tiny(**ASKED.get("params", {}))
    if ASKED.get("double"):
        tiny.model.double()
    windows, losses, gradients = [], [], []
    read, micro_batches, update = tiny.task.train.read, tiny.task.micro_batches, Trainer.update

    def noted_read(first, count):
        windows.extend(range(first, first + count))
        return read(first, count)

    def faulty_micro_batches(step):
        for rank, when, what in ASKED.get("faults", []):
            if (rank, when) == (RANK, step):
                fail(what)
        return micro_batches(step)

    def noted_update(self, step, share, watch=None):
        known = update(self, step, share, watch)
        losses.extend(known)
        if step == 0:
            gradients.extend(parallel.whole(weight.grad).flatten() for weight in self.model.parameters())
        return known

    tiny.task.train.read, tiny.task.micro_batches = noted_read, faulty_micro_batches
    Trainer.update = noted_update
    with locked("train_base"):
        tiny.fit(**ASKED.get("runtime", {}))
        Path(f"windows-{RANK}.json").write_text(json.dumps(windows))
        if RANK == 0:
            torch.save([losses, torch.cat(gradients) if gradients else None, tiny.weights()], "result.pt")


if __name__ == "__main__":
    distributed.check_all = lambda stage: None  # it takes a second, and this project is no whole one
    run(together("train_base", main))
