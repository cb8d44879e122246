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
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.readers.rows import place_inside
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
ROLE_KEYS, CONTENT_KEYS = ("role", "from", "rol"), ("content", "value", "icerik")  # of a message
MESSAGE_KEYS = (*ROLE_KEYS, *CONTENT_KEYS, "weight")  # weight 0: the answer is not trained
# Names of roles in any case: ShareGPT's, those of other sets, Turkish ones.
ROLE_NAMES = {
    "human": "user", "gpt": "assistant", "prompter": "user", "bot": "assistant", "model": "assistant",
    "kullanici": "user", "asistan": "assistant", "sistem": "system",
}  # fmt: skip
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
    ("context", "input", "history"), "not supported beside a list of messages; put it into them"
)
UNSUPPORTED_IN_MESSAGE = UNSUPPORTED | dict.fromkeys(
    ("loss", "train", "training", "train_detail"), "not supported; give weight 0 (not trained) or 1"
)
EMPTY: tuple[object, ...] = (None, "", [], {}, "[]", "None", "null", "nan")  # also as tables write it
AS_WRITTEN = {"0": 0, "0.0": 0, "False": 0, "false": 0, "1": 1, "1.0": 1, "True": 1, "true": 1}
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
    lists = [key for name in LISTS for key in names.get(name, ())]
    filled = [key for key in lists if not is_blank(row[key])]
    turns = not filled and any(name in names for name in QUESTIONS) and any(n in names for n in ANSWERS)
    if turns:
        return parse_turns(row, names, location, findings)
    if not lists:
        raise unknown_shape(row, location)
    return parse_list_row(row, names, (filled or lists)[0], location, findings)


def fold_key(key: str) -> str:
    """Return a key in small letters without marks, so that Çıktı, ÇIKTI and cikti are one."""
    return unicodedata.normalize("NFC", key).strip().lower().translate(WITHOUT_MARKS)


