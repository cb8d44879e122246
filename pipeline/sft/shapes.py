"""Rows of data sets as conversations. The tables below say what each key does.

A row holds a list of messages, or one question and its answer. Data sets have many names for these:

{"messages": [{"role": "system" | "user" | "assistant", "content": …}, …]}
{"conversations": [{"from": "system" | "human" | "gpt", "value": …}, …]}  # ShareGPT
{"instruction": …, "input": …, "output": …}  # Alpaca; input may be empty or absent
{"instruction": …, "context": …, "response": …}  # Dolly
{"prompt": …, "completion": …}  # TRL; both texts, or both lists of messages
{"soru": …, "cevap": …}
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.common.errors import UserError
from pipeline.readers.template import fill_template, list_fields, unescape
from pipeline.sft.findings import MAX_QUOTED_CHARS, Findings
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.chat_template import ROLES, Message

LISTS = ("messages", "conversations")
QUESTIONS = ("instruction", "prompt", "question")
ANSWERS = ("output", "response", "completion", "answer")
# What may stand beside a question: what it is about, before it; its input, below it; a system message;
# [question, answer] pairs before it, which are trained too.
BESIDE_QUESTION = ("context", "input", "system", "history")
# Turkish names, in small letters without marks. Names are told by `fold_key`.
TURKISH_NAMES = {
    "mesajlar": "messages", "talimat": "instruction", "istem": "prompt", "soru": "question",
    "cikti": "output", "yanit": "response", "cevap": "answer", "baglam": "context", "girdi": "input",
    "sistem": "system", "gecmis": "history",
}  # fmt: skip
NAMES = {name: name for name in (*LISTS, *QUESTIONS, *ANSWERS, *BESIDE_QUESTION)} | TURKISH_NAMES
WITHOUT_MARKS = str.maketrans("çğıöşü", "cgiosu", "\u0307")
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
    **dict.fromkeys(("chosen", "rejected"), "answers are not compared; keep one and remove this key"),
    "weight": "a row has no weight; give its messages weight 0 (not trained) or 1",
}
UNSUPPORTED_BESIDE_LIST = UNSUPPORTED_IN_ROW | dict.fromkeys(
    ("input", "history"), "not supported beside a list of messages; put it into them"
)
UNSUPPORTED_IN_MESSAGE = UNSUPPORTED | dict.fromkeys(
    ("loss", "train", "training", "train_detail"), "not supported; give weight 0 (not trained) or 1"
)
EMPTY: tuple[object, ...] = (None, "", [], {}, "[]")
SHAPES_ADVICE = "messages; instruction, input and output; prompt and response; or ShareGPT's conversations"


def parse_row(
    row: dict[str, Any], location: str, columns: Mapping[str, str] | None, findings: Findings
) -> list[Message]:
    """Return the messages of a row, and add what is noticed to `findings`.

    `columns` are templates of roles, such as {"user": "{soru}", "assistant": "cevap"}; None: the keys tell.
    Raises UserError that begins with `location` for a row of no known shape, and for values that are wrong.
    """
    if columns is not None:
        return fill_columns(row, location, columns, findings)
    names = match_names(row)
    lists = [name for name in LISTS if name in names]
    filled = [name for name in lists if row[names[name]] not in EMPTY]
    turns = not filled and any(name in names for name in QUESTIONS) and any(n in names for n in ANSWERS)
    if turns:
        return parse_turns(row, names, location, findings)
    if not lists:
        raise unknown_shape(row, location)
    return parse_list_row(row, names, (filled or lists)[0], location, findings)


def fold_key(key: str) -> str:
    """Return a key in small letters without marks, so that Çıktı, ÇIKTI and cikti are one."""
    return key.strip().lower().translate(WITHOUT_MARKS)


def match_names(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the row's keys by the names that are known here. A key that is such a name comes first."""
    names = {NAMES[fold_key(key)]: key for key in reversed(list(row)) if fold_key(key) in NAMES}
    return names | {key: key for key in row if key in NAMES.values()}


