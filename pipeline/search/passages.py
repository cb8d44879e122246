"""Passages: parts of a document of a length that an encoder reads, under their headings."""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.encoder.sentences import split_sentences
from pipeline.search.files import Document, Paragraph

MAX_WORDS = 120
OVERLAP_WORDS = 20  # of a paragraph that is divided, at most: whole sentences
MAX_LETTERS = 100  # of a word; a longer one is divided


class Passage(NamedTuple):
    """A part of a document."""

    heading: str  # the headings above it, outermost first
    text: str
    place: int  # where it begins: page, line, row or paragraph


class Part(NamedTuple):
    """A sentence, or a piece of one: how many lines of its paragraph end before it, and its words."""

    line: int
    words: list[str]


def split_passages(document: Document) -> Iterator[Passage]:
    """Yield the passages of a document, none longer than MAX_WORDS words.

    Short paragraphs under one heading go together. A longer one is divided between sentences, and the parts
    overlap. A heading with nothing below it is a passage of its own.
    """
    headings: list[Paragraph] = []
    group: list[Paragraph] = []
    group_words = 0
    is_bare = False  # nothing stands below the last heading yet
    counts_lines = document.place_kind == "line"
    for paragraph in [*document.paragraphs, Paragraph("", 0, level=1)]:
        words = len(paragraph.text.split())
        if group and (paragraph.level or group_words + words > MAX_WORDS):
            yield from divide(group, join_headings(headings), counts_lines)
            group, group_words = [], 0
        if not paragraph.level:
            group.append(paragraph)
            group_words += words
            is_bare = False
            continue
        if is_bare and paragraph.level <= headings[-1].level:
            yield from divide(headings[-1:], join_headings(headings[:-1]), counts_lines)
        headings = [heading for heading in headings if heading.level < paragraph.level]
        headings.append(paragraph)
        is_bare = True


def divide(group: list[Paragraph], heading: str, counts_lines: bool) -> Iterator[Passage]:
    """Yield a group of paragraphs as one passage, or a single long one in parts that overlap."""
    text, place = "\n".join(paragraph.text for paragraph in group), group[0].place
    if len(text.split()) <= MAX_WORDS and len(text) <= MAX_WORDS * MAX_LETTERS:
        yield Passage(heading, text, place)
        return
    parts = list(find_sentences(text))
    start = 0
    while start < len(parts):
        end, words = start, 0
        while end < len(parts) and (end == start or words + len(parts[end].words) <= MAX_WORDS):
            words += len(parts[end].words)
            end += 1
        line = place + parts[start].line if counts_lines else place
        yield Passage(heading, " ".join(word for part in parts[start:end] for word in part.words), line)
        if end == len(parts):
            return
        start = step_back(parts, start, end)


def step_back(parts: list[Part], start: int, end: int) -> int:
    """Return where the next passage begins: some sentences before `end`, but behind `start`."""
    words = 0
    while end - 1 > start and words + len(parts[end - 1].words) <= OVERLAP_WORDS:
        end -= 1
        words += len(parts[end].words)
    return end


def find_sentences(text: str) -> Iterator[Part]:
    """Yield the sentences of a text, and those of more than MAX_WORDS words in pieces. No line ends one."""
    flat, position, line = text.replace("\n", " "), 0, 0
    for sentence in split_sentences(flat):
        start = flat.find(sentence, position)
        line += text.count("\n", position, start)
        position = start
        words = sentence.split()
        if max(map(len, words)) > MAX_LETTERS:
            words = [word[i : i + MAX_LETTERS] for word in words for i in range(0, len(word), MAX_LETTERS)]
        for i in range(0, len(words), MAX_WORDS):
            yield Part(line, words[i : i + MAX_WORDS])


def join_headings(headings: list[Paragraph]) -> str:
    """Return headings as one line."""
    return " › ".join(heading.text for heading in headings)
