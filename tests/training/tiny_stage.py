"""A stage that trains a tiny run in as many processes as asked: what test_processes.py starts.

TINY in the environment holds, as JSON, the run's params (`changes`), its `runtime`, and `fault`: [rank, step,
what happens there].
"""

import json
import os
import signal
from pathlib import Path

import torch
from conftest import Tiny

from pipeline.errors import UserError, run
from pipeline.runtime import place
from pipeline.scratch import locked
from pipeline.training import loop, processes, trainer

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
            raise UserError("a user's mistake")
        case _:
            os.kill(os.getpid(), signal.Signals[what])


def main() -> None:
    """Train, and let the first process write what came of it."""
    tiny = Tiny(**ASKED.get("changes", {}))
    if ASKED.get("double"):
        tiny.model.double()
    read = tiny.task.train.read
    windows, losses, norms = [], [], []

    def noted(first: int, count: int):
        windows.extend(range(first, first + count))
        return read(first, count)

    tiny.task.train.read = noted
    micro_batches = tiny.task.micro_batches

    def at(step: int):
        for rank, when, what in ASKED.get("faults", []):
            if (rank, when) == (RANK, step):
                fail(what)
        return micro_batches(step)

    tiny.task.micro_batches = at
    update = trainer.Trainer.update

    def kept(self, step: int, share: float) -> float:
        losses.append(update(self, step, share))
        norms.append(
            torch.cat([processes_whole(weight.grad).flatten() for weight in self.model.parameters()])
            if not norms
            else None
        )
        return losses[-1]

    def processes_whole(grad):
        from pipeline.training.parallel import whole

        return whole(grad)

    trainer.Trainer.update = kept
    with locked("train_base"):
        history = tiny.fit(**ASKED.get("runtime", {}))
        Path(f"windows-{RANK}.json").write_text(json.dumps(windows))
        if RANK > 0:
            return
        torch.save(
            {
                "losses": losses,
                "gradient": norms[0] if norms else None,
                "weights": tiny.weights(),
                "val_loss": history.last["val_loss"],
            },
            "result.pt",
        )


if __name__ == "__main__":
    assert loop
    run(processes.together("train_base", main))
