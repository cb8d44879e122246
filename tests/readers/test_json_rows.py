import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.readers import json_rows
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Note, Row, Unreadable

PATH = "a.json"
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=8)


def read(content: str | bytes) -> list[Row | Unreadable | Note]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_json_rows(io.BytesIO(raw), PATH))


def messages(content: str | bytes) -> list[str]:
    return [row.message for row in read(content) if isinstance(row, Unreadable)]


@given(OBJECTS, st.sampled_from([None, 2]))
def test_read_json_rows_of_an_array_are_its_objects(objects: list[Any], indent: int | None) -> None:
    rows = read(json.dumps(objects, indent=indent))
    assert [row.values for row in rows if isinstance(row, Row)] == objects
    assert len(rows) == len(objects)


@given(OBJECTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_read_json_rows_of_lines_are_their_objects(objects: list[Any], end: str) -> None:
    content = "".join(json.dumps(row) + end for row in objects)
    assert [row.values for row in read(content) if isinstance(row, Row)] == objects


def test_read_json_rows_reads_a_long_array_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(json_rows, "CHUNK_BYTES", 10)
    objects = [{"text": f"{number} numaralı metin", "n": [number]} for number in range(500)]
    for indent in (None, 1):
        rows = read(json.dumps(objects, indent=indent, ensure_ascii=False))
        assert rows == [Row(f"a.json: object {n}", value) for n, value in enumerate(objects, 1)]


@pytest.mark.parametrize(
    ("content", "count", "message"),
    [
        ('[{"a": 1}, {"b": }]', 1, "a.json: object 2: not JSON: Expecting value"),
        ('[{"a": 1}, {"b": 2', 1, "a.json: object 2: not JSON: Expecting"),
        ('[{"a": 1}, {"b": "iki', 1, "a.json: object 2: not JSON: Unterminated"),
        ('[{"a": 1}, 7, {"b": 2}]', 2, "a.json: object 2: int, not an object"),
        ('[{"a": 1}', 1, "a.json: object 1 is not followed by"),
        ('[{"a": 1} {"b": 2}]', 1, "a.json: object 1 is not followed by"),
        ('[{"a": 1}]\n[{"b": 2}]', 1, "a.json: text after the array is not read"),
        (b'[{"a": "\xfe"}]', 0, "a.json:1: not UTF-8 at byte 8"),
        (b'[{"a": 1},\n{"a": 2},\n{"a": "\xfe"}]', 2, "a.json:3: not UTF-8 at byte 28"),
        ('{\n  "a": 1\n}', 0, "a.json:1: not JSON: it goes on below; write one object {…} a line"),
    ],
)
def test_read_json_rows_tells_a_fault_after_what_is_whole(
    content: str | bytes, count: int, message: str
) -> None:
    rows = read(content)
    assert sum(isinstance(row, Row) for row in rows) == count
    assert messages(content)[0].startswith(message)


def test_read_json_rows_leaves_out_halves_of_surrogate_pairs() -> None:
    expected = {"a": "x", "b": ["y", {"z": "😀"}]}
    line = '{"a": "x\\ud83d", "b": ["\\uDE00y", {"z": "\\ud83d\\ude00"}]}'
    assert read(line) == [Row("a.json:1", expected)]
    assert read(f"[{line}]") == [Row("a.json: object 1", expected)]


def test_read_json_rows_counts_nul_characters() -> None:
    assert read(b'{"a": "b\0"}\n\0\0') == [
        Row("a.json:1", {"a": "b"}), Note("a.json: 3 NUL characters are left out"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b'[{"a": 1},\n{"a": "\xfe"},\n{"a": 2}]', b'[{"a": 1} {"a": 2}]', b'[{"a": 1}, {"a": x}, {"a": 2}]'],
)
def test_read_json_rows_tells_that_the_rest_of_an_array_is_not_read(content: bytes) -> None:
    (message,) = messages(content)
    assert "; the rest is not read" in message
