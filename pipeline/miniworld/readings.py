"""Questions about a story to read: answered in its words, or with *Metinde yok* where it does not tell."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.miniworld.plots import ComposedText
from pipeline.text.grounded import NOT_IN_PASSAGE, ask_about, split_passage, word_keys

ComposeStory = Callable[[random.Random], ComposedText]

READING_PROMPTS = (
    "Metni oku ve soruyu yanıtla.", "Şu metne göre cevap ver.", "Bu metni oku.",
    "Aşağıdaki metne göre yanıtla.",
)  # fmt: skip
PLAIN_SHARE = 0.6  # of the passages stand before their question in the form of `ask_about`
UNTOLD_SHARE = 0.3  # of the conversations ask what the text does not tell
CUT_SHARE = 0.5  # of these, the text has lost the sentence that told it; the others ask about another story
MIN_ANSWER_LETTERS = 3  # of a word by which a sentence is known to tell the answer
HELD_OUT_TOLD, HELD_OUT_UNTOLD = 200, 100  # held-out questions that the passage answers, and that it does not


def compose_reading(rng: random.Random, compose_story: ComposeStory) -> list[str]:
    """Compose the turns of a story to read and one or two questions about it."""
    story = compose_story(rng)
    asked = rng.sample(story.qa_pairs, rng.randint(1, min(2, len(story.qa_pairs))))
    paragraphs = list(story.paragraphs)
    if rng.random() < UNTOLD_SHARE:
        paragraphs, question = leave_untold(rng, story, compose_story)
        told = [pair for pair in asked if is_told(paragraphs, pair[1]) and pair[0] != question]
        asked = rng.sample([*told[:1], (question, NOT_IN_PASSAGE)], len(told[:1]) + 1)
    turns: list[str] = []
    for question, answer in asked:
        turns += [question if turns else present(rng, paragraphs, question), answer]
    return turns


def present(rng: random.Random, paragraphs: list[str], question: str) -> str:
    """Return the message that asks the first question about a text."""
    passage = "\n".join(paragraphs)
    if rng.random() < PLAIN_SHARE:
        return ask_about(passage, question)
    return "\n".join((rng.choice(READING_PROMPTS), passage, f"Soru: {question}"))


def leave_untold(
    rng: random.Random, story: ComposedText, compose_story: ComposeStory
) -> tuple[list[str], str]:
    """Return the paragraphs of a story, and a question that they do not answer."""
    question, answer = rng.choice(story.qa_pairs)
    paragraphs = [cut_answer(paragraph, answer) for paragraph in story.paragraphs]
    if rng.random() < CUT_SHARE and paragraphs != list(story.paragraphs) and all(paragraphs):
        return paragraphs, question
    other = compose_story(rng)
    while {question for question, _ in other.qa_pairs} & {question for question, _ in story.qa_pairs}:
        other = compose_story(rng)
    return list(story.paragraphs), rng.choice(other.qa_pairs)[0]


def cut_answer(paragraph: str, answer: str) -> str:
    """Return a paragraph without the sentences that have a word of the answer."""
    return " ".join(s for s in split_passage(paragraph) if not (answer_keys(answer) & word_keys(s)))


def is_told(paragraphs: list[str], answer: str) -> bool:
    """Return whether a word of the answer stands in a text."""
    return any(answer_keys(answer) & word_keys(paragraph) for paragraph in paragraphs)


def answer_keys(answer: str) -> set[str]:
    """Return the keys of the words of an answer, without those of few letters."""
    return {key for key in word_keys(answer) if len(key) >= MIN_ANSWER_LETTERS or key.isdecimal()}


def compose_held_out_readings(compose_story: ComposeStory) -> Iterator[dict[str, Any]]:
    """Yield the held-out questions about passages: passage, question, answers, family, kind.

    Kinds: the passage tells the answer, it has lost the sentence that told it (`cut`), or the question is
    about another story (`other`). They are always the same. No conversation has their passages.
    """
    rng = random.Random("miniworld readings")
    for index in range(HELD_OUT_TOLD + HELD_OUT_UNTOLD):
        story = compose_story(rng)
        if index % 3:
            paragraphs, (question, answer) = list(story.paragraphs), rng.choice(story.qa_pairs)
            kind = "told"
        else:
            paragraphs, question = leave_untold(rng, story, compose_story)
            kind, answer = "cut" if question in dict(story.qa_pairs) else "other", NOT_IN_PASSAGE
        passage = "\n".join(paragraphs)
        yield {
            "passage": passage, "question": question, "answers": [answer], "family": kind, "kind": kind,
        }  # fmt: skip
