"""The rate of matrix products on this machine, by which times are estimated.

`tezgah doctor` and `tezgah plan` measure it anew, while nothing trains, and store it in the scratch folder.
Everything else takes the stored one.
"""

import json
import math
import time
from contextlib import suppress

from pipeline.common.fingerprint import scratch_folder
from pipeline.common.io import write_json
from pipeline.common.paths import PARAMS_FILE

RATE_FILE = "rate.json"
REPEATS = 5  # measurements of which the best counts


def stored_rate(device: str, precision: str) -> float | None:
    """Return the rate (floating-point operations per second) last measured for these, or None."""
    return _read_rates().get(f"{device}, {precision}")


def measure_rate(device: str, precision: str) -> float:
    """Return the rate as now measured, and store it where the current folder is a project.

    Raises UserError where the device is missing.
    """
    rate = measure_flops(device, precision)
    if PARAMS_FILE.exists():
        with suppress(OSError):  # a folder that cannot be written
            write_json(scratch_folder() / RATE_FILE, _read_rates() | {f"{device}, {precision}": rate})
    return rate


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
    import torch  # here: `tezgah check` imports this file

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
