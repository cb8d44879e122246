"""Lists of first messages, written by hand and never trained on, with the answers that count as right.

first_words_dev.tsv is for choices, first_words_test.tsv is read by the evaluation alone. A line has a kind,
a conversation whose turns are separated by " > ", and answers separated by "|". An answer is a text, in which
"…" stands for any words, or the name of a group, such as @greeting.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.miniworld.openers import CANNOT_DO, DO_NOT_KNOW, NO_KNOWLEDGE, load_intents

KINDS = ("opener", "fact", "outside", "name", "follow_up")
# The intents whose answers a group accepts.
GROUPS = {
    "greeting": (
        "greeting", "religious_greeting", "good_morning", "good_day", "good_evening", "good_work",
        "may_i_ask", "test", "nice_to_meet", "arrival",
    ),
    "fine": ("wellbeing", "well_and_you"),
    "welcome": ("thanks",),
    "goodbye": ("goodbye", "good_night"),
    "good_night": ("good_night",),
    "self": ("who", "name", "human", "machine", "age", "place", "body", "feelings"),
    "no_name": ("name",),
    "makers": ("makers", "training"),
    "abilities": ("abilities",),
}  # fmt: skip


def read_first_words(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of list `name`, dev or test: kind, messages and answers."""
    file = Path(__file__).with_name(f"first_words_{name}.tsv")
    for line in file.read_text(encoding="utf-8").splitlines():
        kind, conversation, answers = line.split("\t")
        roles = ("user", "assistant")
        messages = [
            {"role": roles[i % 2], "content": turn} for i, turn in enumerate(conversation.split(" > "))
        ]
        accepted = [text for answer in answers.split("|") for text in resolve_answer(answer)]
        yield {"kind": kind, "messages": messages, "answers": accepted}


def resolve_answer(answer: str) -> tuple[str, ...]:
    """Return the texts that an accepted answer stands for: those of its group, or itself."""
    if not answer.startswith("@"):
        return (answer,)
    if answer == "@unknown":
        return DO_NOT_KNOW, NO_KNOWLEDGE, CANNOT_DO
    return tuple(text for intent in GROUPS[answer[1:]] for text in load_intents()[intent].answers)
