import io

from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.readers import txt
from pipeline.corpus.readers.records import Record, Unreadable
from pipeline.corpus.readers.split_long import cut

PATH = "a.txt"
LINES = st.lists(st.text(alphabet="aş ğ,", max_size=12), max_size=20)


def texts(content: str, limit: int = 1000) -> list[str]:
    records = list(txt.records(io.BytesIO(content.encode()), PATH, limit))
    assert all(isinstance(record, Record) for record in records)
    return [record.text for record in records if isinstance(record, Record)]


def test_blank_lines_divide_documents() -> None:
    content = "\ufeffbir\niki\n\n \t\nüç\r\n\r\ndört"
    assert texts(content) == ["bir\niki\n", "üç\r\n", "dört"]


@given(LINES)
def test_nothing_but_blank_lines_is_lost(document_lines: list[str]) -> None:
    content = "\n".join(document_lines)
    kept = [line for text in texts(content) for line in text.split("\n") if line]
    assert kept == [line for line in document_lines if line.strip()]


@given(LINES, st.integers(4, 30))
def test_a_book_without_blank_lines_is_cut_as_a_whole_text_would_be(book: list[str], limit: int) -> None:
    content = "\n".join(line for line in book if line.strip())
    pieces = texts(content, limit)
    assert "".join(pieces) == content
    assert pieces == (cut(content, limit) if content else [])


def test_a_line_longer_than_a_read_stays_one_line() -> None:
    line = "ş" * txt.PART_BYTES
    assert texts(f"{line}\n\nson", limit=10**7) == [line + "\n", "son"]


def test_a_line_that_is_not_utf8_is_reported_and_the_rest_read() -> None:
    content = b"bir\niki \xfe\n\nson"
    first, second, third = txt.records(io.BytesIO(content), PATH)
    assert isinstance(first, Unreadable)
    assert first.message.startswith("a.txt:2: not UTF-8 at byte 8")
    assert (second, third) == (Record("bir\n"), Record("son"))


def test_a_line_or_the_file_is_a_document_if_asked() -> None:
    content = b"bir\n\niki\nve daha\n"
    by_line, by_file = (
        [record.text for record in txt.records(io.BytesIO(content), PATH, divided=divided)]
        for divided in ("line", "file")
    )
    assert by_line == ["bir\n", "iki\n", "ve daha\n"]
    assert by_file == [content.decode()]
