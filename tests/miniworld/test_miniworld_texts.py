import hashlib
import re
import string
import unicodedata

import pytest

from pipeline.miniworld.texts import Document, documents
from pipeline.turkish.normalise import duplicate_key

ALLOWED = set(string.ascii_letters + string.digits + " \n.,;:!?'-—“”" + "çÇğĞıİöÖşŞüÜâÂîÎ")


@pytest.fixture(scope="module")
def texts() -> list[Document]:
    return list(documents(seed=42, count=20_000))


def test_twenty_thousand_documents_are_distinct(texts: list[Document]) -> None:
    assert len({duplicate_key(document.text) for document in texts}) == 20_000
    assert len({document.id for document in texts}) == 20_000


def test_no_two_documents_share_a_query(texts: list[Document]) -> None:
    queries = [query for document in texts for query in document.queries]
    assert len(queries) == 2 * len(texts)
    assert len(set(queries)) == len(queries)


def test_texts_hold_expected_characters_alone(texts: list[Document]) -> None:
    everything = "\n".join(text for document in texts for text in (document.text, *document.queries))
    assert set(everything) <= ALLOWED
    assert unicodedata.is_normalized("NFC", everything)


def test_texts_are_whole_sentences(texts: list[Document]) -> None:
    for document in texts:
        assert 30 <= len(document.text.split()) <= 120
        assert not re.search(r"  |\s[.,;:!?]|[.,;:]{2}|\n\n|^\s|\s$", document.text)
        for line in document.text.split("\n"):
            first = line.removeprefix("— ")[0]
            assert first.isdigit() or unicodedata.category(first) == "Lu" or first == "“", line
            assert not re.search(
                r"[.!?] [a-zçğıöşü]", line.replace(".” ", "” ").replace("!” ", "” ").replace("?” ", "” ")
            )


def test_a_document_depends_on_seed_and_index_alone(texts: list[Document]) -> None:
    assert list(documents(42, 50)) == texts[:50]
    assert [document.text for document in documents(43, 50)] != [document.text for document in texts[:50]]


def test_documents_are_the_same_on_every_machine() -> None:
    text = "\n".join(document.text for document in documents(7, 300))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "c780063139547e98"


def test_hardly_any_five_words_are_shared_by_two_documents(texts: list[Document]) -> None:
    def shingles(document: Document) -> set[tuple[str, ...]]:
        words = duplicate_key(document.text).split()
        return set(zip(*(words[start:] for start in range(5)), strict=False))

    sets = [shingles(document) for document in texts[:300]]
    likeness = [len(a & b) / len(a | b) for number, a in enumerate(sets) for b in sets[:number]]
    assert max(likeness) < 0.5
