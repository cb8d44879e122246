import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.readers.lines import Line, TextLines, decode_line, detect_utf16, read_lines
from pipeline.readers.rows import Note, Unreadable

PATH = "a.txt"


@given(st.text(), st.integers(4, 20))
def test_read_lines_parts_join_to_the_content_and_split_no_character(text: str, limit: int) -> None:
    content = text.encode("utf-8")
    parts = list(read_lines(io.BytesIO(content), limit))
    whole = content.removeprefix(b"\xef\xbb\xbf")
    assert b"".join(part.raw for part in parts) == whole
    assert all(part.raw.decode("utf-8") and len(part.raw) <= limit for part in parts)
    skipped = len(content) - len(whole)
    assert all(whole[part.offset - skipped :].startswith(part.raw) for part in parts)


@given(st.binary(), st.integers(4, 20))
def test_read_lines_of_any_bytes_join_to_the_content(content: bytes, limit: int) -> None:
    joined = b"".join(part.raw for part in read_lines(io.BytesIO(content), limit))
    assert joined == content.removeprefix(b"\xef\xbb\xbf")


def test_read_lines_skips_a_byte_order_mark() -> None:
    assert list(read_lines(io.BytesIO("\ufeffbir\niki".encode()), 100)) == [
        Line(1, 3, b"bir\n", True, True),
        Line(2, 7, b"iki", True, True),
    ]


def test_decode_line_names_line_and_byte_that_are_not_utf8() -> None:
    content = "bir\nçok ".encode() + "şey\n".encode("windows-1254")
    first, second = read_lines(io.BytesIO(content), 100)
    assert decode_line(first, PATH) == "bir\n"
    fault = decode_line(second, PATH)
    assert isinstance(fault, Unreadable)
    assert fault.message.startswith("a.txt:2: not UTF-8 at byte 9; ")
    assert "iconv -f WINDOWS-1254 -t UTF-8" in fault.message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_decode_line_recognizes_utf16(encoding: str) -> None:
    (line,) = read_lines(io.BytesIO("\ufeffbir".encode(encoding)), 100)
    fault = decode_line(line, PATH)
    assert isinstance(fault, Unreadable)
    assert "iconv -f UTF-16" in fault.message


@pytest.mark.parametrize("name", ["UTF-16LE", "UTF-16BE"])
def test_decode_line_recognizes_utf16_without_a_byte_order_mark(name: str) -> None:
    content = "Işık söndü; ağaçlar görünmez oldu.\nBir iki.\n".encode(name)
    assert detect_utf16(content) == name
    assert detect_utf16("\ufeff".encode(name) + content) == "UTF-16"
    faults = [decode_line(line, PATH) for line in read_lines(io.BytesIO(content), 1000)]
    assert all(isinstance(fault, Unreadable) for fault in faults[:2])
    assert f"iconv -f {name} -t UTF-8" in str(faults[0])


def test_text_lines_leave_out_and_count_nul_characters() -> None:
    lines = TextLines(io.BytesIO(b"bir\0\n\0iki\0\n" + b"\0" * 100), PATH, 1000)
    assert [text for _, text in lines] == ["bir\n", "iki\n", ""]
    assert lines.notes == [Note("a.txt: 103 NUL characters are left out")]


@given(st.lists(st.text("aş ğ,", min_size=1), max_size=9), st.integers(4, 20))
def test_read_lines_ends_lines_at_returns_where_there_is_nothing_else(lines: list[str], limit: int) -> None:
    content = "".join(line + "\r" for line in lines)
    parts = list(read_lines(io.BytesIO(content.encode()), limit))
    assert b"".join(part.raw for part in parts).decode() == content
    if "\r" in content[: limit // 2 - 1]:  # within the first `limit` bytes
        assert sum(part.is_end for part in parts) == len(lines)
        assert [part.number for part in parts if part.is_start] == list(range(1, len(lines) + 1))
