"""Open files that may be compressed with gzip, xz or zstd."""

import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

from pipeline.common.errors import UserError

BUFFER_BYTES = 1 << 18
INPUT_BYTES = 1 << 14  # decompressed at a time: a file of equal bytes may become a thousand times as long
MAX_WINDOW_BYTES = 1 << 31  # of zstd, as --long=31 makes it

# Makers of decompressors, which all have `decompress`, `eof` and `unused_data`.
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lzma.LZMADecompressor,
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj(),
}


class DamagedFile(UserError):
    """Compressed data that is damaged or ends too soon. What was read before it is sound."""

    def __init__(self, template: str, /, *, is_empty: bool = False, **values: object) -> None:
        super().__init__(template, **values)
        self.is_empty = is_empty  # nothing comes before the damage


class DecompressedStream(io.RawIOBase):
    """The content of a compressed file, which is one or more frames after one another.

    Unlike the streams of gzip, lzma and zstandard it gives all that comes before damaged data first. Then,
    and at the end of a file that ends inside a frame, it raises DamagedFile. `has_tail` tells after the end
    that what follows the last frame is none.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        self._name, self._suffix = name, path.suffix
        self._is_empty = True  # so far
        self._make_decompressor = DECOMPRESSORS[path.suffix.lower()]
        self._frame = self._make_decompressor()
        self._frame_started = False
        self._frame_count = 0  # complete ones
        self._unread = b""  # compressed bytes of the next frame
        self._content = memoryview(b"")
        self.has_tail = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill `buffer` as far as there is content and return the number of bytes; 0 at the end."""
        while not self._content and not self.has_tail:
            if self._frame.eof:
                self._unread = self._frame.unused_data
                self._frame = self._make_decompressor()
                self._frame_started = False
                self._frame_count += 1
            data = self._unread or self._file.read(INPUT_BYTES)
            self._unread = b""
            if not data:
                if self._frame_started:
                    raise DamagedFile(
                        "{name}: its {suffix} data ends too soon; copy or download it again",
                        name=self._name,
                        suffix=self._suffix,
                        is_empty=self._is_empty,
                    )
                return 0
            if not self._frame_started:
                data = data.lstrip(b"\0")  # padding
            self._decompress(data)
        count = min(len(buffer), len(self._content))
        buffer[:count] = self._content[:count]
        self._content = self._content[count:]
        return count

    def _decompress(self, data: bytes) -> None:
        try:
            self._content = memoryview(self._frame.decompress(data) if data else b"")
        except (zlib.error, lzma.LZMAError, zstandard.ZstdError):
            if self._frame_started or not self._frame_count:
                raise DamagedFile(
                    "{name}: not readable as {suffix}; copy or download it again, or rename it",
                    name=self._name,
                    suffix=self._suffix,
                    is_empty=self._is_empty,
                ) from None
            self.has_tail = True
        self._frame_started = self._frame_started or bool(data)
        self._is_empty = self._is_empty and not self._content

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def is_compressed(path: Path) -> bool:
    """Return whether the suffix of a file, in either case, is one of DECOMPRESSORS."""
    return path.suffix.lower() in DECOMPRESSORS


def content_suffix(path: Path) -> str:
    """Return the suffix that names the format of a file's content, in lower case: .csv of A.CSV.GZ."""
    return (path.with_suffix("") if is_compressed(path) else path).suffix.lower()


@contextmanager
def open_decompressed(path: Path, name: str | None = None) -> Iterator[BinaryIO]:
    """Open `path`, decompressed as its suffix says. Errors call it `name`, if that is given.

    Reading raises DamagedFile where the compressed data is damaged or ends too soon. So does the end of the
    block where something else follows the data.
    """
    if not is_compressed(path):
        with open(path, "rb") as file:
            yield file
        return
    name, suffix = name or str(path), path.suffix
    with DecompressedStream(path, name) as stream:
        yield cast(BinaryIO, io.BufferedReader(stream, BUFFER_BYTES))
    if stream.has_tail:
        raise DamagedFile(
            "{name}: something that is no {suffix} follows its {suffix} data; copy or download it again",
            name=name,
            suffix=suffix,
        )
