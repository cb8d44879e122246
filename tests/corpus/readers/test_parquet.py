from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.corpus.readers import parquet
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Record
from pipeline.readers.rows import Note, Unreadable


def records(path: Path, text_column: str | None = None) -> Iterator[Any]:
    return (record for record in read_file(path, text_column) if not isinstance(record, Note))


def write_table(folder: Path, **columns: Any) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


def test_read_parquet_across_row_groups_and_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", 2)
    texts = [f"{number}. metin\nikinci satır" for number in range(10)]
    path = write_table(tmp_path, metin=texts, n=list(range(10)))
    assert list(records(path)) == [Record(text) for text in texts]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.binary(),  # as Spark and Hive write text
        pa.large_binary(),
    ],
)
def test_read_parquet_reads_every_string_type(tmp_path: Path, kind: pa.DataType) -> None:
    path = write_table(tmp_path, text=pa.array(["bir", None, "bir"]).cast(kind), id=[1, 2, None])
    assert list(records(path)) == [Record("bir", "1"), Record("", "2"), Record("bir")]


def test_read_parquet_refuses_a_missing_or_numeric_text_column(tmp_path: Path) -> None:
    path = write_table(tmp_path, a=["bir"], b=["iki"], n=[1])
    assert list(records(path, "b")) == [Record("iki")]
    for text_column, message in (
        (None, "one of: a, b$"),
        ("c", "no column 'c'"),
        ("n", "'n' is int64, not text"),
    ):
        with pytest.raises(UserError, match=message):
            list(records(path, text_column))


def test_read_parquet_names_a_row_that_is_not_utf8_and_reads_the_rest(tmp_path: Path) -> None:
    path = write_table(tmp_path, text=pa.array([b"bir", b"\xfe", b"son"]).view(pa.string()))
    first, bad, last = records(path)
    assert (first, last) == (Record("bir"), Record("son"))
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith(f"{path}: row 2: text not UTF-8")


def test_read_parquet_refuses_a_damaged_file_in_one_line(tmp_path: Path) -> None:
    path = write_table(tmp_path, text=["bir"] * 1000)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"a\.parquet: not readable as Parquet") as error:
        list(records(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["list", "struct"])
def test_read_parquet_names_the_type_of_a_column_that_is_not_text(tmp_path: Path, kind: str) -> None:
    value = ["bir"] if kind == "list" else {"a": "bir"}
    path = write_table(tmp_path, text=[value], x=["iki"], y=["üç"])
    for text_column in (None, "text"):
        with pytest.raises(UserError, match=rf"column 'text' is {kind}, not text; set .* to one of: x, y$"):
            list(records(path, text_column))


def test_read_parquet_prefers_strings_to_binary(tmp_path: Path) -> None:
    path = write_table(tmp_path, resim=[b"\xff\xd8"], açıklama=["bir"])
    assert list(records(path)) == [Record("bir")]


def test_read_parquet_names_a_row_of_binary_that_is_not_utf8(tmp_path: Path) -> None:
    path = write_table(tmp_path, text=[b"bir", b"\xfe"])
    first, bad = records(path)
    assert first == Record("bir")
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith(f"{path}: row 2: text not UTF-8")


def test_read_parquet_prefers_a_string_of_usual_name_to_binary_of_another(tmp_path: Path) -> None:
    path = write_table(tmp_path, content=[b"\x89PNG"], metin=["bir"])
    assert list(records(path)) == [Record("bir")]


def test_read_parquet_tells_that_no_column_holds_text(tmp_path: Path) -> None:
    path = write_table(tmp_path, n=[1])
    for text_column in (None, "n"):
        with pytest.raises(UserError, match=r"a\.parquet: .* none holds text; convert one to strings$"):
            list(records(path, text_column))
