"""Passages: parts of a document of a length that an encoder reads, under their headings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.search.files import Document, Paragraph

MAX_WORDS = 120
OVERLAP_WORDS = 20  # of a paragraph that is divided, at most: whole sentences
SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+(?=[\"'“‘(]*[A-ZÇĞİÖŞÜ0-9])")


class Passage(NamedTuple):
    """A part of a document."""

    heading: str  # the headings above it, outermost first
    text: str
    place: int  # where it begins: page, line or row


def split_passages(document: Document) -> Iterator[Passage]:
    """Yield the passages of a document, none longer than MAX_WORDS words unless a sentence is.

    Short paragraphs under one heading go together. A longer one is divided between sentences, and the parts
    overlap.
    """
    headings: list[Paragraph] = []
    group: list[Paragraph] = []
    for paragraph in [*document.paragraphs, Paragraph("", 0, level=1)]:
        words = count_words(paragraph.text)
        if group and (paragraph.level or count_words(join(group)) + words > MAX_WORDS):
            yield from divide(group, " › ".join(heading.text for heading in headings))
            group = []
        if paragraph.level:
            headings = [heading for heading in headings if heading.level < paragraph.level]
            headings.append(paragraph)
        else:
            group.append(paragraph)


def divide(group: list[Paragraph], heading: str) -> Iterator[Passage]:
    """Yield a group of paragraphs as one passage, or a single long one in parts that overlap."""
    text, place = join(group), group[0].place
    if count_words(text) <= MAX_WORDS:
        yield Passage(heading, text, place)
        return
    sentences = [part for sentence in split_sentences(text) for part in split_long(sentence)]
    start = 0
    while start < len(sentences):
        end, words = start, 0
        while end < len(sentences) and (end == start or words + count_words(sentences[end]) <= MAX_WORDS):
            words += count_words(sentences[end])
            end += 1
        yield Passage(heading, " ".join(sentences[start:end]), place)
        if end == len(sentences):
            return
        start = step_back(sentences, start, end)


def step_back(sentences: list[str], start: int, end: int) -> int:
    """Return where the next part begins: some sentences before `end`, but behind `start`."""
    words = 0
    while end - 1 > start and words + count_words(sentences[end - 1]) <= OVERLAP_WORDS:
        end -= 1
        words += count_words(sentences[end])
    return end


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, by the marks that end them."""
    return [sentence for part in SENTENCE_END.split(text) if (sentence := " ".join(part.split()))]


def split_long(sentence: str) -> list[str]:
    """Return a sentence, or its pieces of MAX_WORDS words where it is longer."""
    words = sentence.split()
    return [" ".join(words[i : i + MAX_WORDS]) for i in range(0, len(words), MAX_WORDS)]


def join(group: list[Paragraph]) -> str:
    """Return the text of some paragraphs."""
    return "\n".join(paragraph.text for paragraph in group)


def count_words(text: str) -> int:
    """Return the number of words between spaces."""
    return len(text.split())
