"""Rules that compare documents, from files to the corpus, and the report of what they removed."""

import csv
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.io import whole_folder
from pipeline.common.params import parse
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.params import CorpusParams, Rules
from pipeline.corpus.report import write_report
from pipeline.corpus.stats import Sliced
from pipeline.data.reader import documents
from pipeline.data.splits import SPLITS
from pipeline.miniworld import texts

SHARED_LINE = "Bu sitedeki bütün yazıların hakları saklıdır ve izinsiz kullanılamaz."


@pytest.fixture(scope="module")
def stories() -> list[str]:
    """Turkish texts of some hundred words, none like another."""
    found = [document.text for document in texts.documents(7, 400) if len(document.text.split()) > 40]
    return list(dict.fromkeys(found))[:120]


def sliced(
    root: Path,
    kept: list[str],
    held: list[str] | None = None,
    max_bytes: int | None = None,
    min_chars: int = 10,
    **rules: bool,
) -> Sliced:
    folder = root / "data/raw/corpus"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.txt").write_text("\n\n".join(text.replace("\n\n", "\n") for text in kept))
    section = {
        "sources": {"mine": {"kind": "local", "path": "data/raw/corpus/mine.txt"}},
        "max_bytes": max_bytes, "min_chars": min_chars, "val_fraction": 0.2, "test_fraction": 0.2,
        "on_error": "fail",
        "rules": dict.fromkeys(Rules.model_fields, False) | rules,
    }  # fmt: skip
    scratch = Path(tempfile.mkdtemp(dir=root))
    with whole_folder(root / "out") as out:
        return slice_corpus(parse(section, "corpus", CorpusParams), 1, out, scratch, root, held)


def there(root: Path) -> list[str]:
    return [row["text"] for split in SPLITS for row in documents(root / "out" / split)]


def adds_up(metrics: dict[str, Any]) -> bool:
    return all(
        metrics["in"][unit] == metrics["kept"][unit] + sum(n[unit] for n in metrics["removed"].values())
        for unit in ("documents", "bytes")
    )


def test_a_paragraph_of_many_documents_stays_in_the_first(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 8 else text for number, text in enumerate(stories)]
    found = sliced(tmp_path, marked, repeated_paragraphs=True)
    assert sum(SHARED_LINE in text for text in there(tmp_path)) == 1
    removed = found.metrics["removed"]["repeated_paragraphs"]
    assert removed == {"documents": 0, "bytes": 7 * (len(SHARED_LINE.encode()) + 1)}
    assert (8, SHARED_LINE) in found.paragraphs
    assert adds_up(found.metrics)


def test_a_paragraph_of_few_documents_stays(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 5 else text for number, text in enumerate(stories)]
    sliced(tmp_path, marked, repeated_paragraphs=True)
    assert sum(SHARED_LINE in text for text in there(tmp_path)) == 5


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_it_stays_in_another_where_the_first_is_over_the_budget(
    tmp_path: Path, stories: list[str], share: float
) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number % 2 else text for number, text in enumerate(stories)]
    budget = int(share * sum(len(text.encode()) for text in stories))
    found = sliced(tmp_path, marked, repeated_paragraphs=True, max_bytes=budget)
    assert sum(SHARED_LINE in text for text in there(tmp_path)) == 1
    kept = sum(len(text.encode()) for text in there(tmp_path))
    longest = max(len(text.encode()) for text in marked)
    assert budget - longest <= kept == found.metrics["kept"]["bytes"] <= budget
    assert adds_up(found.metrics)


def test_what_is_too_short_without_it_does_not_count_towards_the_budget(
    tmp_path: Path, stories: list[str]
) -> None:
    pages = [f"{number}. sayfa\n{SHARED_LINE}" for number in range(200)]
    budget = int(0.8 * sum(len(text.encode()) for text in stories))
    found = sliced(tmp_path, [*pages, *stories], repeated_paragraphs=True, max_bytes=budget, min_chars=20)
    assert found.metrics["kept"]["bytes"] > budget - max(len(text.encode()) for text in stories)
    assert found.metrics["removed"]["repeated_paragraphs"]["documents"] > 150
    assert adds_up(found.metrics)


def test_a_paragraph_stays_where_its_first_document_is_too_short_for_another(
    tmp_path: Path, stories: list[str]
) -> None:
    other = "Bu da başka bir satırdır ve o sayfaların hepsinde aynen yazılıdır, uzunca."
    longer = [f"{text}\n{other}" if number < 8 else text for number, text in enumerate(stories)]
    pages = [f"{text}\n{SHARED_LINE}" if number % 9 == 8 else text for number, text in enumerate(longer)]
    short = f"{SHARED_LINE}\n{other}"  # first of those with SHARED_LINE, and without the other too short
    found = sliced(tmp_path, [*pages[:8], short, *pages[8:]], repeated_paragraphs=True, min_chars=100)
    assert [text.count(SHARED_LINE) for text in there(tmp_path) if SHARED_LINE in text] == [1]
    assert found.metrics["removed"]["repeated_paragraphs"]["documents"] == 1
    assert adds_up(found.metrics)


