import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipeline.common.errors import UserError
from pipeline.readers.decompress import DamagedFile, content_suffix, open_decompressed

CONTENT = "".join(f"{number} numaralı satır\n" for number in range(5000)).encode()
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def write_file(folder: Path, suffix: str, content: bytes) -> Path:
    path = folder / f"a.txt{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", COMPRESS)
def test_open_decompressed_by_suffix(tmp_path: Path, suffix: str) -> None:
    with open_decompressed(write_file(tmp_path, suffix, COMPRESS[suffix](CONTENT))) as stream:
        assert stream.readline() == "0 numaralı satır\n".encode()
        assert stream.readline() + stream.read() == CONTENT.split(b"\n", 1)[1]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_open_decompressed_reads_concatenated_files_to_the_end(tmp_path: Path, suffix: str) -> None:
    half = len(CONTENT) // 2
    joined = COMPRESS[suffix](CONTENT[:half]) + COMPRESS[suffix](CONTENT[half:])
    with open_decompressed(write_file(tmp_path, suffix, joined)) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_open_decompressed_refuses_a_truncated_file_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = write_file(tmp_path, suffix, COMPRESS[suffix](CONTENT)[:-20])
    with pytest.raises(UserError, match=r"a\.txt\.\w+: its \.\w+ data ends too soon; copy or download"):  # noqa: SIM117
        with open_decompressed(path) as stream:
            stream.read()


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_open_decompressed_refuses_a_file_with_a_wrong_suffix(tmp_path: Path, suffix: str) -> None:
    path = write_file(tmp_path, suffix, CONTENT)
    with pytest.raises(UserError, match=rf"a\.txt\{suffix}: not readable as \{suffix}"):  # noqa: SIM117
        with open_decompressed(path) as stream:
            stream.read()


def test_open_decompressed_reads_zstd_of_a_long_window(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    content = compressor.compress(CONTENT) + compressor.flush()
    with pytest.raises(zstandard.ZstdError):  # by default
        zstandard.ZstdDecompressor().decompressobj().decompress(content)
    with open_decompressed(write_file(tmp_path, ".zst", content)) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("tail", [b"garbage", None])
def test_open_decompressed_gives_all_before_a_damaged_end(
    tmp_path: Path, suffix: str, tail: bytes | None
) -> None:
    content = CONTENT * 10
    whole = COMPRESS[suffix](content)
    path = write_file(tmp_path, suffix, whole[:-1] if tail is None else whole + tail)
    lines = []
    with pytest.raises(DamagedFile), open_decompressed(path) as stream:
        lines.extend(stream)
    read = b"".join(lines)
    assert content.startswith(read)
    assert len(read) >= len(content) - (0 if tail or suffix != ".zst" else 1 << 17)  # a block of zstd


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_open_decompressed_skips_zeros_behind_the_data(tmp_path: Path, suffix: str) -> None:
    with open_decompressed(write_file(tmp_path, suffix, COMPRESS[suffix](CONTENT) + bytes(20_000))) as stream:
        assert stream.read() == CONTENT


def test_suffixes_count_in_either_case(tmp_path: Path) -> None:
    path = tmp_path / "A.JSONL.GZ"
    path.write_bytes(gzip.compress(CONTENT))
    assert content_suffix(path) == ".jsonl"
    with open_decompressed(path) as stream:
        assert stream.read() == CONTENT
