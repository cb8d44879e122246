"""Conversations from JSON lines, in any of three formats.

{"messages": [{"role": "system" | "user" | "assistant", "content": …}, …]}
{"instruction": …, "input": …, "output": …}      # input may be empty or absent
{"prompt": …, "response": …}
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.text.normalize import LONE_SURROGATE, normalize_text
from pipeline.tokenizer.chat_template import ROLES, Message

FORMATS = "messages; instruction, input and output; or prompt and response"
MAX_QUOTED_CHARS = 40  # of an invalid value in an error


def read_conversations(path: Path) -> Iterator[list[Message]]:
    """Yield the conversations of a file, in order. Empty lines are skipped.

    Raises UserError that names file, line, value and what to do.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            location = f"{path}:{number}"
            row = parse_line(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, location)
            if row is not None:
                yield parse_messages(row, location)


def parse_line(line: bytes, location: str) -> Any:
    """Return the JSON value of a line, None for an empty one."""
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{location}: not UTF-8 at byte {error.start} of the line; save it as UTF-8"
        ) from None
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits and deep nesting too
        raise UserError(
            f"{location}: {quote_value(text)}: no JSON ({error}); give one JSON object a line"
        ) from None


def parse_messages(row: Any, location: str) -> list[Message]:
    """Return the messages of one row, their text in the corpus's form (see `normalize_text`)."""
    match row:
        case {"messages": list(items)} if items:
            return [parse_message(item, f"{location}: messages[{i}]") for i, item in enumerate(items)]
        case {"messages": other}:
            raise UserError(f"{location}: messages: {quote_value(other)}: give a list of role and content")
        case {"instruction": question, "output": answer}:
            context = row.get("input")
            prompt = parse_content(question, f"{location}: instruction")
            if context not in (None, ""):
                prompt += "\n" + parse_content(context, f"{location}: input")
            return make_conversation(prompt, parse_content(answer, f"{location}: output"))
        case {"prompt": question, "response": answer}:
            return make_conversation(
                parse_content(question, f"{location}: prompt"),
                parse_content(answer, f"{location}: response"),
            )
        case dict():
            keys = ", ".join(sorted(row)) or "no key"
            raise UserError(f"{location}: {quote_value(keys)}: no conversation; give {FORMATS}")
        case _:
            raise UserError(f"{location}: {quote_value(row)}: no JSON object; give {FORMATS}")


def parse_message(item: Any, location: str) -> Message:
    """Return the message of one entry of `messages`."""
    if not isinstance(item, dict):
        raise UserError(f"{location}: {quote_value(item)}: give an object with role and content")
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise UserError(f"{location}: role: {quote_value(role)}: unknown; use {', '.join(ROLES)}")
    return {"role": role, "content": parse_content(item.get("content"), f"{location}: content")}


def parse_content(value: Any, location: str) -> str:
    """Return the text of a message, normalized and not empty."""
    if not isinstance(value, str):
        raise UserError(f"{location}: {quote_value(value)}: no text; give a string")
    if half := LONE_SURROGATE.search(value):
        raise UserError(
            f"{location}: {half[0]!r} at character {half.start()}: half of a surrogate pair is"
            " no Unicode text; remove it"
        )
    text = normalize_text(value)
    if not text.strip():
        raise UserError(f"{location}: {quote_value(value)}: empty; write the text or remove the row")
    return text


def make_conversation(question: str, answer: str) -> list[Message]:
    """Return a question and its answer as a conversation."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def quote_value(value: Any) -> str:
    """Return an invalid value for an error: in quotes, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…")