def unknown_shape(row: Mapping[str, Any], location: str) -> UserError:
    """Return the error for a row of no known shape. Two columns of text are offered as a mapping."""
    names = ", ".join(sorted(row)) or "no key"
    texts = [key for key, value in row.items() if isinstance(value, str) and value.strip()]
    advice = f"give {SHAPES_ADVICE}"
    if len(texts) > 1:
        first, last = texts[0], max(texts[1:], key=lambda key: len(row[key]))
        advice += f", or name them by columns, such as {{user: {first}, assistant: {last}}}"
    return UserError(f"{location}: {quote_value(names)}: no conversation; {advice}")


def fill_columns(
    row: Mapping[str, Any], location: str, columns: Mapping[str, str], findings: Findings
) -> list[Message]:
    """Return a message for each role of `columns` by its template. A system message needs words."""
    messages = []
    for role in ROLES:
        if role not in columns:
            continue
        template = columns[role]
        fields = list_fields(template) or (template,)
        for name in fields:
            if name not in row:
                raise UserError(
                    f"{location}: no column {name!r}, which `columns` names; it has {', '.join(row)}"
                )
            findings.columns[name] = role
        values = {name: "" if row[name] is None else stringify(row[name]) for name in fields}
        text = fill_template(unescape(template), values) if list_fields(template) else values[template]
        content = normalize_text(text) if any(value.strip() for value in values.values()) else ""
        if role != "system" or content.strip():
            messages.append({"role": role, "content": content})
    findings.ignored_keys.update(key for key in row if key not in findings.columns)
    return messages


def stringify(value: Any) -> str:
    """Return a value of a column as text: a number or a list too."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def parse_turns(
    row: Mapping[str, Any], names: dict[str, str], location: str, findings: Findings
) -> list[Message]:
    """Return the messages of a row with one question and one answer, and a history or none."""
    question = choose_column(row, names, QUESTIONS, "question", location)
    answer = choose_column(row, names, ANSWERS, "answer", location)
    used = {question: "user", answer: "assistant"}
    beside = [names[name] for name in BESIDE_QUESTION if name in names]
    check_keys(row, {*used, *beside}, UNSUPPORTED_IN_ROW, location, findings)
    findings.columns |= used
    prompt, reply = read_list(row[question]), read_list(row[answer])
    if isinstance(prompt, list) and isinstance(reply, list) and prompt and reply:
        asked = parse_list(prompt, f"{location}: {question}", findings)
        asked = [m | ({"weight": "0"} if m["role"] == "assistant" else {}) for m in asked]
        return asked + parse_list(reply, f"{location}: {answer}", findings)
    texts = {}
    for name in BESIDE_QUESTION[:3]:
        key = names.get(name)
        if key is not None and not is_blank(row[key]):
            texts[name] = parse_content(row[key], f"{location}: {key}")
            findings.columns[key] = "system" if name == "system" else "user"
    asked_text = parse_content(row[question], f"{location}: {question}")
    if "context" in texts:
        asked_text = f"{texts['context']}\n\n{asked_text}"
    if "input" in texts:
        asked_text += f"\n{texts['input']}"
    system = [{"role": "system", "content": texts["system"]}] if "system" in texts else []
    history = parse_history(row, names.get("history"), location, findings)
    answered = parse_content(row[answer], f"{location}: {answer}")
    return [*system, *history, *make_conversation(asked_text, answered)]


def choose_column(
    row: Mapping[str, Any], names: dict[str, str], known: tuple[str, ...], kind: str, location: str
) -> str:
    """Return the row's key among `known` names. Raises UserError where several hold different values."""
    keys = [names[name] for name in known if name in names]
    filled = [key for key in keys if not is_blank(row[key])]
    if any(row[key] != row[filled[0]] for key in filled):
        role = "user" if kind == "question" else "assistant"
        raise UserError(
            f"{location}: {' and '.join(filled)}: each could be the {kind}; name one by `columns`,"
            f" such as {role}: {filled[0]}"
        )
    return (filled or keys)[0]


