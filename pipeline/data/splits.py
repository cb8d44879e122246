"""Which split a document falls into: a hash of its own text, whatever else the corpus holds."""

import hashlib

SPLITS = ("train", "val", "test")


def digest(key: str, seed: int) -> tuple[int, int]:
    """Two independent 64-bit hashes of a duplicate key: one tells keys apart, one chooses the split."""
    both = hashlib.blake2b(key.encode("utf-8"), digest_size=16, salt=seed.to_bytes(16, "little")).digest()
    return int.from_bytes(both[:8], "little"), int.from_bytes(both[8:], "little")


def split_of(choice: int, val_fraction: float, test_fraction: float) -> str:
    """The split for the second hash of `digest`, a uniform number below 2^64."""
    share = choice / 2**64
    if share < val_fraction:
        return "val"
    return "test" if share < val_fraction + test_fraction else "train"
