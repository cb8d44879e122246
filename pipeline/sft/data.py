"""Conversations from JSON lines, in any of three shapes.

{"messages": [{"role": "system" | "user" | "assistant", "content": …}, …]}
{"instruction": …, "input": …, "output": …}      # input may be empty or absent
{"prompt": …, "response": …}
"""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.tokenizer.chat_template import ROLES, Message

SHAPES = "messages; instruction, input and output; or prompt and response"
SHOWN = 40  # characters of a faulty value that an error repeats


def read_conversations(path: Path) -> Iterator[list[Message]]:
    """The conversations of a file, in order; empty lines are passed over.

    Raises UserError naming file, line, value and what to do.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}:{number}"
            row = parse_line(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, where)
            if row is not None:
                yield messages_of(row, where)


def parse_line(line: bytes, where: str) -> Any:
    """The JSON value of a line, None for an empty one."""
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 at byte {error.start} of the line; save it as UTF-8") from None
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits and deep nesting too
        raise UserError(f"{where}: {shown(text)}: no JSON ({error}); give one JSON object a line") from None


def messages_of(row: Any, where: str) -> list[Message]:
    """The messages of one row, their text as the corpus has it (NFC, newlines as \\n)."""
    match row:
        case {"messages": list(items)} if items:
            return [message_of(item, f"{where}: messages[{i}]") for i, item in enumerate(items)]
        case {"messages": other}:
            raise UserError(f"{where}: messages: {shown(other)}: give a list of role and content")
        case {"instruction": question, "output": answer}:
            extra = row.get("input")
            asked = content_of(question, f"{where}: instruction")
            if extra not in (None, ""):
                asked += "\n" + content_of(extra, f"{where}: input")
            return turn(asked, content_of(answer, f"{where}: output"))
        case {"prompt": question, "response": answer}:
            return turn(
                content_of(question, f"{where}: prompt"),
                content_of(answer, f"{where}: response"),
            )
        case dict():
            keys = ", ".join(sorted(row)) or "no key"
            raise UserError(f"{where}: {shown(keys)}: no conversation; give {SHAPES}")
        case _:
            raise UserError(f"{where}: {shown(row)}: no JSON object; give {SHAPES}")


def message_of(item: Any, where: str) -> Message:
    """One entry of `messages`."""
    if not isinstance(item, dict):
        raise UserError(f"{where}: {shown(item)}: give an object with role and content")
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise UserError(f"{where}: role: {shown(role)}: unknown; use {', '.join(ROLES)}")
    return {"role": role, "content": content_of(item.get("content"), f"{where}: content")}


def content_of(value: Any, where: str) -> str:
    """The text of a message: not empty, and text that a tokenizer gives back as it was."""
    if not isinstance(value, str):
        raise UserError(f"{where}: {shown(value)}: no text; give a string")
    if not value.strip():
        raise UserError(f"{where}: {shown(value)}: empty; write the text or remove the row")
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: {text[error.start]!r} at character {error.start}: half of a surrogate pair is"
            " no Unicode text; remove it"
        ) from None
    return text.replace("\u2581", " ")


def turn(question: str, answer: str) -> list[Message]:
    """A question and its answer as a conversation."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def shown(value: Any) -> str:
    """A faulty value as an error repeats it: in quotes, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
