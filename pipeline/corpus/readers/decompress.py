"""Open files that may be compressed with gzip, xz or zstd."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from pipeline.common.errors import UserError

BUFFER_BYTES = 1 << 18


class ZstdStream(io.RawIOBase):
    """The content of a .zst file.

    zstandard's own stream reader takes a file that ends in the middle of a frame for a complete one.
    This one raises EOFError, as gzip and lzma do.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._frame_started = False
        self._unread = b""  # compressed bytes of the next frame
        self._decompressed = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill `buffer` as far as there is content and return the number of bytes; 0 at the end."""
        while not self._decompressed:
            if self._frame.eof:
                self._unread = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._frame_started = False
            data = self._unread or self._file.read(1 << 14)
            self._unread = b""
            if not data:
                if self._frame_started:
                    raise EOFError
                return 0
            self._frame_started = True
            self._decompressed = memoryview(self._frame.decompress(data))
        count = min(len(buffer), len(self._decompressed))
        buffer[:count] = self._decompressed[:count]
        self._decompressed = self._decompressed[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


COMPRESSION_SUFFIXES = (".gz", ".xz", ".zst")


def _open_binary(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        case ".xz":
            return cast(BinaryIO, lzma.open(path, "rb"))
        case ".zst":
            return cast(BinaryIO, ZstdStream(path))
        case _:
            return open(path, "rb")


@contextmanager
def open_decompressed(path: Path, name: str | None = None) -> Iterator[BinaryIO]:
    """Open `path`, decompressed as its suffix says. Errors call it `name`, if that is given.

    Raises UserError where the compressed data is damaged or ends too soon.
    """
    try:
        with _open_binary(path) as stream:
            # GzipFile.readline goes through Python; a C buffer around it reads lines several times as fast.
            yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream), BUFFER_BYTES))
    except EOFError:
        raise UserError(
            f"{name or path}: its {path.suffix} data ends too soon; copy or download it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise UserError(
            f"{name or path}: not readable as {path.suffix} ({error}); copy or download it again,"
            " or rename it"
        ) from None
