"""How much memory the libraries below PyTorch hold on to."""

import ctypes
import os
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
PREPARED_PRODUCTS = 32


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
