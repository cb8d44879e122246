import csv as csv_writer
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.corpus.readers import csv
from pipeline.corpus.readers.records import Record
from pipeline.readers import tables
from pipeline.readers.rows import Note, Unreadable

PATH = "a.csv"


def read(content: str | bytes, text_column: str | None = None) -> list[Record | Unreadable]:
    raw = content.encode() if isinstance(content, str) else content
    records = csv.read_csv(io.BytesIO(raw), PATH, text_column)
    return [record for record in records if not isinstance(record, Note)]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1),
    st.sampled_from(",;\t|"),
)
def test_read_csv_round_trips_every_text_and_delimiter(texts: list[str], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv_writer.writer(out, delimiter=delimiter, quoting=csv_writer.QUOTE_ALL)
    writer.writerows([["id", "text"], *([f"n{number}", text] for number, text in enumerate(texts))])
    assert read(out.getvalue()) == [Record(text, f"n{number}") for number, text in enumerate(texts)]


def test_read_csv_takes_a_single_column_of_any_name() -> None:
    assert read('\ufeffcümleler\r\nBir.\r\n"İki,\nüç."\r\n') == [Record("Bir."), Record("İki,\nüç.")]


def test_read_csv_splits_a_tsv_at_tabs_only() -> None:
    content = io.BytesIO("metin\nBir, iki; üç.\n".encode())
    *_, record = csv.read_csv(content, "a.tsv.gz")
    assert record == Record("Bir, iki; üç.")


def test_read_csv_of_several_columns_needs_a_known_name_or_text_column() -> None:
    assert read("tarih;metin\n2018;bir, iki\n") == [Record("bir, iki")]
    assert read("a,b\n1,2\n", text_column="b") == [Record("2")]
    with pytest.raises(UserError, match=r"a\.csv: which column is the text.* one of: a, b"):
        read("a,b\n1,2\n")
    with pytest.raises(
        UserError, match=r"a\.csv: no column 'c'; set text_column \(`tezgah add`: --column\) to one of: a, b"
    ):
        read("a,b\n1,2\n", text_column="c")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1", "a.csv:3: 1 columns, not 2"),
        ("1,bir, iki", "a.csv:3: 3 columns, not 2"),
        ('1,"bir" iki', "a.csv:3: "),
        (b"1,bir \xfe", "a.csv:3: not UTF-8 at byte 21"),
        (b'1,"bir\n\xfe\n"', "a.csv:4: not UTF-8 at byte 22"),
    ],
)
def test_read_csv_names_a_bad_row_and_reads_the_rest(row: str | bytes, message: str) -> None:
    raw = row.encode() if isinstance(row, str) else row
    first, bad, last = read(b"id,text\n0,good\n" + raw + b"\n2,son\n")
    assert (first, last) == (Record("good", "0"), Record("son", "2"))
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith(message)


def test_read_csv_names_the_row_where_an_open_quote_begins() -> None:
    first, bad, last = read('text,n\nbir,1\n"iki,2\nüç,3\n')
    assert (first, last) == (Record("bir"), Record("üç"))
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith("a.csv:3: ")


def test_read_csv_reads_a_long_field_and_refuses_an_endless_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("text\n" + "a" * 200_000) == [Record("a" * 200_000)]
    monkeypatch.setattr(tables, "MAX_ROW_BYTES", 100)
    _, bad, *_ = read('text\nbir\n"' + "iki\n" * 100)
    assert isinstance(bad, Unreadable)
    assert "a.csv:3: field larger than" in bad.message


@pytest.mark.parametrize("name", ["Metin", "METİN", "METIN", "İçerik", "TEXT"])
def test_read_csv_knows_usual_names_in_any_case(name: str) -> None:
    assert read(f"tarih;{name}\n2018;bir\n") == [Record("bir")]


def test_read_csv_prefers_the_very_name() -> None:
    assert read("Text;content\nbir;iki\n") == [Record("iki")]


def test_read_csv_notes_that_the_first_line_is_the_columns_name() -> None:
    for content, has_note in (("Bir.\nİki.\n", True), ("METİN\nİki.\n", False)):
        notes = [row for row in csv.read_csv(io.BytesIO(content.encode()), PATH) if isinstance(row, Note)]
        assert ("a.csv: the first line is taken for the column's name: 'Bir.'" in str(notes)) == has_note


def test_read_csv_without_header() -> None:
    records = csv.read_csv(io.BytesIO("1;Bir.\n2;İki.\n".encode()), PATH, "2", has_header=False)
    assert list(records) == [Record("Bir."), Record("İki.")]


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (["1;Merhaba, dünya, selam", "2;a, b, c"], ["Merhaba, dünya, selam", "a, b, c"]),
        (['x,"Merhaba; nasılsın; iyi"', 'y,"z"'], ["Merhaba; nasılsın; iyi", "z"]),
        (["1;12,50", "2;13,75"], ["12,50", "13,75"]),
    ],
)
def test_read_csv_without_header_finds_the_separator_beside_prose(rows: list[str], texts: list[str]) -> None:
    content = io.BytesIO("\n".join(rows).encode())
    assert [record.text for record in csv.read_csv(content, PATH, "2", has_header=False)] == texts


def test_read_csv_takes_a_separator_that_is_not_quoted() -> None:
    assert read('"a,b,c";metin\n1;bir\n', "metin") == [Record("bir")]


def test_read_csv_refuses_a_table_without_columns() -> None:
    with pytest.raises(
        UserError, match=r"which column is the text\? none holds text; convert one to strings"
    ):
        read("")
