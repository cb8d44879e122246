"""items.parquet: what is written is read, and other files are refused in a line."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.evaluation.items import SCHEMA, Items, hash_items, hash_texts, read_items, write_items

TASKS = {
    "minimal_pairs.turblimp": Items(
        hash_items([("Ali geldi.", "Ali geldin."), ("Kedi uyur.", "Kedi uyuruz.")]),
        np.array([1, 1]),
        strata=["agreement", "islands"],
        scores={"base": np.array([-1.5, 2.0]), "kneser_ney_5": np.array([0.0, 1.0])},
        right={"base": np.array([False, True])},
    ),
    "bits_per_byte.val": Items(
        hash_items([("Bir gün",)]),
        np.array([5]),
        weights=np.array([8]),
        scores={"base": np.array([0.25])},
    ),
    "choice.empty": Items(np.array([], np.int64), np.array([], np.int64), scores={"base": np.array([])}),
}


def test_items_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "reports/items.parquet"
    subsets = {"minimal_pairs.turblimp": {"eleven": ["islands"]}}
    write_items(path, TASKS, {"minimal_pairs.turblimp": 3}, subsets)
    table, read = read_items(path, "items")
    assert read == subsets
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert [row["model"] for row in rows] == ["base", "base", "kneser_ney_5", "kneser_ney_5", "base"]
    assert [row["score"] for row in rows] == [-1.5, 2, 0, 1, 0.25]
    assert [row["right"] for row in rows] == [False, True, None, None, None]
    assert [row["version"] for row in rows] == [3, 3, 3, 3, 1]
    assert [row["weight"] for row in rows] == [1, 1, 1, 1, 8]
    assert [row["stratum"] for row in rows] == ["agreement", "islands", "agreement", "islands", ""]
    assert rows[0]["item"] == hash_texts("Ali geldi.", "Ali geldin.") != rows[1]["item"]
    assert read_items(pa.BufferReader(path.read_bytes()), "items")[0].equals(table)
    before = path.read_bytes()
    write_items(path, TASKS, {"minimal_pairs.turblimp": 3}, subsets)
    assert path.read_bytes() == before


def test_no_task_makes_an_empty_file(tmp_path):
    write_items(tmp_path / "items.parquet", {}, {}, {})
    assert read_items(tmp_path / "items.parquet", "items")[0].num_rows == 0


def test_hashes_tell_where_a_text_ends():
    assert hash_texts("ab", "c") != hash_texts("a", "bc")
    assert hash_texts("Ankara") == hash_texts("Ankara")
    assert -(2**63) <= hash_texts("Ankara") < 2**63


@pytest.mark.parametrize("cut", [0, 3, 100, -5])
def test_what_is_no_parquet_is_refused(tmp_path, cut):
    path = tmp_path / "items.parquet"
    write_items(path, TASKS, {}, {})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"^a: not a readable items\.parquet .*; run `dvc repro evaluate`$"):
        read_items(path, "a")


def test_damage_is_told_or_does_no_harm(tmp_path):
    write_items(tmp_path / "items.parquet", TASKS, {}, {})
    whole = (tmp_path / "items.parquet").read_bytes()
    told = 0
    for place in range(4, len(whole), 7):
        damaged = whole[:place] + b"\xff" + whole[place + 1 :]
        try:
            read_items(pa.BufferReader(damaged), "a")
        except UserError:
            told += 1
    assert told > 100


@pytest.mark.parametrize(
    ("columns", "metadata", "found"),
    [
        ({}, {"format": "2", "subsets": "{}"}, "2"),
        ({"more": [1]}, {"format": "1", "subsets": "{}"}, "unknown"),
        ({}, None, "unknown"),
    ],
)
def test_another_version_is_refused(tmp_path, columns, metadata, found):
    path = tmp_path / "items.parquet"
    write_items(path, {"bits_per_byte.val": TASKS["bits_per_byte.val"]}, {}, {})
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.append_column(name, [values])
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(UserError, match=f"^a: items of format {found}, not 1; run"):
        read_items(path, "a")
