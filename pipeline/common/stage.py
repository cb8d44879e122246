"""What surrounds a stage: the check of params.yaml, the lock, and the processes in which it runs."""

import functools
import subprocess
import sys
import time
from collections.abc import Callable

from pipeline.common.errors import run_command
from pipeline.common.fingerprint import stage_lock
from pipeline.common.metrics import note_run
from pipeline.common.runtime import process_info


def run_stage(stage: str, main: Callable[[], None]) -> None:
    """Run `main` as the program of a stage, which works in one process (training: training/distributed.py).

    Of several processes that torchrun or Slurm has started, only the first works.
    """

    @functools.wraps(main)  # its docstring is what --help prints
    def command() -> None:
        if process_info().rank == 0:
            run_checked(stage, main)

    run_command(command)


def run_checked(stage: str, main: Callable[[], None]) -> None:
    """Check params.yaml, then run `main` and hold the stage's lock. Raises SystemExit, UserError.

    Time and memory are noted in the end (see `note_run`).
    """
    check_params_file(stage)
    with stage_lock(stage):
        start = time.monotonic()
        main()
        note_run(stage, time.monotonic() - start)


def check_params_file(stage: str) -> None:
    """Check all of params.yaml before a stage starts, so that a typo does not surface hours later.

    Also prints the progress of the whole run. Runs `tezgah check` as a subprocess: importing the sections
    of all packages here would make each stage depend on the code of all packages. Raises SystemExit.
    """
    completed = subprocess.run([sys.executable, "-m", "pipeline.cli", "check", "--stage", stage], check=False)
    if completed.returncode:
        raise SystemExit(completed.returncode)
