"""Questions about a passage: how they are put to a chat model, and what it answers where nothing is said."""

import re

from pipeline.text.casing import lower

NOT_IN_PASSAGE = "Metinde yok."
KEY_LETTERS = 5  # of a word: what its forms have in common
WORD = re.compile(r"\w+")
GAP = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][”\"])\s+|\n+")


def ask_about(passage: str, question: str) -> str:
    """Return the message of the user that asks a question about a passage."""
    return f"Metin: {passage}\n\nSoru: {question}"


def split_passage(passage: str) -> list[str]:
    """Return the sentences of a passage. What is said in quotes stays with what stands around it."""
    sentences: list[str] = []
    for part in filter(None, GAP.split(passage)):
        if sentences and (sentences[-1].count("“") > sentences[-1].count("”") or part[0].islower()):
            sentences[-1] += f" {part}"
        else:
            sentences.append(part)
    return sentences


def word_keys(text: str) -> set[str]:
    """Return the first letters of the words of a text, in small letters."""
    return {lower(word)[:KEY_LETTERS] for word in WORD.findall(text)}


def best_sentence(passage: str, question: str) -> str:
    """Return the sentence of a passage that has most words in common with a question, the first of equals."""
    asked = word_keys(question)
    return max(split_passage(passage), key=lambda sentence: len(asked & word_keys(sentence)), default="")
