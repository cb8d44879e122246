"""Distributed training: launching processes, the process group, collectives and errors.

`runtime.processes: N` starts a stage N times under torch.distributed.run's launcher. Processes that an outer
`torchrun` or Slurm has started read their rank from the environment (pipeline/common/runtime.py). All run
the same stage. Each reads its share of every step, gradients are summed (parallel.py), and only rank 0
writes, except that with FSDP each process writes its shards of a checkpoint. With one process none of this
happens.
"""

import atexit
import functools
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline.common.errors import UserError, one_line, run_command
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.common.params import load_section
from pipeline.common.runtime import ProcessInfo, RuntimeParams, exit_with_parent, process_info
from pipeline.common.stage import run_checked
from pipeline.device.device import pick_device, pick_process_device

STORE_VARIABLE = "TEZGAH_STORE"  # environment variable of processes that `launch` starts: the rendezvous file
SAVING_SECONDS = 600  # for a step and a checkpoint after a signal, before processes are killed
BASE_PORT, PORT_COUNT = 20000, 10000  # of a Slurm job's rendezvous, by its id


def run_training_stage(stage: str, main: Callable[[], None]) -> None:
    """Run `main` as the program of a training stage, in each of `runtime.processes` processes.

    Of these that of rank 0 checks params.yaml first and holds the stage's lock, as it alone writes.
    """

    @functools.wraps(main)  # its docstring is what --help prints
    def command() -> None:
        process = process_info()
        checked_main = partial(run_checked, stage, main) if process.rank == 0 else main
        if process.world_size > 1:
            run_rank(checked_main, process)
        elif (count := load_section("runtime", RuntimeParams).processes) > 1:
            launch(stage, count)
        else:
            checked_main()

    run_command(command)


def launch(stage: str, count: int) -> None:
    """Run a stage in `count` processes on this machine and wait for their end.

    When one fails or this process gets a stop signal, all are stopped. Raises UserError where one was killed,
    SystemExit where one has already printed its error.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    pick_process_device(
        pick_device(load_section("runtime", RuntimeParams).device), ProcessInfo(0, count, 0, count)
    )
    logging.disable()  # the launcher logs every move; this process does nothing else
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[STORE_VARIABLE] = f"{folder}/store"
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
            if not claim_error_report(dist.FileStore(os.environ[STORE_VARIABLE])):
                raise SystemExit(1) from None
            # The launcher ends the others by SIGTERM, so that any other signal is the cause.
            rank, failure = max(
                error.failures.items(), key=lambda failure: describe_exit(failure[1].exitcode)
            )
            raise UserError(
                "process {rank} (the first is 0) of {count} was ended by {exit}; all are stopped; "
                "run `dvc repro` to resume from the last checkpoint",
                rank=rank,
                count=count,
                exit=describe_exit(failure.exitcode)[1],
            ) from None


def describe_exit(exitcode: int) -> tuple[bool, str]:
    """Return whether a process was killed by a signal other than the launcher's, and what ended it."""
    if exitcode >= 0:
        return False, Translatable("the loss of the others")
    return exitcode != -signal.SIGTERM, signal.Signals(-exitcode).name


def run_rank(main: Callable[[], None], process: ProcessInfo) -> None:
    """Run `main` as one of several processes. Only the first error of all processes is printed."""
    if STORE_VARIABLE in os.environ:
        exit_with_parent(os.getppid())
    store = join_process_group(process)
    if process.rank > 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        main()
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:  # `end_other_ranks`
            atexit.register(exit_now, 0)
            raise
        atexit.register(exit_now, 1)  # once the error is printed
        for number in (signal.SIGINT, signal.SIGTERM):  # a launcher sends them while the error is printed
            signal.signal(number, signal.SIG_IGN)
        peer_lost = isinstance(error, RuntimeError) and is_peer_lost(error)
        if os.environ.get("TEZGAH_DEBUG") == "1":
            raise
        # `launch` knows which process was lost.
        if (peer_lost and STORE_VARIABLE in os.environ) or not claim_error_report(store):
            raise SystemExit(1) from None
        if peer_lost:
            raise UserError(
                "a process that trains with this one has ended; restart all to resume from the last"
                " checkpoint"
            ) from None
        raise
    atexit.register(exit_now, 0)


def exit_now(status: int) -> None:
    """End this process at once, as torch's threads now and then abort a process that ends normally."""
    sys.stdout.flush()
    os._exit(status)


def join_process_group(process: ProcessInfo) -> dist.Store:
    """Initialize the process group and return its store. Raises UserError where others do not join."""
    try:
        if STORE_VARIABLE in os.environ:
            store: dist.Store = dist.FileStore(os.environ[STORE_VARIABLE])
        else:
            set_slurm_rendezvous()
            store = next(dist.rendezvous("env://", process.rank, process.world_size))[0]
        # Gloo for control messages, which are in CPU memory; gradients are where the model is.
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=process.rank, world_size=process.world_size)
    except (dist.DistError, ValueError) as error:
        raise UserError(
            "process {rank} of {count}: the others cannot be met ({error}); start all of "
            "them with torchrun or srun",
            rank=process.rank,
            count=process.world_size,
            error=recognize(one_line(error)),
        ) from None
    return store


def set_slurm_rendezvous() -> None:
    """Set MASTER_ADDR and MASTER_PORT in a Slurm job, if not set. Raises UserError where they must be."""
    env = os.environ
    if "SLURM_PROCID" not in env:
        return
    if int(env.get("SLURM_STEP_NUM_NODES", env.get("SLURM_NNODES", 1))) > 1 and "MASTER_ADDR" not in env:
        raise UserError(
            "MASTER_ADDR: not set: processes on several machines meet at the first of them; before srun, run"
            ' export MASTER_ADDR="$(scontrol show hostnames | head -n 1)"'
        )
    env.setdefault("MASTER_ADDR", "127.0.0.1")
    env.setdefault("MASTER_PORT", str(BASE_PORT + int(env.get("SLURM_JOB_ID", 0)) % PORT_COUNT))


def claim_error_report(store: dist.Store) -> bool:
    """Return True for the first process that calls this, which is to print its error, else False."""
    try:
        return store.add("spoken", 1) == 1
    except RuntimeError:  # the store is gone with rank 0, which has printed its error or was killed
        return False


def is_peer_lost(error: RuntimeError) -> bool:
    """Return whether an error says that another process cannot be reached any more."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def rank() -> int:
    """Return the rank of this process. Only rank 0 writes what a stage puts out."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def end_other_ranks() -> None:
    """End this process without an error unless its rank is 0. Raises SystemExit."""
    if rank() > 0:
        raise SystemExit(0)


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Sum a tensor over all processes, in place, and return it."""
    if world_size() > 1:
        dist.all_reduce(tensor)
    return tensor


def all_reduce_max(number: int) -> int:
    """Return the largest number of all processes. All wait for one another, so it is a barrier too."""
    if world_size() == 1:
        return number
    largest = torch.tensor(number)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)
