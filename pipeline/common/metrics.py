"""Writers of reports/<stage>/metrics.json and timing.json.

`metrics.json` holds what DVC compares between runs: nested dicts of finite numbers. Figures
that differ between two equal runs (seconds, memory, machine) go to `timing.json`, which DVC does not track.
"""

import json
import math
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

import psutil

from pipeline.common.io import sha256, write_json
from pipeline.common.paths import REPORTS


def metric_key(name: str) -> str:
    """Return `name` as a key of a metrics file, where a dot would mean nesting."""
    return name.replace(".", "_")


def round_metrics(values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with every number rounded to 6 digits after the point.

    Raises ValueError for a key with a dot (DVC reads it as nesting), a list, or a number that is
    not finite.
    """
    result: dict[str, Any] = {}
    for key, value in values.items():
        if "." in key:
            raise ValueError(f"metric {key!r}: a key holds no dots")
        if isinstance(value, dict):
            result[key] = round_metrics(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"metric {key!r}: {value!r} is not a number")
        elif not math.isfinite(value):
            raise ValueError(f"metric {key!r}: {value!r} is not finite")
        else:
            result[key] = round(value, 6) if isinstance(value, float) else value
    return result


def write_metrics(stage: str, values: dict[str, Any], reports: Path = REPORTS) -> None:
    """Write `reports/<stage>/metrics.json`."""
    write_json(reports / stage / "metrics.json", round_metrics(values))


def note_run(stage: str, seconds: float, reports: Path = REPORTS) -> None:
    """Add to `reports/<stage>/timing.json` how long a stage took, its peak memory, and on which machine.

    What the stage has noted itself stays. A stage that went on from a checkpoint took longer altogether.
    """
    metrics = reports / stage / "metrics.json"
    if not metrics.exists():
        return
    kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there
    figures = {"stage_seconds": seconds, "stage_peak_memory_gib": kib * unit / 2**30}
    told = {"machine": describe_machine(), "metrics_sha256": sha256(metrics)}
    path = reports / stage / "timing.json"
    write_json(path, read_object(path) | round_metrics(figures) | told)


def read_timing(stage: str, reports: Path = REPORTS) -> dict[str, Any]:
    """Return what `note_run` has noted of the run that the stage's metrics are of; nothing of another run."""
    noted, metrics = read_object(reports / stage / "timing.json"), reports / stage / "metrics.json"
    is_of_run = metrics.exists() and noted.get("metrics_sha256") == sha256(metrics)
    return noted if is_of_run else {}


def read_object(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file; an empty one where there is none, or a damaged file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def describe_machine() -> str:
    """Return the processor, its cores, the memory, and the GPU that is used, for people."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else ():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    parts = [name, f"{os.cpu_count()} x CPU", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"]
    torch = sys.modules.get("torch")  # a stage that has not loaded it uses no GPU
    if torch is not None and torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def write_timing(stage: str, values: dict[str, Any], reports: Path = REPORTS) -> None:
    """Write `reports/<stage>/timing.json` (seconds, memory, speed), if there are values."""
    if values:
        write_json(reports / stage / "timing.json", round_metrics(values))
