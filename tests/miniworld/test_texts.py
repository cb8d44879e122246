import hashlib
import re
import string
import unicodedata

import pytest

from benchmarks.miniworld_variety import count_frames, find_near_copies, minhash_signatures
from pipeline.miniworld.texts import GENRE_SHARES, Document, compose_documents
from pipeline.text.comparison_keys import duplicate_key

ALLOWED = set(string.ascii_letters + string.digits + " \n.,;:!?'-—“”…" + "çÇğĞıİöÖşŞüÜâÂîÎ")


@pytest.fixture(scope="module")
def texts() -> list[Document]:
    return list(compose_documents(seed=42, count=20_000))


def test_compose_documents_are_distinct(texts: list[Document]) -> None:
    assert len({duplicate_key(document.text) for document in texts}) == 20_000
    assert len({document.id for document in texts}) == 20_000


def test_compose_documents_share_no_query(texts: list[Document]) -> None:
    queries = [query for document in texts for query in document.queries]
    assert len(queries) > len(texts)
    assert len(set(queries)) == len(queries)


def test_compose_documents_gives_every_genre_its_share(texts: list[Document]) -> None:
    assert sum(GENRE_SHARES.values()) == 100
    letters = sum(bool(re.search(r"\n(?:Sevgili|Canım) ", document.text)) for document in texts)
    assert 0.015 < letters / len(texts) < 0.07
    assert 0.2 < sum("\n— " in document.text for document in texts) / len(texts) < 0.5
    assert 0.05 < sum("Ben " in document.text.split("\n")[0] for document in texts) / len(texts) < 0.3


def test_compose_documents_hold_expected_characters_alone(texts: list[Document]) -> None:
    everything = "\n".join(text for document in texts for text in (document.text, *document.queries))
    assert set(everything) <= ALLOWED
    assert unicodedata.is_normalized("NFC", everything)


def test_compose_documents_are_whole_sentences(texts: list[Document]) -> None:
    for document in texts:
        assert 30 <= len(document.text.split()) <= 150
        assert not re.search(r"  |\s[.,;:!?]|[.,;:]{2}|\n\n|^\s|\s$", document.text)
        opening = document.text.split("\n")[0]
        is_typed = bool(re.search("mesaj|telefon|yazdı", opening))  # careless questions, see quizzes.py
        for line in document.text.split("\n"):
            if is_typed and line.startswith("— "):
                continue
            first = line.removeprefix("— ")[0]
            assert first.isdigit() or unicodedata.category(first) == "Lu" or first == "“", line
            spoken = re.sub(r"([.!?…])”", "”", line)
            assert not re.search(r"(?<!\d)[.!?] [a-zçğıöşü]", spoken), line


def test_compose_documents_depend_on_seed_and_index_alone(texts: list[Document]) -> None:
    assert list(compose_documents(42, 50)) == texts[:50]
    assert [document.text for document in compose_documents(43, 50)] != [
        document.text for document in texts[:50]
    ]


def test_compose_documents_are_the_same_on_every_machine() -> None:
    text = "\n".join(document.text for document in compose_documents(7, 300))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "5ddf762b7fedc945"


def test_count_frames_finds_no_frame_above_a_fortieth() -> None:
    counts = count_frames(seed=42, count=2_000)
    assert counts.most_common(1)[0][1] <= counts.total() / 40  # "— Kars." is the commonest


def test_find_near_copies_finds_none_of_most_documents(texts: list[Document]) -> None:
    copied = find_near_copies(minhash_signatures([document.text for document in texts[:4_000]]))
    assert copied.mean() < 0.4
    signatures = minhash_signatures([texts[0].text, texts[0].text + " Son.", texts[1].text])
    assert find_near_copies(signatures).tolist() == [True, True, False]
