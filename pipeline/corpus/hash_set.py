"""A set of 64-bit hashes in 10 to 15 bytes each."""

from array import array

SHARDS = 64
FIRST_SLOTS = 16


class HashSet:
    """Open addressing in flat arrays; Python's own set takes 60 bytes and more for an integer.

    Divided into tables by the lowest bits, so that a table being resized is a small part of the whole:
    peak memory stays near the final size (25 million hashes: some 350 MB).
    Holds numbers from 0 to 2^64 - 1; 0 and 1 count as the same.
    """

    def __init__(self) -> None:
        self._tables = [array("Q", bytes(8 * FIRST_SLOTS)) for _ in range(SHARDS)]
        self._used = [0] * SHARDS

    def __len__(self) -> int:
        return sum(self._used)

    def __contains__(self, value: int) -> bool:
        value = value or 1  # 0 marks an empty slot
        table = self._tables[value % SHARDS]
        return table[_slot(table, value)] == value

    def add(self, value: int) -> bool:
        """Add `value`; return False if the set has it already."""
        value = value or 1
        shard = value % SHARDS
        table = self._tables[shard]
        slot = _slot(table, value)
        if table[slot]:
            return False
        table[slot] = value
        self._used[shard] += 1
        if 5 * self._used[shard] > 4 * len(table):
            self._tables[shard] = _resize(table)
        return True


def _slot(table: "array[int]", value: int) -> int:
    """Return the slot of `value`, or the empty slot where it belongs."""
    slots = len(table)
    slot = value // SHARDS % slots
    while (stored := table[slot]) and stored != value:
        slot += 1
        if slot == slots:
            slot = 0
    return slot


def _resize(old: "array[int]") -> "array[int]":
    """Return a copy of a table with half as many slots again."""
    new = array("Q", bytes(8 * (len(old) * 3 // 2)))
    for value in old:
        if value:
            new[_slot(new, value)] = value
    return new
