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


def split_passages(document: Document) -> Iterator[Passage]:
    """Yield the passages of a document, none longer than MAX_WORDS words.

    Short paragraphs under one heading go together. A longer one is divided between sentences, and the parts
    overlap. A heading with nothing below it is a passage of its own.
    """
    headings: list[Paragraph] = []
    group: list[Paragraph] = []
    is_bare = False  # nothing stands below the last heading yet
    counts_lines = document.place_kind == "line"
    for paragraph in [*document.paragraphs, Paragraph("", 0, level=1)]:
        words = count_words(paragraph.text)
        if group and (paragraph.level or count_words(join(group)) + words > MAX_WORDS):
            yield from divide(group, join_headings(headings), counts_lines)
            group = []
        if not paragraph.level:
            group.append(paragraph)
            is_bare = False
            continue
        if is_bare and paragraph.level <= headings[-1].level:
            yield from divide(headings[-1:], join_headings(headings[:-1]), counts_lines)
        headings = [heading for heading in headings if heading.level < paragraph.level]
        headings.append(paragraph)
        is_bare = True


def divide(group: list[Paragraph], heading: str, counts_lines: bool) -> Iterator[Passage]:
    """Yield a group of paragraphs as one passage, or a single long one in parts that overlap."""
    text, place = join(group), group[0].place
    if count_words(text) <= MAX_WORDS and len(text) <= MAX_WORDS * MAX_LETTERS:
        yield Passage(heading, text, place)
        return
    parts = [part for line, sentence in find_sentences(text) for part in split_long(line, sentence)]
    start = 0
    while start < len(parts):
        end, words = start, 0
        while end < len(parts) and (end == start or words + count_words(parts[end][1]) <= MAX_WORDS):
            words += count_words(parts[end][1])
            end += 1
        line = place + parts[start][0] if counts_lines else place
        yield Passage(heading, " ".join(part for _, part in parts[start:end]), line)
        if end == len(parts):
            return
        start = step_back(parts, start, end)


def step_back(parts: list[tuple[int, str]], start: int, end: int) -> int:
    """Return where the next passage begins: some sentences before `end`, but behind `start`."""
    words = 0
    while end - 1 > start and words + count_words(parts[end - 1][1]) <= OVERLAP_WORDS:
        end -= 1
        words += count_words(parts[end][1])
    return end


def find_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text, each with the number of lines that end before it. No line ends one."""
    flat, position, line = text.replace("\n", " "), 0, 0
    for sentence in split_sentences(flat):
        start = flat.find(sentence, position)
        line += text.count("\n", position, start)
        position = start
        yield line, " ".join(sentence.split())


def split_long(line: int, sentence: str) -> Iterator[tuple[int, str]]:
    """Yield a sentence, or its pieces of MAX_WORDS words where it is longer, with its line."""
    words = [word[i : i + MAX_LETTERS] for word in sentence.split() for i in range(0, len(word), MAX_LETTERS)]
    for i in range(0, len(words), MAX_WORDS):
        yield line, " ".join(words[i : i + MAX_WORDS])


def join_headings(headings: list[Paragraph]) -> str:
    """Return headings as one line."""
    return " › ".join(heading.text for heading in headings)


def join(group: list[Paragraph]) -> str:
    """Return the text of some paragraphs."""
    return "\n".join(paragraph.text for paragraph in group)


def count_words(text: str) -> int:
    """Return the number of words between spaces."""
    return len(text.split())
