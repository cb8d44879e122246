"""How the C library hands memory back."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_memory() -> None:
    """Keep freed memory in the process instead of returning it to the kernel (glibc only).

    A training step frees and takes the same large blocks again and again; by default glibc maps
    each anew and the kernel zeroes it.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
