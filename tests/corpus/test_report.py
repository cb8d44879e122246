"""The report of what the rules removed."""

import csv
from pathlib import Path

from pipeline.corpus.report import write_report
from tests.helpers.corpus import SHARED_LINE, build_corpus


def test_write_report_shows_examples_and_tables(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 8 else text for number, text in enumerate(stories)]
    english = "The quick brown fox jumps over the lazy dog and then it goes home to sleep for a while. " * 3
    result = build_corpus(tmp_path, [*marked, stories[0], english], language=True, repeated_paragraphs=True)
    write_report(result, tmp_path / "report")
    markdown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "## language: 1 documents" in markdown
    assert "> The quick brown fox" in markdown
    assert f"- 8 documents: {SHARED_LINE}" in markdown
    tables = {}
    for table in (tmp_path / "report/plots").iterdir():
        with open(table, encoding="utf-8", newline="") as file:
            tables[table.stem] = list(csv.DictReader(file, delimiter="\t"))
    assert tables["sources"] == [{"source": "mine", "bytes": str(result.metrics["kept"]["bytes"])}]
    assert {"paragraph": SHARED_LINE, "documents": "8"} in tables["paragraphs"]
    assert sum(int(row["documents"]) for row in tables["lengths"]) == result.metrics["kept"]["documents"]
    funnel = {row["rule"]: int(row["documents"]) for row in tables["funnel"]}
    assert funnel["05 language"] == 1
    assert list(funnel) == sorted(funnel)
    assert [row["below_characters"] for row in tables["lengths"]] == sorted(
        row["below_characters"] for row in tables["lengths"]
    )


def test_write_report_masks_personal_data(tmp_path: Path, stories: list[str]) -> None:
    bad = "Ali, kimlik 10000000146, cep 0532 123 45 67, ali.veli@example.com.\n" * 20
    result = build_corpus(tmp_path, [*stories, bad], repetition=True, personal_data=True)
    write_report(result, tmp_path / "report")
    markdown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "> Ali, kimlik [KİMLİK NO], cep [TELEFON], [E-POSTA]." in markdown
    assert "10000000146" not in markdown


def test_write_report_shows_changes_of_rules(tmp_path: Path, stories: list[str]) -> None:
    long = "Uzun bir satırın içinde çok sonra, " * 20
    web = [
        f"Devamını oku\n{stories[0]}\nÇerez politikamızı kabul edin",
        f"{stories[1]}\n{long}Ali'nin numarası 0532 123 45 67 olarak yazar, ali@example.com da.",
        f"{stories[2]}\n{long}YaÄŸmur yaÄŸdÄ±.\u0007 Sonra 0532 123 45 67.",
    ]
    result = build_corpus(tmp_path, [*web, *stories[3:]], boilerplate=True, personal_data=True)
    write_report(result, tmp_path / "report")
    markdown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "> Devamını oku\n> Çerez politikamızı kabul edin\n" in markdown
    assert "Ali'nin numarası [TELEFON] olarak yazar, [E-POSTA] da." in markdown
    assert "YaÄŸmur yaÄŸdÄ±.\ufffd Sonra [TELEFON]. → " in markdown
    assert "Yağmur yağdı. Sonra [TELEFON]." in markdown
    assert "0532" not in markdown
    assert len(result.examples.by_rule["cleaning"]) == 1  # white space alone is not worth showing
