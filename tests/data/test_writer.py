from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.data.reader import read_documents, read_texts
from pipeline.data.writer import SplitWriter


def write(folder: Path, count: int, group_bytes: int = 500, part_bytes: int = 2000) -> list[dict[str, str]]:
    rows = [{"id": f"a-{number}", "source": "a", "text": f"{number}. şey\n" * 9} for number in range(count)]
    writer = SplitWriter(folder, group_bytes, part_bytes)
    for row in rows:
        writer.add(**row, text_bytes=len(row["text"].encode()))
    writer.close()
    return rows


def test_split_writer_keeps_order_across_parts(tmp_path: Path) -> None:
    rows = write(tmp_path / "train", 100)
    assert len(list((tmp_path / "train").iterdir())) > 1
    assert list(read_documents(tmp_path / "train")) == rows
    assert list(read_texts(tmp_path / "train")) == [row["text"] for row in rows]


def test_split_writer_files_follow_contract(tmp_path: Path) -> None:
    write(tmp_path / "train", 100)
    for part in (tmp_path / "train").iterdir():
        file = pq.ParquetFile(part)
        assert [(field.name, str(field.type)) for field in file.schema_arrow] == [
            ("id", "string"),
            ("source", "string"),
            ("text", "string"),
        ]
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        assert all(group.column(2).compression == "ZSTD" for group in groups)
        assert all(sum(len(text.as_py().encode()) for text in file.read_row_group(i)["text"]) <= 500
                   for i in range(len(groups)))  # fmt: skip


def test_split_writer_is_deterministic(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, 50)
    for part in (tmp_path / "a").iterdir():
        assert part.read_bytes() == (tmp_path / "b" / part.name).read_bytes()


def test_split_writer_empty_split_is_file_without_rows(tmp_path: Path) -> None:
    write(tmp_path / "val", 0)
    assert (tmp_path / "val/part-00000.parquet").exists()
    assert list(read_documents(tmp_path / "val")) == []


def test_read_documents_absent_split_names_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro slice_corpus"):
        next(read_documents(tmp_path / "train"))
