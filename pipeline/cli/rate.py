"""The rate of matrix products on this machine, by which times are estimated.

`tezgah doctor` and `tezgah plan` measure it anew, while nothing trains, and store it in the scratch folder.
Everything else takes the stored one. A rate measured while other programs have the processor is not stored:
hours later, times by it would be nonsense.
"""

import json
import math
import os
import time
from contextlib import suppress
from typing import NamedTuple

from pipeline.common.fingerprint import scratch_folder
from pipeline.common.i18n import Translatable
from pipeline.common.io import write_json
from pipeline.common.paths import PARAMS_FILE

RATE_FILE = "rate.json"
REPEATS = 5  # measurements of which the best counts
MAX_USED_SHARE = 1 / 3  # of the cores, by other programs; with more, a rate is not the machine's


class Rate(NamedTuple):
    """The rate to estimate times by (floating-point operations per second)."""

    flops: float
    note: str = ""  # one line, where other programs have the processor


def stored_rate(device: str, precision: str) -> float | None:
    """Return the rate last measured for these on a quiet machine, or None."""
    return _read_rates().get(f"{device}, {precision}")


def measure_rate(device: str, precision: str) -> Rate:
    """Return the rate as now measured; on a quiet machine store it where the current folder is a project.

    While other programs have the processor, the last rate of a quiet machine is returned where there is one.
    Raises UserError where the device is missing.
    """
    from pipeline.device.device import pick_device  # imports torch

    on_cpu = pick_device(device).type == "cpu"
    used, cores = used_cores() if on_cpu else (0.0, 1)  # before the measurement, which uses all
    rates, name = _read_rates(), f"{device}, {precision}"
    is_busy = used > MAX_USED_SHARE * cores
    if is_busy and name in rates:
        note = Translatable(
            "the machine is busy: other programs use {used:.1f} of {cores} cores; "
            "times are by its last rate when it was quiet",
            used=used,
            cores=cores,
        )
        return Rate(rates[name], note)
    rate = measure_flops(device, precision)
    if is_busy:
        note = Translatable(
            "the machine is busy: other programs use {used:.1f} of {cores} cores, "
            "and its rate when quiet is unknown; expect less time then",
            used=used,
            cores=cores,
        )
        return Rate(rate, note)
    if PARAMS_FILE.exists():
        with suppress(OSError):  # a folder that cannot be written
            write_json(scratch_folder() / RATE_FILE, rates | {name: rate})
    return Rate(rate)


def used_cores(for_seconds: float = 0.3) -> tuple[float, int]:
    """Return how many of the cores that this process may use are in use, and their number.

    This process waits meanwhile, so that others alone are counted.
    """
    import psutil  # here: `tezgah check` imports this file

    percents = psutil.cpu_percent(for_seconds, percpu=True)
    if hasattr(os, "sched_getaffinity"):  # Linux
        percents = [percents[core] for core in os.sched_getaffinity(0) if core < len(percents)] or percents
    return sum(percents) / 100, len(percents)


def _read_rates() -> dict[str, float]:
    """Return the stored rates by device and precision, none from a damaged file."""
    try:
        rates = json.loads((scratch_folder() / RATE_FILE).read_text(encoding="utf-8"))
        return {name: float(rate) for name, rate in rates.items() if 0 < rate < math.inf}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def measure_flops(device: str, precision: str, for_seconds: float = 0.1) -> float:
    """Return the floating-point operations per second of matrix products, in the precision of training.

    Takes half a second. Raises UserError where the device is missing.
    """
    import torch

    from pipeline.device.device import DTYPES, pick_device, pick_precision, synchronize

    torch_device = pick_device(device)
    size = 1024 if torch_device.type == "cpu" else 4096  # large enough to hide the launch on a GPU
    dtype = DTYPES[pick_precision(precision, torch_device)]
    matrix = torch.ones(size, size, device=torch_device, dtype=dtype)
    matrix @ matrix  # warm-up
    synchronize(torch_device)
    best = 0.0
    for _ in range(REPEATS):  # the best counts: another program may have the processor for a while
        products, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < for_seconds:
            matrix @ matrix
            synchronize(torch_device)
            products += 1
        best = max(best, products * 2 * size**3 / elapsed)
    return best
