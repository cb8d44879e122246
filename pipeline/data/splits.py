"""The split of a document: chosen by a hash of its own text, whatever else the corpus holds."""

import hashlib

SPLITS = ("train", "val", "test")


def hash_key(key: str, seed: int) -> tuple[int, int]:
    """Return two independent 64-bit hashes of a duplicate key.

    The first one is compared to find duplicates, the second one chooses the split.
    """
    both = hashlib.blake2b(key.encode("utf-8"), digest_size=16, salt=seed.to_bytes(16, "little")).digest()
    return int.from_bytes(both[:8], "little"), int.from_bytes(both[8:], "little")


def choose_split(split_hash: int, val_fraction: float, test_fraction: float) -> str:
    """Return the split for the second hash of `hash_key`, a uniform number below 2^64."""
    uniform = split_hash / 2**64
    if uniform < val_fraction:
        return "val"
    return "test" if uniform < val_fraction + test_fraction else "train"
