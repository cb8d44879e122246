"""The `runtime` section of params.yaml, and the rank of this process in a distributed run."""

import os
import threading
import time
from typing import NamedTuple

from pydantic import Field

from pipeline.common.params import Prompt, Section

PARENT_POLL_SECONDS = 0.5  # between two checks that the parent process is alive


class ProcessInfo(NamedTuple):
    """Rank of this process and number of processes: of all, and of those on this machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


def process_info() -> ProcessInfo:
    """Return the ranks that torchrun, Slurm's srun or this program's own launcher gave this process.

    Rank 0 of 1 where none has started it.
    """
    env = os.environ
    if "RANK" in env and "WORLD_SIZE" in env:
        rank, world_size = int(env["RANK"]), int(env["WORLD_SIZE"])
        return ProcessInfo(
            rank, world_size, int(env.get("LOCAL_RANK", rank)), int(env.get("LOCAL_WORLD_SIZE", world_size))
        )
    if "SLURM_PROCID" not in env or ("SLURM_JOB_ID" in env and "SLURM_STEP_ID" not in env):
        return ProcessInfo()  # a job's script has number 0 too, although `srun` has started nothing yet
    rank, world_size = (
        int(env["SLURM_PROCID"]),
        int(env.get("SLURM_STEP_NUM_TASKS", env.get("SLURM_NTASKS", 1))),
    )
    if env.get("CUDA_VISIBLE_DEVICES", ",").count(",") == 0:  # this process sees one GPU, its own
        return ProcessInfo(rank, world_size)
    local_world_size = (
        env.get("SLURM_STEP_TASKS_PER_NODE", str(world_size)).split("(")[0].split(",")[0]
    )  # such as `4(x2)`
    return ProcessInfo(rank, world_size, int(env.get("SLURM_LOCALID", rank)), int(local_world_size))


def exit_with_parent(parent: int) -> None:
    """Exit this process when the process `parent`, which started it, ends, even by SIGKILL."""

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch_parent, daemon=True).start()


class RuntimeParams(Section):
    """The `runtime` section. It changes a result by rounding alone, so no stage lists it in dvc.yaml."""

    device: str = Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    processes: int = Field(gt=0)  # that train together, unless torchrun or Slurm has started some
    workers: int = Field(gt=0)  # processes that encode text
    log_every: int = Field(gt=0)  # steps between two lines of progress
    save_every: int = Field(gt=0)  # steps between two checkpoints
    prompts: list[Prompt]  # continued at each validation of pretraining, to be read
    prompt_tokens: int = Field(gt=0)  # of each continuation

    @property
    def process_count(self) -> int:
        """The number of processes in a distributed run: those of an outer launcher, else `processes`."""
        launched = process_info().world_size
        return launched if launched > 1 else self.processes
