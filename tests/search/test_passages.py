from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.files import Document, Paragraph, read_documents
from pipeline.search.passages import MAX_WORDS, OVERLAP_WORDS, split_passages


def split(*paragraphs):
    return list(split_passages(Document("", "", "line", [Paragraph(*values) for values in paragraphs])))


def test_short_paragraphs_of_a_heading_go_together_under_it():
    passages = split(("A", 1, 1), ("bir", 2), ("iki", 3), ("B", 4, 2), ("üç", 5), ("C", 6, 1), ("dört", 7))
    assert passages == [("A", "bir\niki", 2), ("A › B", "üç", 5), ("C", "dört", 7)]


def test_a_long_paragraph_is_divided_between_sentences_with_an_overlap():
    sentences = [f"Cümle {i} " + "söz " * 17 + "biter." for i in range(20)]
    passages = split((" ".join(sentences), 4))
    assert len(passages) > 3
    for one, next_one in pairwise(passages):
        assert len(one.text.split()) <= MAX_WORDS
        last = next_one.text.split("biter.")[0] + "biter."
        assert one.text.endswith(last)
        assert len(last.split()) <= OVERLAP_WORDS


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=8))
def test_every_word_is_in_a_passage_and_none_is_too_long(lengths):
    paragraphs, number = [], 0
    for length, has_marks in lengths:
        words = [f"k{number + i}" + ("." if has_marks and i % 7 == 6 else "") for i in range(length)]
        number += length
        paragraphs.append((" ".join(words), len(paragraphs) + 1))
    passages = split(*[paragraph for paragraph in paragraphs if paragraph[0]])
    assert all(0 < len(passage.text.split()) <= MAX_WORDS for passage in passages)
    found = {word.strip(".") for passage in passages for word in passage.text.split()}
    assert found == {f"k{i}" for i in range(number)}


def test_headings_with_nothing_below_are_passages(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Kastamonu\n\n## Zonguldak\n\n## Bartın\n\nMetin.\n\n## Trabzon\n", encoding="utf-8")
    (document,) = read_documents(path)
    assert [tuple(passage) for passage in split_passages(document)] == [
        ("Kastamonu", "Zonguldak", 3), ("Kastamonu › Bartın", "Metin.", 7), ("Kastamonu", "Trabzon", 9),
    ]  # fmt: skip


def test_passages_of_a_long_paragraph_have_their_own_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"Satır {i} on söz söz söz söz söz söz söz söz biter." for i in range(1, 101)))
    (document,) = read_documents(path)
    passages = list(split_passages(document))
    assert len(passages) > 5
    for passage in passages:
        assert passage.text.startswith(f"Satır {passage.place} ")


def test_a_word_without_end_is_divided(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a" * 300_000)
    (document,) = read_documents(path)
    passages = list(split_passages(document))
    assert sum(passage.text.count("a") for passage in passages) >= 300_000
    assert max(len(passage.text) for passage in passages) <= 13_000


def test_abbreviations_end_no_sentence():
    text = "Dr. Ayşe 3. maddeyi okudu. " * 60
    document = Document("", "", "line", [Paragraph(text.strip(), 1)])
    assert all(passage.text.endswith("okudu.") for passage in split_passages(document))
