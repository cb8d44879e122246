import gzip
import json
import random
from pathlib import Path

import pytest

from pipeline.corpus.readers.files import compression_ratio, read_file
from pipeline.corpus.readers.records import Record
from pipeline.readers.decompress import DamagedFile
from pipeline.readers.rows import Unreadable

RANDOM = random.Random(0)
LINES = [f"{number}. {RANDOM.randbytes(20).hex()}" for number in range(2000)]


def test_read_file_reads_the_one_document_of_a_cut_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode())[:-100])
    record, fault = read_file(path)
    assert isinstance(record, Record)
    assert len(record.text.splitlines()) > len(LINES) * 0.95
    assert "\n".join(LINES).startswith(record.text)
    assert isinstance(fault, Unreadable)
    assert "its .gz data ends too soon" in fault.message


def test_read_file_reads_the_objects_before_the_cut_of_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    rows = ",\n".join(json.dumps({"text": line}) for line in LINES)
    path.write_bytes(gzip.compress(f"[{rows}]".encode())[:-100])
    *records, fault = read_file(path)
    assert len(records) > len(LINES) * 0.95
    assert records == [Record(line) for line in LINES[: len(records)]]
    assert isinstance(fault, Unreadable)
    assert "; the rest is not read" in fault.message


@pytest.mark.parametrize("content", [b"Bir.", gzip.compress(b"Bir.", mtime=0)[:5]])
def test_read_file_refuses_compressed_data_without_any_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        list(read_file(path))


def test_compression_ratio_by_suffix() -> None:
    assert [compression_ratio(Path(name)) for name in ("a.txt", "a.csv.xz", "a.parquet")] == [1, 4, 4]
