"""Memory of this machine, and the memory allocation of the libraries below PyTorch."""

import ctypes
import os
import platform
import re
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
ONEDNN_PRIMITIVES = 128  # kept in its cache; a step needs about sixty, by shapes and factors


def tune_allocator() -> None:
    """Make glibc keep freed blocks in the process, and limit oneDNN's cache of prepared matrix products.

    A training step frees and allocates the same large blocks again and again. By default glibc maps each anew
    and the kernel zeroes it. oneDNN, which multiplies matrices on CPUs, caches what it has prepared for the
    last 1,024 shapes: gigabytes with batches of varying length. `benchmarks/train_step.py` measures both.
    Call it before the first product.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(ONEDNN_PRIMITIVES))
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def total_memory(cgroup: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return all memory with swap (bytes), within a container's limit; None where the system is silent."""
    try:
        text = meminfo.read_text(encoding="ascii")
    except OSError:
        return None
    sizes = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, flags=re.M)}
    if "MemTotal" not in sizes:
        return None
    memory, swap = sizes["MemTotal"], sizes.get("SwapTotal", 0)
    with suppress(OSError, ValueError):  # no such group, or `max`: no limit
        memory = min(memory, int((cgroup / "memory.max").read_text()))
    with suppress(OSError, ValueError):
        swap = min(swap, int((cgroup / "memory.swap.max").read_text()))
    return memory + swap


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the free memory (GB), within a container's limit; None where the system does not report it."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, flags=re.M)
    if not match:
        return None
    free = int(match[1]) * 1024
    try:  # https://docs.kernel.org/admin-guide/cgroup-v2.html
        limit, used = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        cached = re.search(r"^inactive_file (\d+)", (cgroup / "memory.stat").read_text(), flags=re.M)
        free = min(free, limit - used + (int(cached[1]) if cached else 0))
    except (OSError, ValueError):
        pass  # no such group, or `max`: no limit
    return free / 1e9