def test_a_copy_that_evaluation_takes_out_takes_no_other_with_it(tmp_path: Path, stories: list[str]) -> None:
    held = "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    copies = [f"{text}\n{held}" for text in stories[:10]]
    found = sliced(tmp_path, [*stories, *copies], held=[held], near_copies=True, contamination=True)
    assert found.metrics["removed"]["contamination"]["documents"] == 10
    alone = sliced(tmp_path, stories, near_copies=True)
    assert found.metrics["kept"]["documents"] == alone.metrics["kept"]["documents"] > 0.9 * len(stories)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace("çocuk", "ço\u00adcuk"),
        lambda text: text.encode("utf-8").decode("cp1254", "replace"),
        lambda text: text.replace("kayardı", "kayardı 0532 123 45 67"),
    ],
)
def test_texts_of_evaluation_are_read_as_documents_are(
    tmp_path: Path, stories: list[str], written: Callable[[str], str]
) -> None:
    text = written(
        "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    )
    kept = [*stories, text]
    found = sliced(tmp_path, kept, held=[text], contamination=True, personal_data=True)
    assert found.metrics["removed"]["contamination"]["documents"] == 1


def test_what_evaluation_holds_is_not_trained_on(tmp_path: Path, stories: list[str]) -> None:
    held = stories[3].replace("\n\n", "\n")
    whole = "Önce başka bir cümle gelir. " + held.upper() + " Sonra bir başkası."
    kept = [*stories[:3], whole, *stories[4:]]
    found = sliced(tmp_path, kept, held=[held], contamination=True)
    assert found.metrics["removed"]["contamination"]["documents"] == 1
    assert not any("Önce başka" in text for text in there(tmp_path))
    assert found.examples.of_rule["contamination"][0][1] == "mine-3"
    assert adds_up(found.metrics)
    sliced(tmp_path, kept, held=[held])
    assert any("Önce başka" in text for text in there(tmp_path))


def test_no_two_near_copies_are_left_in_any_split(tmp_path: Path, stories: list[str]) -> None:
    copies = [f"{text.replace('.', ' .').upper()} {at} kez yazıldı" for at, text in enumerate(stories)]
    found = sliced(tmp_path, [*stories, *copies], near_copies=True)
    left = there(tmp_path)
    for number, text in enumerate(stories):
        words = text.split()[:6]
        assert sum(t.upper().split()[:6] == [w.upper() for w in words] for t in left) <= 1, number
    assert found.metrics["removed"]["near_copies"]["documents"] >= len(stories) * 0.95
    assert adds_up(found.metrics)


def test_the_report_shows_examples_and_tables(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 8 else text for number, text in enumerate(stories)]
    english = "The quick brown fox jumps over the lazy dog and then it goes home to sleep for a while. " * 3
    found = sliced(tmp_path, [*marked, stories[0], english], language=True, repeated_paragraphs=True)
    write_report(found, tmp_path / "report")
    shown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "## language: 1 documents" in shown
    assert "> The quick brown fox" in shown
    assert f"- 8 documents: {SHARED_LINE}" in shown
    tables = {}
    for table in (tmp_path / "report/plots").iterdir():
        with open(table, encoding="utf-8", newline="") as file:
            tables[table.stem] = list(csv.DictReader(file, delimiter="\t"))
    assert tables["sources"] == [{"source": "mine", "bytes": str(found.metrics["kept"]["bytes"])}]
    assert {"paragraph": SHARED_LINE, "documents": "8"} in tables["paragraphs"]
    assert sum(int(row["documents"]) for row in tables["lengths"]) == found.metrics["kept"]["documents"]
    funnel = {row["rule"]: int(row["documents"]) for row in tables["funnel"]}
    assert funnel["05 language"] == 1
    assert list(funnel) == sorted(funnel)
    assert [row["below_characters"] for row in tables["lengths"]] == sorted(
        row["below_characters"] for row in tables["lengths"]
    )


def test_the_report_shows_no_personal_data(tmp_path: Path, stories: list[str]) -> None:
    bad = "Ali, kimlik 10000000146, cep 0532 123 45 67, ali.veli@example.com.\n" * 20
    found = sliced(tmp_path, [*stories, bad], repetition=True, personal_data=True)
    write_report(found, tmp_path / "report")
    shown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "> Ali, kimlik [KİMLİK NO], cep [TELEFON], [E-POSTA]." in shown
    assert "10000000146" not in shown


def test_the_report_shows_what_rules_have_changed(tmp_path: Path, stories: list[str]) -> None:
    long = "Uzun bir satırın içinde çok sonra, " * 20
    web = [
        f"Devamını oku\n{stories[0]}\nÇerez politikamızı kabul edin",
        f"{stories[1]}\n{long}Ali'nin numarası 0532 123 45 67 olarak yazar, ali@example.com da.",
        f"{stories[2]}\n{long}YaÄŸmur yaÄŸdÄ±.\u0007 Sonra 0532 123 45 67.",
    ]
    found = sliced(tmp_path, [*web, *stories[3:]], boilerplate=True, personal_data=True)
    write_report(found, tmp_path / "report")
    shown = (tmp_path / "report/removed.md").read_text(encoding="utf-8")
    assert "> Devamını oku\n> Çerez politikamızı kabul edin\n" in shown
    assert "Ali'nin numarası [TELEFON] olarak yazar, [E-POSTA] da." in shown
    assert "YaÄŸmur yaÄŸdÄ±.\ufffd Sonra [TELEFON]. → " in shown
    assert "Yağmur yağdı. Sonra [TELEFON]." in shown
    assert "0532" not in shown
    assert len(found.examples.of_rule["cleaning"]) == 1  # white space alone is not worth showing


def test_zero_bytes_and_a_line_of_gigabytes_are_taken_as_they_are(tmp_path: Path, stories: list[str]) -> None:
    """A file of another kind by a wrong name: nothing of it is Turkish."""
    noise = "".join(chr(number % 31) for number in range(100_000)) + "xq" * 400_000
    found = sliced(tmp_path, [*stories, noise], language=True)
    assert all("xqxq" not in text and "\0" not in text for text in there(tmp_path))
    assert found.metrics["kept"]["documents"] == len(stories)