def match_names(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the row's keys by the names that are known here."""
    names: dict[str, list[str]] = {}
    for key in row:
        if name := NAMES.get(fold_key(key)):
            names.setdefault(name, []).append(key)
    return names


def unknown_shape(row: Mapping[str, Any], location: str) -> UserError:
    """Return the error for a row of no known shape. Two columns of text are offered as a mapping."""
    names = quote_value(", ".join(sorted(row)))
    texts = [
        key
        for key, value in row.items()
        if key.strip() and not fold_key(key).endswith("id") and isinstance(value, str) and not is_blank(value)
    ]
    advice = Translatable("give {shapes}", shapes=Translatable(SHAPES_ADVICE))
    if len(texts) > 1:
        advice = Translatable(
            "{advice}, or name them by columns, such as {{user: {user}, assistant: {assistant}}}",
            advice=advice,
            user=texts[0],
            assistant=texts[1],
        )
    return UserError(
        "{location}: {value}: no conversation; {advice}",
        location=location,
        value=names if row else Translatable("'no key'"),
        advice=advice,
    )


def fill_columns(
    row: Mapping[str, Any], location: str, columns: Mapping[str, str], findings: Findings
) -> list[Message]:
    """Return a message for each role of `columns` by its template. A system message needs words.

    A column that earlier rows had is blank where a row lacks it. A system message that names no column is
    the same for all rows.
    """
    messages = []
    for role in ROLES:
        if role not in columns:
            continue
        template, fields = columns[role], list_fields(columns[role])
        if not fields and role == "system" and template not in row and template not in findings.columns:
            messages.append({"role": role, "content": normalize_text(unescape(template))})
            continue
        for name in fields or (template,):
            if name not in row and name not in findings.columns:
                raise UserError(
                    "{location}: no column {name}, which `columns` names; it has {columns}",
                    location=location,
                    name=repr(name),
                    columns=", ".join(row),
                )
            findings.columns[name] = role
        values = {
            name: parse_content(row.get(name), place_inside(location, f": {name}"))
            for name in fields or (template,)
        }
        text = fill_template(unescape(template), values) if fields else values[template]
        content = text if any(values.values()) else ""
        if role != "system" or content:
            messages.append({"role": role, "content": content})
    findings.ignored_keys.update(key for key in row if key not in findings.columns)
    return messages


def parse_turns(
    row: Mapping[str, Any], names: dict[str, list[str]], location: str, findings: Findings
) -> list[Message]:
    """Return the messages of a row with one question and one answer, and what stands beside them."""
    question, questions = choose_key(row, names, QUESTIONS)
    answer, answers = choose_key(row, names, ANSWERS)
    if len(questions) > 1:
        raise UserError(
            "{location}: {questions}: each could be the question; name one by `columns`, such "
            "as user: {question}",
            location=location,
            questions=", ".join(questions),
            question=questions[0],
        )
    if len(answers) > 1:
        raise UserError(
            "{location}: {answers}: each could be the answer; name one by `columns`, such as "
            "assistant: {answer}",
            location=location,
            answers=", ".join(answers),
            answer=answers[0],
        )
    used = {key for name in (*QUESTIONS, *ANSWERS, *BESIDE_QUESTION) for key in names.get(name, ())}
    check_keys(row, used, UNSUPPORTED_IN_ROW, location, findings)
    findings.columns |= {question: "user", answer: "assistant"}
    prompt, reply = read_messages(row[question]), read_messages(row[answer])
    if prompt is not None and reply is not None:
        return parse_prompt_messages(row, names, question, answer, location, findings)
    texts = {}
    for name in BESIDE_QUESTION[:3]:
        key, _ = choose_key(row, names, (name,))
        if key and not is_blank(row[key]):
            texts[name] = parse_content(row[key], place_inside(location, f": {key}"))
            findings.columns[key] = "system" if name == "system" else "user"
    asked = parse_content(row[question], place_inside(location, f": {question}"))
    told = parse_content(row[answer], place_inside(location, f": {answer}"))
    if "context" in texts:
        asked = f"{texts['context']}\n\n{asked}"
    if "input" in texts:
        asked += f"\n{texts['input']}"
    system = [{"role": "system", "content": texts["system"]}] if "system" in texts else []
    history = parse_history(row, choose_key(row, names, ("history",))[0], location, findings)
    return [*system, *history, *make_conversation(asked, told)]


def choose_key(
    row: Mapping[str, Any], names: dict[str, list[str]], known: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Return the row's key among `known` names, a filled one if any, and those with different values.

    The key is empty where the row has none.
    """
    keys = [key for name in known for key in names.get(name, ())]
    filled = [key for key in keys if not is_blank(row[key])]
    different = [key for i, key in enumerate(filled) if row[key] not in [row[other] for other in filled[:i]]]
    return next(iter([*filled, *keys]), ""), different


def parse_prompt_messages(
    row: Mapping[str, Any],
    names: dict[str, list[str]],
    question: str,
    answer: str,
    location: str,
    findings: Findings,
) -> list[Message]:
    """Return the messages of a row whose question and answer are lists of them. The first are not trained."""
    for name in ("context", "input", "history"):
        key, _ = choose_key(row, names, (name,))
        if key and not is_blank(row[key]):
            advice = Translatable(UNSUPPORTED_BESIDE_LIST[name])
            raise UserError(
                "{location}: {key}: {value}: {advice}",
                location=location,
                key=key,
                value=quote_value(row[key]),
                advice=advice,
            )
    asked = parse_list(read_messages(row[question]), place_inside(location, f": {question}"), findings)
    asked = [m | ({"weight": "0"} if m["role"] == "assistant" else {}) for m in asked]
    replies = parse_list(read_messages(row[answer]), place_inside(location, f": {answer}"), findings)
    return put_system_first(row, names, question, asked, location, findings) + replies


def parse_history(row: Mapping[str, Any], key: str, location: str, findings: Findings) -> list[Message]:
    """Return the messages of the [question, answer] pairs before a question."""
    history = [] if not key or is_blank(row[key]) else read_list(row[key])
    if not isinstance(history, list):
        raise UserError(
            "{location}: {key}: {value}: give a list of [question, answer]",
            location=location,
            key=key,
            value=quote_value(history),
        )
    turns: list[Message] = []
    for i, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            raise UserError(
                "{location}: {key}[{i}]: {value}: give [question, answer]",
                location=location,
                key=key,
                i=i,
                value=quote_value(pair),
            )
        texts = [
            parse_content(text, place_inside(location, f": {key}[{i}][{j}]")) for j, text in enumerate(pair)
        ]
        turns += make_conversation(*texts)
    if turns:
        findings.columns[key] = "user, assistant"
    return turns


def parse_list_row(
    row: Mapping[str, Any], names: dict[str, list[str]], key: str, location: str, findings: Findings
) -> list[Message]:
    """Return the messages of a row that lists them under `key`, with its system message before them."""
    used = {key, *names.get("system", ())}
    check_keys(row, used, UNSUPPORTED_BESIDE_LIST, location, findings)
    findings.columns[key] = "messages"
    if is_blank(row[key]):
        return []
    messages = parse_list(read_list(row[key]), place_inside(location, f": {key}"), findings)
    return put_system_first(row, names, key, messages, location, findings)


def put_system_first(
    row: Mapping[str, Any],
    names: dict[str, list[str]],
    key: str,
    messages: list[Message],
    location: str,
    findings: Findings,
) -> list[Message]:
    """Return the messages under `key` with the row's system message before them, if it has one."""
    system_key, _ = choose_key(row, names, ("system",))
    if not system_key or is_blank(row[system_key]):
        return messages
    findings.columns[system_key] = "system"
    content = parse_content(row[system_key], place_inside(location, f": {system_key}"))
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": content}, *messages]
    if content.strip() != messages[0]["content"].strip():
        value = quote_value(row[system_key])
        raise UserError(
            "{location}: {system_key}: {value}: {key} begins with another; keep one of them",
            location=location,
            system_key=system_key,
            value=value,
            key=key,
        )
    return messages


def read_messages(value: Any) -> list[Any] | None:
    """Return a value as a list of messages, None where it is none."""
    items = read_list(value)
    return items if isinstance(items, list) and items and all(isinstance(i, dict) for i in items) else None


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
    if isinstance(items, str) and items.lstrip().startswith("[{'"):
        raise UserError(
            "{location}: {value}: a list as Python writes it; save the set as JSON lines or Parquet",
            location=location,
            value=quote_value(items),
        )
    if not isinstance(items, list) or not items:
        raise UserError(
            "{location}: {value}: give a list of role and content",
            location=location,
            value=quote_value(items),
        )
    return [parse_message(item, place_inside(location, f"[{i}]"), findings) for i, item in enumerate(items)]


def parse_message(item: Any, location: str, findings: Findings) -> Message:
    """Return the message of one entry of a list. An answer that is not trained has the weight "0"."""
    if not isinstance(item, dict):
        raise UserError(
            "{location}: {value}: give an object with role and content",
            location=location,
            value=quote_value(item),
        )
    check_keys(item, set(MESSAGE_KEYS), UNSUPPORTED_IN_MESSAGE, location, findings)
    keys = {fold_key(key): key for key in item}
    role_key, content_key = (
        next((keys[key] for key in known if key in keys and item[keys[key]] is not None), None)
        for known in (ROLE_KEYS, CONTENT_KEYS)
    )
    if role_key is None:
        raise UserError(
            "{location}: no role; it has {keys}",
            location=location,
            keys=", ".join(item) or Translatable("no key"),
        )
    name, weight = item[role_key], item.get("weight")
    weight = AS_WRITTEN.get(weight, weight) if isinstance(weight, str) else weight
    folded = fold_key(name) if isinstance(name, str) else ""
    role = ROLE_NAMES.get(folded, folded)
    if role not in ROLES:
        raise UserError(
            "{location}: {role_key}: {value}: unknown; use {roles}",
            location=location,
            role_key=role_key,
            value=quote_value(name),
            roles=", ".join(ROLES | ROLE_NAMES),
        )
    if weight not in (None, 0, 1):
        raise UserError(
            "{location}: weight: {value}: give 0 (not trained) or 1",
            location=location,
            value=quote_value(weight),
        )
    location = place_inside(location, f": {content_key or 'content'}")
    content = parse_content(join_parts(item.get(content_key or ""), location, findings), location)
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
        name = NAMES.get(fold_key(key), fold_key(key))
        plain = AS_WRITTEN.get(value, value) if isinstance(value, str) else value
        if key in known or name in known or is_blank(value) or (name in UNSUPPORTED and not plain):
            continue
        if name in unsupported and plain != 1:
            raise UserError(
                "{location}: {key}: {value}: {advice}",
                location=location,
                key=key,
                value=quote_value(value),
                advice=Translatable(unsupported[name]),
            )
        findings.ignored_keys.add(key)


def join_parts(content: Any, location: str, findings: Findings) -> Any:
    """Return the texts of a list of parts as one text, other content as it is; other parts are counted."""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content
    texts = []
    for i, part in enumerate(content):
        if part.get("type", "text") == "text":
            texts.append(parse_content(part.get("text"), place_inside(location, f"[{i}]: text")))
        else:
            findings.other_parts[str(part.get("type"))] += 1
    return "\n".join(texts)


def is_blank(value: Any) -> bool:
    """Return whether the value of a key is as good as none."""
    return value in EMPTY or value != value or (isinstance(value, str) and not value.strip())  # NaN


def parse_content(value: Any, location: str) -> str:
    """Return the text of a message, normalized; nothing for one without words. Numbers and dates are text."""
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, int | float | Decimal | date) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise UserError(
            "{location}: {value}: no text; give a string", location=location, value=quote_value(value)
        )
    text = normalize_text(value)
    return text if text.strip() else ""


def make_conversation(question: str, answer: str) -> list[Message]:
    """Return a question and its answer as a conversation."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def quote_value(value: Any) -> str:
    """Return an invalid value for an error: in quotes, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…")
