"""Processes that train together: how they start, find one another, agree, and end.

`runtime.processes: N` starts a stage N times under torch.distributed.run's launcher. Those that an outer
`torchrun` or Slurm has started find their place in the environment (pipeline/common/runtime.py). All run the
same stage; each reads its share of every step, gradients are added up (parallel.py), and the first alone
writes. With one process none of this happens.
"""

import atexit
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline.common.errors import UserError, one_line
from pipeline.common.params import check_all, load
from pipeline.common.runtime import Place, RuntimeParams, end_with, place
from pipeline.device.select import of_process, pick_device

STORE = "TEZGAH_STORE"  # in the environment of processes that `launch` starts: the file they meet at
SAVING_SECONDS = 600  # that a step and a checkpoint may take, after a signal, before processes are killed
BASE_PORT, PORTS = 20000, 10000  # where processes of a Slurm job meet, by its number


def together(stage: str, main: Callable[[], None]) -> Callable[[], None]:
    """`main` of a training stage, for as many processes as are asked for; the first checks params.yaml."""

    def checked() -> None:
        if place().rank == 0:
            check_all(stage)
        main()

    def command() -> None:
        where = place()
        if where.size > 1:
            member(checked, where)
        elif (count := load("runtime", RuntimeParams).processes) > 1:
            launch(stage, count)
        else:
            checked()

    return command


def launch(stage: str, count: int) -> None:
    """Run a stage in `count` processes on this machine and wait for their end.

    When one ends badly or this process is told to stop, all are. Raises UserError where one was killed;
    SystemExit where they have told already what went wrong.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    of_process(pick_device(load("runtime", RuntimeParams).device), Place(0, count, 0, count))
    logging.disable()  # of a launcher that tells its every move; this process does nothing else
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[STORE] = f"{folder}/store"
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=str(uuid.uuid4()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            shutdown_timeout=SAVING_SECONDS,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, sys.executable)("-m", f"stages.{stage}")
        except SignalException:
            raise SystemExit(1) from None
        except ChildFailedError as error:
            if not speaks_first(dist.FileStore(os.environ[STORE])):
                raise SystemExit(1) from None
            # The launcher ends the others by SIGTERM.
            rank, failure = max(error.failures.items(), key=lambda item: ended_by(item[1].exitcode))
            raise UserError(
                f"process {rank} (the first is 0) of {count} was ended by {ended_by(failure.exitcode)[1]};"
                " all are stopped; `dvc repro` goes on from what was saved last"
            ) from None


def ended_by(exitcode: int) -> tuple[bool, str]:
    """Whether a process was killed by another hand than the launcher's, and by what it ended."""
    if exitcode >= 0:
        return False, "the loss of the others"
    return exitcode != -signal.SIGTERM, signal.Signals(-exitcode).name


def member(main: Callable[[], None], where: Place) -> None:
    """Run `main` as one of several processes. Of all their errors, the first is told."""
    if STORE in os.environ:
        end_with(os.getppid())
    store = join(where)
    if where.rank > 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        main()
    except BaseException as error:
        atexit.register(leave, 1)  # once the error is told
        for number in (signal.SIGINT, signal.SIGTERM):  # a launcher sends them while this is being told
            signal.signal(number, signal.SIG_IGN)
        lost = isinstance(error, RuntimeError) and is_loss(error)
        if os.environ.get("TEZGAH_DEBUG") == "1":
            raise
        if (lost and STORE in os.environ) or not speaks_first(store):  # `launch` knows who was lost
            raise SystemExit(1) from None
        if lost:
            raise UserError(
                "a process that trains with this one has ended; start all again, and they go on from what was"
                " saved last"
            ) from None
        raise
    atexit.register(leave, 0)


def leave(status: int) -> None:
    """End this process at once: torch's threads, which end after all of Python, abort it now and then."""
    sys.stdout.flush()
    os._exit(status)


def join(where: Place) -> dist.Store:
    """Meet the other processes; the store that all share. Raises UserError where they do not come."""
    try:
        if STORE in os.environ:
            store: dist.Store = dist.FileStore(os.environ[STORE])
        else:
            meet_in_slurm()
            store = next(dist.rendezvous("env://", where.rank, where.size))[0]
        # Control messages lie in the processor's memory, gradients where the model is.
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=where.rank, world_size=where.size)
    except (dist.DistError, ValueError) as error:
        raise UserError(
            f"process {where.rank} of {where.size}: the others cannot be met ({one_line(error)});"
            " start all of them with torchrun or srun"
        ) from None
    return store


def meet_in_slurm() -> None:
    """Where the processes of a Slurm job meet, if the environment does not tell. Raises UserError."""
    env = os.environ
    if "SLURM_PROCID" not in env:
        return
    if int(env.get("SLURM_STEP_NUM_NODES", env.get("SLURM_NNODES", 1))) > 1 and "MASTER_ADDR" not in env:
        raise UserError(
            "MASTER_ADDR: not set: processes on several machines meet at the first of them; before srun, run"
            ' export MASTER_ADDR="$(scontrol show hostnames | head -n 1)"'
        )
    env.setdefault("MASTER_ADDR", "127.0.0.1")
    env.setdefault("MASTER_PORT", str(BASE_PORT + int(env.get("SLURM_JOB_ID", 0)) % PORTS))


def speaks_first(store: dist.Store) -> bool:
    """Whether no process has told of an error before; from now on, one has."""
    try:
        return store.add("spoken", 1) == 1
    except RuntimeError:  # gone with the first process, which has told, or was killed, which srun tells
        return False


def is_loss(error: RuntimeError) -> bool:
    """Whether an error says that another process cannot be reached any more."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def rank() -> int:
    """The number of this process; the first, 0, alone writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def summed(shares: Tensor) -> Tensor:
    """The sum of a tensor over all processes."""
    if size() > 1:
        dist.all_reduce(shares)
    return shares


def agreed(number: int) -> int:
    """The largest that a process has brought; none goes on before all have brought theirs."""
    if size() == 1:
        return number
    largest = torch.tensor(number)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)
