"""Conversations from JSON, one object on every line or all in an array, in any of four formats.

The tables below say what each key does.

{"messages": [{"role": "system" | "user" | "assistant", "content": …}, …]}
{"conversations": [{"from": "system" | "human" | "gpt", "value": …}, …]}  # ShareGPT
{"instruction": …, "input": …, "output": …}  # Alpaca; input may be empty or absent
{"prompt": …, "response": …}
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.common.errors import UserError, one_line
from pipeline.readers.decompress import DamagedFile, open_decompressed
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Note, Unreadable
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.chat_template import ROLES, Message

# The keys that hold a conversation, and those that are read beside them. `history` holds the [question,
# answer] pairs before the question, which are trained too. A null or empty value is as good as none.
FORMATS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("messages",): ("system",),
    ("conversations",): ("system",),
    ("instruction", "output"): ("input", "system", "history"),
    ("prompt", "response"): ("input", "system", "history"),
}
MESSAGE_KEYS = ("role", "from", "content", "value", "weight")  # weight 0: the answer is not trained
ROLE_NAMES = {"human": "user", "gpt": "assistant"}  # ShareGPT's names
# Keys with a meaning that is not supported: an error with this advice. All others have no effect, and are
# listed once.
UNSUPPORTED = {
    **dict.fromkeys(
        ("tools", "tool_calls", "tool_call_id", "functions", "function_call"),
        "tools are not supported; remove the row",
    ),
    **dict.fromkeys(
        ("image", "images", "video", "videos", "audio", "audios"), "only text is read; remove the row"
    ),
    **dict.fromkeys(
        ("reasoning_content", "reasoning", "thinking"),
        "not supported; put it into the answer, or remove the key",
    ),
}
UNSUPPORTED_IN_ROW = UNSUPPORTED | {
    "system_prompt": "not supported; name the key system",
    **dict.fromkeys(("input", "history"), "not supported beside a list of messages; put it into them"),
    **dict.fromkeys(("chosen", "rejected"), "answers are not compared; keep one and remove this key"),
    "weight": "a row has no weight; give its messages weight 0 (not trained) or 1",
}
UNSUPPORTED_IN_MESSAGE = UNSUPPORTED | dict.fromkeys(
    ("loss", "train", "training", "train_detail"), "not supported; give weight 0 (not trained) or 1"
)
EMPTY: tuple[object, ...] = (None, "", [], {}, "[]")
FORMATS_ADVICE = "messages; instruction, input and output; prompt and response; or ShareGPT's conversations"
MAX_QUOTED_CHARS = 40  # of an invalid value in an error
MAX_LISTED_KEYS = 12


@dataclass
class Findings:
    """What is noticed in files of conversations, beside the conversations themselves."""

    on_error: Literal["fail", "skip"] = "fail"  # rows that cannot be read
    unreadable: int = 0
    example: str = ""  # the error of one of them
    ignored_keys: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)  # of the reader of the file

    def add_error(self, error: UserError) -> None:
        """Count a row that cannot be read. Raises UserError unless such rows are skipped."""
        if self.on_error == "fail":
            raise UserError(f"{error}, or set sft.on_error: skip") from None
        self.unreadable += 1
        self.example = str(error)

    def list_notes(self, location: str) -> list[str]:
        """Return what people should know, one line each. `location` names the files."""
        notes = list(self.notes)
        if self.ignored_keys:
            names = sorted(self.ignored_keys)
            listed = ", ".join(name[:MAX_QUOTED_CHARS] for name in names[:MAX_LISTED_KEYS])
            more = ", …" if len(names) > MAX_LISTED_KEYS else ""
            notes.append(one_line(f"{location}: keys without effect: {listed}{more}"))
        if self.unreadable:
            notes.append(
                f"{location}: unreadable rows skipped: {self.unreadable}; one of them: {self.example}"
            )
        return notes


def read_files(files: Iterable[Path], findings: Findings) -> Iterator[list[Message]]:
    """Yield the conversations of all files. Raises UserError for a file without any.

    The rest of a compressed file that is damaged after some conversations counts as one unreadable row.
    """
    for file in files:
        is_empty, unreadable = True, findings.unreadable
        try:
            for messages in read_conversations(file, findings):
                is_empty = False
                yield messages
        except DamagedFile as error:
            if is_empty:
                raise
            findings.add_error(error)
        if is_empty and findings.unreadable > unreadable:
            raise UserError(findings.example)
        if is_empty:
            raise UserError(f"{file}: no conversation in it; add some, or remove it from sft.sources")


def read_conversations(path: Path, findings: Findings) -> Iterator[list[Message]]:
    """Yield the conversations of a file, in order. Empty lines are skipped.

    Raises UserError that names file, line, value and what to do, unless `findings` says to skip such rows.
    """
    with open_decompressed(path) as stream:
        for row in read_json_rows(stream, str(path)):
            if isinstance(row, Note):
                findings.notes.append(row.message)
                continue
            try:
                if isinstance(row, Unreadable):
                    raise UserError(row.message)
                messages = parse_messages(row.values, row.location, findings.ignored_keys)
            except UserError as error:
                findings.add_error(error)
            else:
                yield messages


def parse_messages(row: dict[str, Any], location: str, ignored_keys: set[str]) -> list[Message]:
    """Return the messages of one row, and add its keys without effect to `ignored_keys`."""
    formats = [keys for keys in FORMATS if all(key in row for key in keys)]
    if not formats:
        names = ", ".join(sorted(row)) or "no key"
        raise UserError(f"{location}: {quote_value(names)}: no conversation; give {FORMATS_ADVICE}")
    keys = max(formats, key=lambda keys: row[keys[0]] not in EMPTY)  # the first one that is filled
    check_keys(row, keys + FORMATS[keys], UNSUPPORTED_IN_ROW, location, ignored_keys)
    system: list[Message] = []
    if not is_blank(row.get("system")):
        system = [{"role": "system", "content": parse_content(row["system"], f"{location}: system")}]
    if len(keys) == 2:
        return [*system, *parse_turns(row, keys[0], keys[1], location)]
    messages = parse_list(row[keys[0]], f"{location}: {keys[0]}", ignored_keys)
    if not system or messages[0]["role"] != "system":
        return system + messages
    if system[0]["content"].strip() != messages[0]["content"].strip():
        value = quote_value(row["system"])
        raise UserError(f"{location}: system: {value}: {keys[0]} begins with another; keep one of them")
    return messages


def parse_turns(row: dict[str, Any], question: str, answer: str, location: str) -> list[Message]:
    """Return the messages of a row with one question and answer under these keys, and a history or none."""
    prompt = parse_content(row[question], f"{location}: {question}")
    if not is_blank(row.get("input")):
        prompt += "\n" + parse_content(row["input"], f"{location}: input")
    last = make_conversation(prompt, parse_content(row[answer], f"{location}: {answer}"))
    history = [] if is_blank(row.get("history")) else row["history"]
    if not isinstance(history, list):
        raise UserError(f"{location}: history: {quote_value(history)}: give a list of [question, answer]")
    turns: list[Message] = []
    for i, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            raise UserError(f"{location}: history[{i}]: {quote_value(pair)}: give [question, answer]")
        texts = [parse_content(text, f"{location}: history[{i}][{j}]") for j, text in enumerate(pair)]
        turns += make_conversation(*texts)
    return turns + last


def parse_list(items: Any, location: str, ignored_keys: set[str]) -> list[Message]:
    """Return the messages of a list of them."""
    if not isinstance(items, list) or not items:
        raise UserError(f"{location}: {quote_value(items)}: give a list of role and content")
    return [parse_message(item, f"{location}[{i}]", ignored_keys) for i, item in enumerate(items)]


def parse_message(item: Any, location: str, ignored_keys: set[str]) -> Message:
    """Return the message of one entry of a list. An answer that is not trained has the weight "0"."""
    if not isinstance(item, dict):
        raise UserError(f"{location}: {quote_value(item)}: give an object with role and content")
    check_keys(item, MESSAGE_KEYS, UNSUPPORTED_IN_MESSAGE, location, ignored_keys)
    role_key = "from" if item.get("role") is None and "from" in item else "role"
    content_key = "value" if item.get("content") is None and "value" in item else "content"
    name, weight = item.get(role_key), item.get("weight")
    role = ROLE_NAMES.get(name, name) if isinstance(name, str) else None
    if role not in ROLES:
        raise UserError(
            f"{location}: {role_key}: {quote_value(name)}: unknown; use {', '.join(ROLES | ROLE_NAMES)}"
        )
    if weight not in (None, 0, 1):
        raise UserError(f"{location}: weight: {quote_value(weight)}: give 0 (not trained) or 1")
    location = f"{location}: {content_key}"
    message = {"role": role, "content": parse_content(join_parts(item.get(content_key), location), location)}
    return message | {"weight": "0"} if weight == 0 and role == "assistant" else message


def check_keys(
    item: dict[str, Any],
    known: tuple[str, ...],
    unsupported: dict[str, str],
    location: str,
    ignored_keys: set[str],
) -> None:
    """Add keys without effect to `ignored_keys`. Raises UserError for an unsupported one.

    A value of 1 or true asks for nothing: each message is trained with weight 1. A value of 0 or false is as
    good as none, but where it asks not to train.
    """
    for key, value in item.items():
        if key in known or value in EMPTY or (key in UNSUPPORTED and not value):
            continue
        if key in unsupported and value != 1:
            raise UserError(f"{location}: {key}: {quote_value(value)}: {unsupported[key]}")
        ignored_keys.add(key)


def join_parts(content: Any, location: str) -> Any:
    """Return a list of {"type": "text", "text": …} as one text, any other content as it is."""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content
    texts = []
    for i, part in enumerate(content):
        if part.get("type") != "text":
            kind = quote_value(part.get("type"))
            raise UserError(f"{location}[{i}]: type: {kind}: only text is read; remove the row")
        texts.append(parse_content(part.get("text"), f"{location}[{i}]: text"))
    return "\n".join(texts)


def is_blank(value: Any) -> bool:
    """Return whether the value of a key is as good as none."""
    return value in EMPTY or (isinstance(value, str) and not value.strip())


def parse_content(value: Any, location: str) -> str:
    """Return the text of a message, normalized and not empty."""
    if not isinstance(value, str):
        raise UserError(f"{location}: {quote_value(value)}: no text; give a string")
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
