"""How much memory is free, and how much the libraries below PyTorch hold on to."""

import ctypes
import os
import platform
import re
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
PREPARED_PRODUCTS = 128  # a step needs some sixty, by shapes and factors


def keep_memory() -> None:
    """Keep freed blocks in the process; forget matrix products prepared for shapes of long ago.

    A training step frees and takes the same large blocks again and again; by default glibc maps
    each anew and the kernel zeroes it. And oneDNN, which multiplies matrices on processors, keeps
    what it has prepared for the last 1,024 shapes: with batches of varying length, gigabytes.
    `benchmarks/train_step.py` measures both. To be called before the first product.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(PREPARED_PRODUCTS))
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Free memory in GB, None where the system does not tell; no more than a container is left."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, flags=re.M)
    if not found:
        return None
    free = int(found[1]) * 1024
    try:  # https://docs.kernel.org/admin-guide/cgroup-v2.html
        limit, used = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        cached = re.search(r"^inactive_file (\d+)", (cgroup / "memory.stat").read_text(), flags=re.M)
        free = min(free, limit - used + (int(cached[1]) if cached else 0))
    except (OSError, ValueError):
        pass  # no such group, or `max`: no limit
    return free / 1e9
