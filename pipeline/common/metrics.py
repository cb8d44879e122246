"""Writers of reports/<stage>/metrics.json and timing.json.

`metrics.json` holds what DVC compares between runs: nested dicts of finite numbers. Figures
that differ between two equal runs (seconds, memory) go to `timing.json`, which DVC does not track.
"""

import math
from pathlib import Path
from typing import Any

from pipeline.common.io import write_json
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


def write_timing(stage: str, values: dict[str, Any], reports: Path = REPORTS) -> None:
    """Write `reports/<stage>/timing.json` (seconds, memory, speed), if there are values."""
    if values:
        write_json(reports / stage / "timing.json", round_metrics(values))
