import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.readers.lines import Line, decoded, lines
from pipeline.corpus.readers.records import Unreadable

PATH = "a.txt"


@given(st.text(), st.integers(4, 20))
def test_parts_join_to_the_content_and_hold_whole_characters(text: str, limit: int) -> None:
    content = text.encode("utf-8")
    parts = list(lines(io.BytesIO(content), limit))
    whole = content.removeprefix(b"\xef\xbb\xbf")
    assert b"".join(part.raw for part in parts) == whole
    assert all(part.raw.decode("utf-8") and len(part.raw) <= limit for part in parts)
    skipped = len(content) - len(whole)
    assert all(whole[part.offset - skipped :].startswith(part.raw) for part in parts)


@given(st.binary(), st.integers(4, 20))
def test_any_bytes_at_all(content: bytes, limit: int) -> None:
    joined = b"".join(part.raw for part in lines(io.BytesIO(content), limit))
    assert joined == content.removeprefix(b"\xef\xbb\xbf")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert list(lines(io.BytesIO("\ufeffbir\niki".encode()), 100)) == [
        Line(1, 3, b"bir\n", True, True),
        Line(2, 7, b"iki", True, True),
    ]


def test_not_utf8_names_line_and_byte() -> None:
    content = "bir\nçok ".encode() + "şey\n".encode("windows-1254")
    first, second = lines(io.BytesIO(content), 100)
    assert decoded(first, PATH) == "bir\n"
    fault = decoded(second, PATH)
    assert isinstance(fault, Unreadable)
    assert fault.message.startswith("a.txt:2: not UTF-8 at byte 9; ")
    assert "iconv -f WINDOWS-1254 -t UTF-8" in fault.message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_named(encoding: str) -> None:
    (line,) = lines(io.BytesIO("\ufeffbir".encode(encoding)), 100)
    fault = decoded(line, PATH)
    assert isinstance(fault, Unreadable)
    assert "iconv -f UTF-16" in fault.message
