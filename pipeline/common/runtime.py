"""The `runtime` section: where and how a run works; and which of those that train together a process is."""

import os
import threading
import time
from typing import NamedTuple

from pydantic import Field

from pipeline.common.params import Section

PARENT_SECONDS = 0.5  # between looks whether the process that started this one is still there


class Place(NamedTuple):
    """This process among those that train together: of all, and of those on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def place() -> Place:
    """Where torchrun, Slurm's srun or this program's own launcher has put this process; alone, if none."""
    env = os.environ
    if "RANK" in env and "WORLD_SIZE" in env:
        rank, size = int(env["RANK"]), int(env["WORLD_SIZE"])
        return Place(rank, size, int(env.get("LOCAL_RANK", rank)), int(env.get("LOCAL_WORLD_SIZE", size)))
    if "SLURM_PROCID" not in env or ("SLURM_JOB_ID" in env and "SLURM_STEP_ID" not in env):
        return Place()  # or in a job's script, which Slurm numbers 0 although `srun` has started nothing yet
    rank, size = int(env["SLURM_PROCID"]), int(env.get("SLURM_STEP_NUM_TASKS", env.get("SLURM_NTASKS", 1)))
    if env.get("CUDA_VISIBLE_DEVICES", ",").count(",") == 0:  # a GPU of its own is all that this one sees
        return Place(rank, size)
    here = env.get("SLURM_STEP_TASKS_PER_NODE", str(size)).split("(")[0].split(",")[0]  # such as `4(x2)`
    return Place(rank, size, int(env.get("SLURM_LOCALID", rank)), int(here))


def end_with(parent: int) -> None:
    """End this process once `parent`, which started it, has ended, be it killed: it would work on unseen."""

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class RuntimeParams(Section):
    """It changes no result, so no stage lists it among its params."""

    device: str = Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    processes: int = Field(gt=0)  # that train together, unless torchrun or Slurm has started some
    workers: int = Field(gt=0)  # processes that encode text
    log_every: int = Field(gt=0)  # steps between two lines of progress
    save_every: int = Field(gt=0)  # steps between two checkpoints
    prompts: list[str]  # continued at each validation of pretraining, to be read
    prompt_tokens: int = Field(gt=0)  # of each continuation

    @property
    def together(self) -> int:
        """How many processes train together: as many as an outer launcher has started, or `processes`."""
        outer = place().size
        return outer if outer > 1 else self.processes
