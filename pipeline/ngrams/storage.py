"""Arrays in memory or in files, for what may be longer than the memory."""

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike


class Storage:
    """Makes arrays in memory, or, with a folder, in its files."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def zeros(self, name: str, length: int, dtype: DTypeLike) -> np.ndarray:
        """Return an array [length] of zeros."""
        if self.folder is None or not length:  # a file of no bytes cannot be mapped
            return np.zeros(length, dtype)
        return np.memmap(self.folder / name, dtype, "w+", shape=(length,))

    def remove(self, name: str) -> None:
        """Remove an array that is not needed any more from the disk, once nothing maps it."""
        if self.folder:
            (self.folder / name).unlink(missing_ok=True)

    def column(self, name: str, dtype: DTypeLike) -> "Column":
        """Return an array that is written from its beginning to its end."""
        return Column(self.folder / name if self.folder else None, np.dtype(dtype))


class Column:
    """An array that is written from its beginning to its end."""

    def __init__(self, path: Path | None, dtype: np.dtype) -> None:
        self.path, self.dtype = path, dtype
        self.length = 0
        self.parts: list[np.ndarray] = []  # where there is no file
        self.file = path.open("wb") if path else None

    def append(self, values: np.ndarray) -> None:
        """Add `values` at the end."""
        self.length += len(values)
        values = values.astype(self.dtype, copy=False)
        if self.file:
            values.tofile(self.file)
        else:
            self.parts.append(values)

    def finish(self) -> np.ndarray:
        """Return the whole array, for reading."""
        if self.file:
            self.file.close()
        if self.path and self.length:
            return np.memmap(self.path, self.dtype, "r", shape=(self.length,))
        return np.concatenate([np.empty(0, self.dtype), *self.parts])
