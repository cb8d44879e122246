import io

import pytest

from pipeline.readers.rows import Unreadable
from pipeline.readers.tables import Fields, read_table


def read(
    content: str, name: str = "a.csv", has_header: bool = True
) -> tuple[list[str], list[list[str] | str]]:
    """Return the names of a table, and its rows: their values, or what is wrong with them."""
    names, rows = read_table(io.BytesIO(content.encode()), name, has_header)
    return names, [row.values if isinstance(row, Fields) else row.message for row in rows]


def test_read_table_takes_quotes_of_a_tsv_for_text() -> None:
    rows = [f'{n}\t"Metin {n}' if n in (5, 8) else f"{n}\tMetin {n}" for n in range(40)]
    for name in ("a.tsv", "A.TSV", "a.tsv.gz"):
        assert read("\n".join(["id\tmetin", *rows]), name) == (
            ["id", "metin"],
            [row.split("\t") for row in rows],
        )


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (['1,"Bir', "2,iki", "3,üç", '4,dört"'], "a.csv:3: a quote stays open and takes in 3 rows below"),
        (['"iki,2', "üç,3", 'dört",4'], "a.csv:3: a quote stays open and takes in 2 rows below"),
        (['1,"Bir', '2,iki"'], "a.csv:3: a quote stays open and takes in 1 rows below"),
    ],
)
def test_read_table_refuses_a_quote_that_takes_in_rows(rows: list[str], fault: str) -> None:
    _, (first, bad, last) = read("\n".join(["a,b", "0,sıfır", *rows, "9,dokuz"]))
    assert (first, last) == (["0", "sıfır"], ["9", "dokuz"])
    assert str(bad).startswith(fault)


@pytest.mark.parametrize(
    "text",
    [
        "Bir şiir,\niki satır",
        "Geldi, gördü.\nSonra, yine, gitti.\nBitti.",
        "Açıklandı.\nYıllık oran 3,5 oldu.",
        "Ali\n\nVeli,Ayşe",
    ],
)
@pytest.mark.parametrize("id", ["7", "haber"])
def test_read_table_keeps_texts_of_several_lines(text: str, id: str) -> None:
    assert read(f'id,metin\n{id},"{text}"\n')[1] == [[id, text]]


def test_read_table_takes_the_separator_that_excel_names() -> None:
    assert read("sep=;\r\na,b;metin\r\n1,5;bir\r\n") == (["a,b", "metin"], [["1,5", "bir"]])
    _, rows = read("sep=,\na,b\n1\n")
    assert str(rows[0]).startswith("a.csv:3: 1 columns, not 2 as above (separator ',')")


def test_read_table_without_header_numbers_the_columns() -> None:
    assert read("Bir.\nİki.\n", has_header=False) == (["text"], [["Bir."], ["İki."]])
    assert read("1\tBir.\n2\tİki.\n", "a.tsv", False) == (["1", "2"], [["1", "Bir."], ["2", "İki."]])
    assert read("", has_header=False) == ([], [])


def test_read_table_splits_lines_that_end_in_returns() -> None:
    assert read("a;b\r1;bir\r2;iki") == (["a", "b"], [["1", "bir"], ["2", "iki"]])
    assert read("a\tb\r1\tbir\r", "a.tsv") == (["a", "b"], [["1", "bir"]])


def test_read_table_shows_a_tab_as_such() -> None:
    _, rows = read_table(io.BytesIO(b"a\tb\n1\n"), "a.tsv")
    assert [row for row in rows if isinstance(row, Unreadable)] == [
        Unreadable(r"a.tsv:2: 1 columns, not 2 as above (separator '\t'); put texts in quotes")
    ]
