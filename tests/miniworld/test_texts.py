import hashlib
import re
import string
import unicodedata

import pytest

from benchmarks.miniworld_variety import frames, near_copied, signatures
from pipeline.miniworld.texts import SHARES, Document, documents
from pipeline.text.normalize import duplicate_key

ALLOWED = set(string.ascii_letters + string.digits + " \n.,;:!?'-—“”…" + "çÇğĞıİöÖşŞüÜâÂîÎ")


@pytest.fixture(scope="module")
def texts() -> list[Document]:
    return list(documents(seed=42, count=20_000))


def test_twenty_thousand_documents_are_distinct(texts: list[Document]) -> None:
    assert len({duplicate_key(document.text) for document in texts}) == 20_000
    assert len({document.id for document in texts}) == 20_000


def test_no_two_documents_share_a_query(texts: list[Document]) -> None:
    queries = [query for document in texts for query in document.queries]
    assert len(queries) > len(texts)
    assert len(set(queries)) == len(queries)


def test_every_genre_has_its_share(texts: list[Document]) -> None:
    assert sum(SHARES.values()) == 100
    letters = sum(bool(re.search(r"\n(?:Sevgili|Canım) ", document.text)) for document in texts)
    assert 0.015 < letters / len(texts) < 0.07
    assert 0.2 < sum("\n— " in document.text for document in texts) / len(texts) < 0.5
    assert 0.05 < sum("Ben " in document.text.split("\n")[0] for document in texts) / len(texts) < 0.3


def test_texts_hold_expected_characters_alone(texts: list[Document]) -> None:
    everything = "\n".join(text for document in texts for text in (document.text, *document.queries))
    assert set(everything) <= ALLOWED
    assert unicodedata.is_normalized("NFC", everything)


def test_texts_are_whole_sentences(texts: list[Document]) -> None:
    for document in texts:
        assert 30 <= len(document.text.split()) <= 150
        assert not re.search(r"  |\s[.,;:!?]|[.,;:]{2}|\n\n|^\s|\s$", document.text)
        for line in document.text.split("\n"):
            first = line.removeprefix("— ")[0]
            assert first.isdigit() or unicodedata.category(first) == "Lu" or first == "“", line
            spoken = re.sub(r"([.!?…])”", "”", line)
            assert not re.search(r"(?<!\d)[.!?] [a-zçğıöşü]", spoken), line


def test_a_document_depends_on_seed_and_index_alone(texts: list[Document]) -> None:
    assert list(documents(42, 50)) == texts[:50]
    assert [document.text for document in documents(43, 50)] != [document.text for document in texts[:50]]


def test_documents_are_the_same_on_every_machine() -> None:
    text = "\n".join(document.text for document in documents(7, 300))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "c1c8cbb54c3d39d7"


def test_no_sentence_frame_makes_up_more_than_two_percent() -> None:
    counts = frames(seed=42, count=2_000)
    assert counts.most_common(1)[0][1] <= 0.02 * counts.total()


def test_most_documents_have_no_near_copy(texts: list[Document]) -> None:
    copied = near_copied(signatures([document.text for document in texts[:4_000]]))
    assert copied.mean() < 0.4
    assert near_copied(signatures([texts[0].text, texts[0].text + " Son.", texts[1].text])).tolist() == [
        True, True, False,
    ]  # fmt: skip
