"""Rows of files of every format."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.readers.files import read_rows
from pipeline.readers.rows import Row, Unreadable

ROWS = [{"ad": "İğde", "sayı": "3"}, {"ad": "Çam", "sayı": "4"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSON", "a.csv", "a.tsv.gz", "a.jsonl.gz", "a.parquet"])
def test_read_rows_of_every_format(tmp_path, name):
    path = tmp_path / name
    mark = "\t" if ".tsv" in name else ";"
    table = "\n".join([mark.join(ROWS[0]), *(mark.join(row.values()) for row in ROWS)])
    text = table if ".csv" in name or ".tsv" in name else "\n".join(map(json.dumps, ROWS))
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    rows = list(read_rows(path))
    assert [row.values for row in rows if isinstance(row, Row)] == ROWS
    assert str(path) in rows[1].location


def test_read_rows_of_parquet_names_a_row_that_is_not_utf_8(tmp_path):
    column = pa.array([b"iyi", b"\xff", b"son"]).view(pa.string())
    pq.write_table(pa.table({"a": column}), tmp_path / "a.parquet")
    first, second, third = read_rows(tmp_path / "a.parquet")
    assert (first.values, third.values) == ({"a": "iyi"}, {"a": "son"})
    assert isinstance(second, Unreadable)
    assert second.message.endswith("a.parquet: row 2: text not UTF-8 at byte 0; fix it")


def test_read_rows_refuses_what_it_cannot_read(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"a\.parquet: not readable as Parquet \(.*copy or download it again"):
        list(read_rows(tmp_path / "a.parquet"))
    with pytest.raises(UserError, match=r"a\.parquet\.gz: of no known format; rename or convert it to one"):
        list(read_rows(tmp_path / "a.parquet.gz"))
