import io

from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.readers import txt
from pipeline.corpus.readers.records import Record
from pipeline.corpus.readers.split_long import split_long_text
from pipeline.readers.rows import Unreadable

PATH = "a.txt"
LINES = st.lists(st.text(alphabet="aş ğ,", max_size=12), max_size=20)


def texts(content: str, limit: int = 1000) -> list[str]:
    records = list(txt.read_txt(io.BytesIO(content.encode()), PATH, limit))
    assert all(isinstance(record, Record) for record in records)
    return [record.text for record in records if isinstance(record, Record)]


def test_read_txt_splits_documents_at_blank_lines() -> None:
    content = "\ufeffbir\niki\n\n \t\nüç\r\n\r\ndört"
    assert texts(content) == ["bir\niki\n", "üç\r\n", "dört"]


@given(LINES)
def test_read_txt_drops_blank_lines_only(document_lines: list[str]) -> None:
    content = "\n".join(document_lines)
    kept = [line for text in texts(content) for line in text.split("\n") if line]
    assert kept == [line for line in document_lines if line.strip()]


@given(LINES, st.integers(4, 30))
def test_read_txt_splits_a_book_as_split_long_text_does(book: list[str], limit: int) -> None:
    content = "\n".join(line for line in book if line.strip())
    pieces = texts(content, limit)
    assert "".join(pieces) == content
    assert pieces == (split_long_text(content, limit) if content else [])


def test_read_txt_keeps_a_line_longer_than_a_part() -> None:
    line = "ş" * txt.PART_BYTES
    assert texts(f"{line}\n\nson", limit=10**7) == [line + "\n", "son"]


def test_read_txt_names_a_line_that_is_not_utf8_and_reads_the_rest() -> None:
    content = b"bir\niki \xfe\n\nson"
    first, second, third = txt.read_txt(io.BytesIO(content), PATH)
    assert isinstance(first, Unreadable)
    assert first.message.startswith("a.txt:2: not UTF-8 at byte 8")
    assert (second, third) == (Record("bir\n"), Record("son"))


def test_read_txt_boundary_line_or_file() -> None:
    content = b"bir\n\niki\nve daha\n"
    by_line, by_file = (
        [record.text for record in txt.read_txt(io.BytesIO(content), PATH, boundary=boundary)]
        for boundary in ("line", "file")
    )
    assert by_line == ["bir\n", "iki\n", "ve daha\n"]
    assert by_file == [content.decode()]


def test_read_txt_splits_a_file_of_returns() -> None:
    assert texts("bir\riki\r\rüç\r") == ["bir\riki\r", "üç\r"]
