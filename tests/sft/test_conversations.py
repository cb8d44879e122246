import json

import pytest

from pipeline.common.errors import UserError
from pipeline.sft.conversations import read_conversations

QUESTION = {"role": "user", "content": "Başkent neresi?"}
ANSWER = {"role": "assistant", "content": "Ankara."}


def read(tmp_path, *lines):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    return list(read_conversations(path))


@pytest.mark.parametrize(
    ("row", "question"),
    [
        ({"messages": [QUESTION, ANSWER]}, "Başkent neresi?"),
        ({"messages": [QUESTION, ANSWER], "id": 7}, "Başkent neresi?"),
        ({"instruction": "Başkent neresi?", "input": "", "output": "Ankara."}, "Başkent neresi?"),
        ({"instruction": "Başkent neresi?", "input": None, "output": "Ankara."}, "Başkent neresi?"),
        ({"instruction": "Çevir:", "input": "capital", "output": "Ankara."}, "Çevir:\ncapital"),
        ({"prompt": "Başkent neresi?", "response": "Ankara."}, "Başkent neresi?"),
    ],
)
def test_read_conversations_three_formats(tmp_path, row, question):
    assert read(tmp_path, row) == [[{"role": "user", "content": question}, ANSWER]]


def test_read_conversations_normalizes_text_like_the_corpus(tmp_path):
    row = {"prompt": "go\u0308z\r\nkas\u0327", "response": "bir\u2581iki"}
    (messages,) = read(tmp_path, b"\xef\xbb\xbf" + json.dumps(row).encode(), b"", b"  ")
    assert [message["content"] for message in messages] == ["göz\nkaş", "bir iki"]


@pytest.mark.parametrize("version", ["Ä°ÅŸ\u00a0gÃ¼nÃ¼", "İ\0ş\u2009gu\u0308nü", "\ufeffİş\tgünü"])
def test_read_conversations_repairs_text_like_the_corpus(tmp_path, version):
    for row in (
        {"prompt": version, "response": "i\u0307yi"},
        {"instruction": version, "output": "i\u0307yi"},
        {"messages": [{"role": "user", "content": version}, {"role": "assistant", "content": "i\u0307yi"}]},
    ):
        (messages,) = read(tmp_path, row)
        assert [message["content"] for message in messages] == ["İş günü", "iyi"]


def test_read_conversations_keeps_the_tabs_that_indent_code(tmp_path):
    code = "if x:\n\treturn 1"
    (messages,) = read(tmp_path, {"prompt": "Yaz.", "response": code})
    assert messages[1]["content"] == code


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            r"messages\[0\]: role: 'tool': unknown; use system, user",
        ),
        ({"messages": [QUESTION, {"content": "x"}]}, r"messages\[1\]: role: 'null': unknown"),
        (
            {"messages": [QUESTION, {"role": "assistant", "content": " \n"}]},
            r"messages\[1\]: content: ' \\n': empty",
        ),
        (
            {"messages": [{"role": "user", "content": [1]}]},
            r"messages\[0\]: content: '\[1\]': no text; give a string",
        ),
        ({"messages": ["x"]}, r"messages\[0\]: 'x': give an object"),
        ({"messages": []}, r"messages: '\[\]': give a list"),
        ({"messages": "x"}, r"messages: 'x': give a list"),
        ({"instruction": "x", "output": ""}, "output: '': empty"),
        ({"prompt": "x", "response": None}, "response: 'null': no text"),
        ({"prompt": "x", "response": "\ud800"}, "response: .*surrogate"),
        ({"prompt": "x", "response": "\0\ufeff\u00a0"}, "response: .*: empty"),
        ({"soru": "x", "cevap": "y"}, "'cevap, soru': no conversation; give messages; instruction"),
        ([1, 2], r"'\[1, 2\]': no JSON object"),
        (b'{"prompt": "x", ', r"""'{"prompt": "x",': no JSON \(.*\); give one JSON object a line"""),
        (b"[" * 100_000, ".*: no JSON"),
        (b"1" * 10_000, ".*: no JSON"),
        ('{"prompt": "ş"}'.encode("iso-8859-9"), "not UTF-8 at byte 12 of the line"),
    ],
)
def test_read_conversations_invalid_row_is_one_line_that_names_it(tmp_path, line, message):
    with pytest.raises(UserError, match=r"rows\.jsonl:2: " + message) as error:
        read(tmp_path, {"messages": [QUESTION, ANSWER]}, line)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
