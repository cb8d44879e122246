"""Rules that compare documents, from files to the corpus."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.corpus import SHARED_LINE, assert_stats_add_up, build_corpus, kept_texts


def test_selection_keeps_repeated_paragraph_in_first_document(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 8 else text for number, text in enumerate(stories)]
    result = build_corpus(tmp_path, marked, repeated_paragraphs=True)
    assert sum(SHARED_LINE in text for text in kept_texts(tmp_path)) == 1
    removed = result.metrics["removed"]["repeated_paragraphs"]
    assert removed == {"documents": 0, "bytes": 7 * (len(SHARED_LINE.encode()) + 1)}
    assert (8, SHARED_LINE) in result.frequent_paragraphs
    assert_stats_add_up(result.metrics)


def test_selection_keeps_paragraph_of_few_documents(tmp_path: Path, stories: list[str]) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number < 5 else text for number, text in enumerate(stories)]
    build_corpus(tmp_path, marked, repeated_paragraphs=True)
    assert sum(SHARED_LINE in text for text in kept_texts(tmp_path)) == 5


@pytest.mark.parametrize("share", [0.2, 0.3, 0.6, 0.9])
def test_selection_moves_paragraph_to_document_within_budget(
    tmp_path: Path, stories: list[str], share: float
) -> None:
    marked = [f"{text}\n{SHARED_LINE}" if number % 2 else text for number, text in enumerate(stories)]
    budget = int(share * sum(len(text.encode()) for text in stories))
    result = build_corpus(tmp_path, marked, repeated_paragraphs=True, max_bytes=budget)
    assert sum(SHARED_LINE in text for text in kept_texts(tmp_path)) == 1
    kept = sum(len(text.encode()) for text in kept_texts(tmp_path))
    longest = max(len(text.encode()) for text in marked)
    assert budget - longest <= kept == result.metrics["kept"]["bytes"] <= budget
    assert_stats_add_up(result.metrics)


def test_selection_budget_excludes_documents_too_short_without_paragraph(
    tmp_path: Path, stories: list[str]
) -> None:
    pages = [f"{number}. sayfa\n{SHARED_LINE}" for number in range(200)]
    budget = int(0.8 * sum(len(text.encode()) for text in stories))
    result = build_corpus(
        tmp_path, [*pages, *stories], repeated_paragraphs=True, max_bytes=budget, min_chars=20
    )
    assert result.metrics["kept"]["bytes"] > budget - max(len(text.encode()) for text in stories)
    assert result.metrics["removed"]["repeated_paragraphs"]["documents"] > 150
    assert_stats_add_up(result.metrics)


def test_selection_moves_paragraph_from_document_that_is_too_short(
    tmp_path: Path, stories: list[str]
) -> None:
    other = "Bu da başka bir satırdır ve o sayfaların hepsinde aynen yazılıdır, uzunca."
    longer = [f"{text}\n{other}" if number < 8 else text for number, text in enumerate(stories)]
    pages = [f"{text}\n{SHARED_LINE}" if number % 9 == 8 else text for number, text in enumerate(longer)]
    short = f"{SHARED_LINE}\n{other}"  # first of those with SHARED_LINE, and without the other too short
    result = build_corpus(tmp_path, [*pages[:8], short, *pages[8:]], repeated_paragraphs=True, min_chars=100)
    assert [text.count(SHARED_LINE) for text in kept_texts(tmp_path) if SHARED_LINE in text] == [1]
    assert result.metrics["removed"]["repeated_paragraphs"]["documents"] == 1
    assert_stats_add_up(result.metrics)


def test_selection_contaminated_copy_removes_no_clean_near_duplicate(
    tmp_path: Path, stories: list[str]
) -> None:
    eval_text = "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    copies = [f"{text}\n{eval_text}" for text in stories[:10]]
    result = build_corpus(
        tmp_path, [*stories, *copies], eval_texts=[eval_text], near_copies=True, contamination=True
    )
    assert result.metrics["removed"]["contamination"]["documents"] == 10
    alone = build_corpus(tmp_path, stories, near_copies=True)
    assert result.metrics["kept"]["documents"] == alone.metrics["kept"]["documents"] > 0.9 * len(stories)


@pytest.mark.parametrize(
    "transform",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace("çocuk", "ço\u00adcuk"),
        lambda text: text.encode("utf-8").decode("cp1254", "replace"),
        lambda text: text.replace("kayardı", "kayardı 0532 123 45 67"),
    ],
)
def test_normalize_eval_texts_matches_filtered_documents(
    tmp_path: Path, stories: list[str], transform: Callable[[str], str]
) -> None:
    text = transform(
        "Kış gelince köyün bütün çocukları tepedeki eski değirmenin önünde toplanır, kızak kayardı."
    )
    result = build_corpus(
        tmp_path, [*stories, text], eval_texts=[text], contamination=True, personal_data=True
    )
    assert result.metrics["removed"]["contamination"]["documents"] == 1


def test_selection_removes_eval_texts(tmp_path: Path, stories: list[str]) -> None:
    eval_text = stories[3].replace("\n\n", "\n")
    copy = "Önce başka bir cümle gelir. " + eval_text.upper() + " Sonra bir başkası."
    documents = [*stories[:3], copy, *stories[4:]]
    result = build_corpus(tmp_path, documents, eval_texts=[eval_text], contamination=True)
    assert result.metrics["removed"]["contamination"]["documents"] == 1
    assert not any("Önce başka" in text for text in kept_texts(tmp_path))
    assert result.examples.by_rule["contamination"][0][1] == "mine-3"
    assert_stats_add_up(result.metrics)
    build_corpus(tmp_path, documents, eval_texts=[eval_text])
    assert any("Önce başka" in text for text in kept_texts(tmp_path))


def test_selection_leaves_no_near_duplicates_in_any_split(tmp_path: Path, stories: list[str]) -> None:
    copies = [
        f"{text.replace('.', ' .').upper()} {number} kez yazıldı" for number, text in enumerate(stories)
    ]
    result = build_corpus(tmp_path, [*stories, *copies], near_copies=True)
    kept = kept_texts(tmp_path)
    for number, text in enumerate(stories):
        words = text.split()[:6]
        assert sum(t.upper().split()[:6] == [w.upper() for w in words] for t in kept) <= 1, number
    assert result.metrics["removed"]["near_copies"]["documents"] >= len(stories) * 0.95
    assert_stats_add_up(result.metrics)


def test_slice_corpus_drops_binary_noise_and_long_line(tmp_path: Path, stories: list[str]) -> None:
    """A file of another kind by a wrong name: nothing of it is Turkish."""
    noise = "".join(chr(number % 31) for number in range(100_000)) + "xq" * 400_000
    result = build_corpus(tmp_path, [*stories, noise], language=True)
    assert all("xqxq" not in text and "\0" not in text for text in kept_texts(tmp_path))
    assert result.metrics["kept"]["documents"] == len(stories)
