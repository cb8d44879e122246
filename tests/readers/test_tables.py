import io

import pytest

from pipeline.readers.rows import Note, Unreadable
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
        (['1,"Geldi, gitti', "2,iki", '3,TV 55"'], "a.csv:3: a quote stays open and takes in 2 rows below"),
        (['"Ali, geldi,Ali geldim', "Veli geldi,Veli geldim", 'Can geldi",Can geldim'], "a.csv:3: a quote"),
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
        "Fiyat\n12,50 lira",
        "Giriş\nAli,Veli\nSon",
        'Bir ""iki""\nAli,Veli',
        "Ali\n\nVeli,Ayşe",
    ],
)
@pytest.mark.parametrize("id", ["7", "haber"])
def test_read_table_keeps_texts_of_several_lines(text: str, id: str) -> None:
    assert read(f'id,metin\n{id},"{text}"\n')[1] == [[id, text.replace('""', '"')]]


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


def test_read_table_refuses_a_quote_that_takes_in_rows_of_numbers() -> None:
    _, rows = read('id,puan,metin\n1,5,"Bir\n2,4,iki\n3,1,üç"\n')
    assert len(rows) == 1
    assert str(rows[0]).startswith("a.csv:2: a quote stays open and takes in 2 rows below")


@pytest.mark.parametrize(
    ("rows", "bad_lines"),
    [
        (['1,"Geldi', *(f"{n},metin" for n in range(2, 50))], [2]),
        (['1,"bir', "2,iki", '3,"uc" dort'], [2, 4]),
        (['1,"a"b', '2,"a"b'], [2, 3]),
    ],
)
def test_read_table_reads_the_rows_that_an_open_quote_would_take_in(
    rows: list[str], bad_lines: list[int]
) -> None:
    for end in ("", "\n"):
        _, found = read("\n".join(["id,text", *rows]) + end)
        assert len(found) == len(rows)
        for number, (line, row) in enumerate(zip(rows, found, strict=True), 2):
            if number in bad_lines:
                assert str(row).startswith(f"a.csv:{number}: ")
            else:
                assert row == line.split(",")


def test_read_table_names_each_fault_below_an_open_quote_once() -> None:
    _, rows = read_table(io.BytesIO(b'id,text\n1,"bir\n2,\xfe\n3,uc\n'), "a.csv")
    faults = [row.message if isinstance(row, Unreadable) else "" for row in rows]
    assert [fault.partition(";")[0] for fault in faults] == [
        "a.csv:2: unexpected end of data", "a.csv:3: not UTF-8 at byte 17", "",
    ]  # fmt: skip


def test_read_table_without_header_takes_prose_for_one_column() -> None:
    rows = ["Ali, Veli ve Ayşe geldi.", "Oran 3,5 oldu.", "Evet, öyle.", "Bitti."]
    for count in (1, 4):
        assert read("\n".join(rows[:count]), has_header=False) == (["text"], [[row] for row in rows[:count]])


def test_read_table_without_header_names_a_row_of_more_columns() -> None:
    names, (first, bad) = read("1,Bir\n2,iki,üç\n", has_header=False)
    assert (names, first) == (["1", "2"], ["1", "Bir"])
    assert str(bad).startswith("a.csv:2: 3 columns, not 2 as above")


def test_read_table_notes_the_first_quotes_around_a_field_of_a_tsv() -> None:
    for has_header in (True, False):
        content = 'id\tmetin\n1\t"Bir"\n2\t"İki"\n3\t"Üç" dedi\n'.encode()
        rows = list(read_table(io.BytesIO(content), "a.tsv", has_header).rows)
        (note,) = [row.message for row in rows if isinstance(row, Note)]
        assert note.startswith("a.tsv:2: quotes around a field of a .tsv are read as text")
        assert ["2", '"İki"'] in [row.values for row in rows if isinstance(row, Fields)]
