from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.files import Document, Paragraph
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