def parse_history(
    row: Mapping[str, Any], key: str | None, location: str, findings: Findings
) -> list[Message]:
    """Return the messages of the [question, answer] pairs before a question."""
    history = [] if key is None or is_blank(row[key]) else read_list(row[key])
    if not isinstance(history, list):
        raise UserError(f"{location}: {key}: {quote_value(history)}: give a list of [question, answer]")
    turns: list[Message] = []
    for i, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            raise UserError(f"{location}: {key}[{i}]: {quote_value(pair)}: give [question, answer]")
        texts = [parse_content(text, f"{location}: {key}[{i}][{j}]") for j, text in enumerate(pair)]
        turns += make_conversation(*texts)
    if key is not None and turns:
        findings.columns[key] = "user, assistant"
    return turns


def parse_list_row(
    row: Mapping[str, Any], names: dict[str, str], name: str, location: str, findings: Findings
) -> list[Message]:
    """Return the messages of a row that lists them, with its system message before them."""
    key, system_key = names[name], names.get("system")
    check_keys(row, {key, system_key}, UNSUPPORTED_BESIDE_LIST, location, findings)
    findings.columns[key] = "messages"
    messages = parse_list(read_list(row[key]), f"{location}: {key}", findings)
    if system_key is None or is_blank(row[system_key]):
        return messages
    findings.columns[system_key] = "system"
    content = parse_content(row[system_key], f"{location}: {system_key}")
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": content}, *messages]
    if content.strip() != messages[0]["content"].strip():
        value = quote_value(row[system_key])
        raise UserError(f"{location}: {system_key}: {value}: {key} begins with another; keep one of them")
    return messages


def read_list(value: Any) -> Any:
    """Return the list that a text holds as JSON, as tables do; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def parse_list(items: Any, location: str, findings: Findings) -> list[Message]:
    """Return the messages of a list of them."""
    if not isinstance(items, list) or not items:
        raise UserError(f"{location}: {quote_value(items)}: give a list of role and content")
    return [parse_message(item, f"{location}[{i}]", findings) for i, item in enumerate(items)]


def parse_message(item: Any, location: str, findings: Findings) -> Message:
    """Return the message of one entry of a list. An answer that is not trained has the weight "0"."""
    if not isinstance(item, dict):
        raise UserError(f"{location}: {quote_value(item)}: give an object with role and content")
    check_keys(item, set(MESSAGE_KEYS), UNSUPPORTED_IN_MESSAGE, location, findings)
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
    content = parse_content(join_parts(item.get(content_key), location, findings), location)
    message = {"role": role, "content": content}
    return message | {"weight": "0"} if weight == 0 and role == "assistant" else message


def check_keys(
    item: Mapping[str, Any],
    known: set[str] | set[str | None],
    unsupported: dict[str, str],
    location: str,
    findings: Findings,
) -> None:
    """Note keys without effect. Raises UserError for an unsupported one.

    A value of 1 or true asks for nothing: each message is trained with weight 1. A value of 0 or false is as
    good as none, but where it asks not to train.
    """
    for key, value in item.items():
        if key in known or value in EMPTY or (key in UNSUPPORTED and not value):
            continue
        if key in unsupported and value != 1:
            raise UserError(f"{location}: {key}: {quote_value(value)}: {unsupported[key]}")
        findings.ignored_keys.add(key)


def join_parts(content: Any, location: str, findings: Findings) -> Any:
    """Return the texts of a list of parts as one text, other content as it is; other parts are counted."""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content
    texts = []
    for i, part in enumerate(content):
        if part.get("type") == "text":
            texts.append(parse_content(part.get("text"), f"{location}[{i}]: text"))
        else:
            findings.other_parts[str(part.get("type"))] += 1
    return "\n".join(texts)


def is_blank(value: Any) -> bool:
    """Return whether the value of a key is as good as none."""
    return value in EMPTY or (isinstance(value, str) and not value.strip())


def parse_content(value: Any, location: str) -> str:
    """Return the text of a message, normalized; nothing for one without words."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{location}: {quote_value(value)}: no text; give a string")
    text = normalize_text(value)
    return text if text.strip() else ""


def make_conversation(question: str, answer: str) -> list[Message]:
    """Return a question and its answer as a conversation."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def quote_value(value: Any) -> str:
    """Return an invalid value for an error: in quotes, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…")
