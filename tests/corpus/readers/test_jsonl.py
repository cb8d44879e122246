import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.corpus.readers import jsonl
from pipeline.corpus.readers.records import Record
from pipeline.readers import json_rows
from pipeline.readers.rows import Note, Unreadable

PATH = "a.jsonl"


def read(*lines: str | bytes, text_column: str | None = None) -> list[Record | Unreadable]:
    content = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    all_records = jsonl.read_jsonl(io.BytesIO(content), PATH, text_column)
    return [record for record in all_records if not isinstance(record, Note)]


def fault(line: str | bytes) -> str:
    good, bad, last = read('{"text": "bir"}', line, '{"text": "iki"}')
    assert (good, last) == (Record("bir"), Record("iki"))
    assert isinstance(bad, Unreadable)
    assert "\n" not in bad.message
    return bad.message


@given(st.lists(st.text(), min_size=1))
def test_read_jsonl_round_trips_every_text(texts: list[str]) -> None:
    for ascii_only in (True, False):
        if not ascii_only and any("\ud800" <= char <= "\udfff" for text in texts for char in text):
            continue
        records = read(*(json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts))
        assert records == [Record(text) for text in texts]


def test_read_jsonl_keeps_ids_and_skips_blank_lines() -> None:
    records = read(
        '\ufeff{"id": "a", "text": "bir\\niki"}', "", '{"id": 7, "text": null}', '{"text": "üç"}\r'
    )
    assert records == [Record("bir\niki", "a"), Record("", "7"), Record("üç")]


@pytest.mark.parametrize("name", ["text", "content", "metin", "gövde"])
def test_read_jsonl_recognizes_the_text_column(name: str) -> None:
    assert read(json.dumps({"id": "a", "n": 1, name: "bir"})) == [Record("bir", "a")]


def test_read_jsonl_takes_the_named_text_column() -> None:
    assert read('{"text": "bir", "title": "iki"}', text_column="title") == [Record("iki")]
    with pytest.raises(
        UserError,
        match=r"no column 'titel'; set text_column \(`tezgah add`: --column\) to one of: text, title",
    ):
        read('{"text": "bir", "title": "iki"}', text_column="titel")
    with pytest.raises(UserError, match=r"a\.jsonl:1: column 'n' is int, not text; .* to one of: text$"):
        read('{"text": "bir", "n": 1}', text_column="n")


def test_read_jsonl_asks_which_of_two_candidates_is_the_text() -> None:
    with pytest.raises(UserError, match=r"a\.jsonl:1: which column is the text.* one of: başlık, özet"):
        read('{"başlık": "bir", "özet": "iki"}')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "bir"', "a.jsonl:2: not JSON"),
        ("[" * 100_000, "a.jsonl:2: not JSON"),
        ('["bir"]', "a.jsonl:2: list, not an object"),
        ('{"metin": "bir"}', "a.jsonl:2: no key 'text' among metin"),
        ('{"text": 3}', "a.jsonl:2: 'text' holds int, not text"),
        (b'{"text": "\xfe"}', "a.jsonl:2: not UTF-8 at byte 26"),
    ],
)
def test_read_jsonl_names_a_bad_line_and_reads_the_rest(line: str | bytes, message: str) -> None:
    assert fault(line).startswith(message)


def test_read_jsonl_refuses_an_endless_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MAX_ROW_BYTES", 1 << 10)
    (bad,) = [record for record in read('{"text": "' + "a" * 5000 + '"}') if isinstance(record, Unreadable)]
    assert "put one row or object on a line" in bad.message


def test_read_jsonl_drops_lone_surrogates() -> None:
    (record,) = read('{"text": "merhaba \\ud83d dünya", "id": "a\\ud83d"}')
    assert record == Record("merhaba  dünya", "a")
