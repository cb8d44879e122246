import gzip
import json
import random
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.sft.conversations import read_conversations, read_files
from pipeline.sft.findings import Findings
from pipeline.sft.shapes import MESSAGE_KEYS, NAMES, UNSUPPORTED_BESIDE_LIST, UNSUPPORTED_IN_MESSAGE
from tests.helpers.paths import ROOT

QUESTION = {"role": "user", "content": "Başkent neresi?"}
ANSWER = {"role": "assistant", "content": "Ankara."}


SYSTEM = {"role": "system", "content": "Kısa konuş."}
GREETING = [{"role": "user", "content": "Merhaba"}, {"role": "assistant", "content": "Selam"}]
ALPACA = {"instruction": "Başkent neresi?", "output": "Ankara."}


def write(tmp_path, *lines):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    return path


def read(tmp_path, *lines, findings=None):
    return list(read_conversations(write(tmp_path, *lines), findings or Findings()))


@pytest.mark.parametrize(
    ("row", "question"),
    [
        ({"messages": [QUESTION, ANSWER]}, "Başkent neresi?"),
        ({"messages": [QUESTION, ANSWER], "id": 7}, "Başkent neresi?"),
        ({"instruction": "Başkent neresi?", "input": "", "output": "Ankara."}, "Başkent neresi?"),
        ({"instruction": "Başkent neresi?", "input": None, "output": "Ankara."}, "Başkent neresi?"),
        ({"instruction": "Çevir:", "input": "capital", "output": "Ankara."}, "Çevir:\ncapital"),
        ({"prompt": "Başkent neresi?", "response": "Ankara."}, "Başkent neresi?"),
        ({"prompt": "Başkent neresi?", "completion": "Ankara."}, "Başkent neresi?"),
        ({"prompt": [QUESTION], "completion": [ANSWER]}, "Başkent neresi?"),
        ({"question": "Başkent neresi?", "answer": "Ankara.", "context": "Türkiye."},
         "Türkiye.\n\nBaşkent neresi?"),
        ({"instruction": "Başkent neresi?", "context": "Türkiye.", "response": "Ankara.", "category": "qa"},
         "Türkiye.\n\nBaşkent neresi?"),
        ({"soru": "Başkent neresi?", "cevap": "Ankara."}, "Başkent neresi?"),
        ({"Soru ": "Başkent neresi?", "BAĞLAM": "Türkiye.", "Yanıt": "Ankara."},
         "Türkiye.\n\nBaşkent neresi?"),
        ({"talimat": "Çevir:", "girdi": "capital", "çıktı": "Ankara."}, "Çevir:\ncapital"),
        ({"Talimat": "Çevir:", "GİRDİ": "capital", "ÇIKTI": "Ankara."}, "Çevir:\ncapital"),
        ({"instruction": "Başkent neresi?", "output": "Ankara.", "response": "", "answer": "Ankara."},
         "Başkent neresi?"),
        ({"messages": json.dumps([QUESTION, ANSWER])}, "Başkent neresi?"),
        ({"question": "", "soru": "Başkent neresi?", "answer": None, "cevap": "Ankara."}, "Başkent neresi?"),
        ({"prompt": "Başkent neresi?", "response": "Ankara.", "answer": float("nan")}, "Başkent neresi?"),
        ({"soru": "Başkent neresi?", "cevap": "Ankara.", "weight": "1", "tools": "None"}, "Başkent neresi?"),
        ({"soru": "Başkent neresi?", "c\u0327\u0131kt\u0131": "Ankara."}, "Başkent neresi?"),
        ({"mesajlar": [{"rol": "Kullanıcı", "içerik": "Başkent neresi?"},
                       {"rol": "asistan", "içerik": "Ankara."}]}, "Başkent neresi?"),
        ({"messages": [{"role": "User", "content": [{"text": "Başkent neresi?"}]},
                       {"role": "bot", "content": "Ankara."}]}, "Başkent neresi?"),
    ],
)  # fmt: skip
def test_read_conversations_of_every_shape(tmp_path, row, question):
    assert read(tmp_path, row) == [[{"role": "user", "content": question}, ANSWER]]


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        (
            {"conversations": [{"from": "system", "value": "Kısa konuş."},
                               {"from": "human", "value": "Başkent neresi?"},
                               {"from": "gpt", "value": "Ankara."}]},
            [SYSTEM, QUESTION, ANSWER],
        ),
        ({"conversations": [QUESTION, ANSWER], "system": "Kısa konuş."}, [SYSTEM, QUESTION, ANSWER]),
        ({"messages": [QUESTION, ANSWER], "system": "Kısa konuş."}, [SYSTEM, QUESTION, ANSWER]),
        ({"messages": [SYSTEM, QUESTION, ANSWER], "system": "Kısa konuş."}, [SYSTEM, QUESTION, ANSWER]),
        ({"messages": [SYSTEM | {"content": "Kısa konuş. "}, QUESTION, ANSWER], "system": "Kısa konuş."},
         [SYSTEM | {"content": "Kısa konuş. "}, QUESTION, ANSWER]),
        ({"messages": [QUESTION, ANSWER | {"thinking": False}], "images": 0, "tools": False, "input": ""},
         [QUESTION, ANSWER]),
        ({"messages": [QUESTION, ANSWER], "system": None, "tools": [], "prompt": "x"}, [QUESTION, ANSWER]),
        ({"messages": None, "prompt": "Başkent neresi?", "response": "Ankara."}, [QUESTION, ANSWER]),
        (ALPACA | {"system": "Kısa konuş.", "history": [["Merhaba", "Selam"]]},
         [SYSTEM, *GREETING, QUESTION, ANSWER]),
        (ALPACA | {"system": " ", "history": [], "input": " "}, [QUESTION, ANSWER]),
        ({"prompt": "Başkent neresi?", "response": "Ankara.", "system": "Kısa konuş.",
          "history": [["Merhaba", "Selam"]] * 2}, [SYSTEM, *GREETING, *GREETING, QUESTION, ANSWER]),
        ({"messages": [QUESTION | {"weight": 0}, ANSWER | {"weight": 0}, QUESTION, ANSWER | {"weight": 1}]},
         [QUESTION, ANSWER | {"weight": "0"}, QUESTION, ANSWER]),
        ({"messages": [QUESTION, ANSWER | {"tool_calls": None, "train": True, "weight": None}]},
         [QUESTION, ANSWER]),
        ({"messages": [QUESTION, {"role": "assistant", "content": [
            {"type": "text", "text": "Bir"}, {"type": "text", "text": "iki"}]}]},
         [QUESTION, {"role": "assistant", "content": "Bir\niki"}]),
    ],
)  # fmt: skip
def test_read_conversations_reads_every_key_that_has_a_meaning(tmp_path, row, messages):
    assert read(tmp_path, row) == [messages]


def test_read_conversations_lists_keys_without_effect_once(tmp_path):
    findings = Findings()
    named = ALPACA | {"id": 3, "score": 0.5, "lang": "tr", "tags": [], "date": None}
    rows = [named, named, {"messages": [QUESTION | {"name": "Ali"}, ANSWER], "id": "b", "prompt": "x"}]
    assert len(read(tmp_path, *rows, findings=findings)) == 3
    assert findings.list_notes("a.jsonl") == ["a.jsonl: keys without effect: id, lang, name, prompt, score"]
    assert read(tmp_path, ALPACA, findings=Findings())
    many = Findings(ignored_keys={f"key\n{i:02}" for i in range(20)})
    (note,) = many.list_notes("a.jsonl")
    assert note.endswith("key 11, …")


@pytest.mark.parametrize("page", ["docs/data.md", "docs/tr/data.md"])
def test_page_tells_what_every_key_does(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    known = (set(NAMES.values()) | set(MESSAGE_KEYS)) - {"rol", "icerik"}
    assert "*rol*, *içerik*" in text
    keys = known | UNSUPPORTED_BESIDE_LIST.keys() | UNSUPPORTED_IN_MESSAGE.keys()
    assert not [key for key in keys if f"`{key}`" not in text]


def test_read_files_skips_and_counts_rows_of_every_fault(tmp_path):
    bad = [b"{", b"\xff", [1], {"id": 3}, ALPACA | {"tools": ["x"]}, {"messages": [{"role": "tool"}]}]
    path = write(tmp_path, ALPACA, *bad, ALPACA)
    findings = Findings("skip")
    assert list(read_files([path], findings)) == [[QUESTION, ANSWER]] * 2
    assert findings.unreadable == len(bad)
    (note,) = findings.list_notes("sft.sources")
    assert note.startswith(
        f"sft.sources: unreadable rows skipped: 6; one of them: {path}:7: messages[0]: role"
    )
    with pytest.raises(UserError, match=r"rows\.jsonl:2: .*, or set sft\.on_error: skip$"):
        list(read_files([path], Findings("fail")))


def test_read_files_keeps_what_comes_before_the_damage_of_a_compressed_file(tmp_path):
    random_text = random.Random(0)
    rows = [{"prompt": f"{random_text.random()}", "response": "Ben."} for _ in range(5000)]
    content = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(content[: len(content) // 2])
    findings = Findings("skip")
    assert 1000 < len(list(read_files([path, write(tmp_path, ALPACA)], findings))) < 4000
    assert findings.unreadable == 1
    assert findings.example.startswith(f"{path}: its .gz data ends too soon")
    with pytest.raises(UserError, match=r"ends too soon; .*, or set sft\.on_error: skip$"):
        list(read_files([path], Findings("fail")))
    path.write_bytes(content[:20])
    with pytest.raises(UserError, match=r"ends too soon; copy or download it again$"):
        list(read_files([path], Findings("skip")))


def test_read_files_refuses_files_without_a_conversation(tmp_path):
    with pytest.raises(UserError, match=r"rows\.jsonl: no conversation in it"):
        list(read_files([write(tmp_path, b"", b" ")], Findings()))
    with pytest.raises(UserError, match=r"rows\.jsonl:2: 'id': no conversation"):
        list(read_files([write(tmp_path, b"", {"id": 1})], Findings("skip")))


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
        ({"messages": [QUESTION, {"content": "x"}]}, r"messages\[1\]: no role; it has content"),
        (
            {"messages": [{"role": "user", "content": [1]}]},
            r"messages\[0\]: content: '\[1\]': no text; give a string",
        ),
        (
            {"messages": [QUESTION, {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}]},
            r"messages\[1\]: tool_calls: '\[{\"id\": \"a\"}\]': tools are not supported; remove the row",
        ),
        ({"messages": [QUESTION, ANSWER], "tools": "[{}]"}, r"tools: '\[{}\]': tools are not"),
        (ALPACA | {"images": ["a.png"]}, r"images: '\[\"a.png\"\]': only text is read"),
        (
            {"messages": [QUESTION, ANSWER | {"weight": 0.5}]},
            r"messages\[1\]: weight: '0.5': give 0 \(not trained\) or 1",
        ),
        ({"messages": [QUESTION, ANSWER | {"weight": "2"}]}, r"messages\[1\]: weight: '2': give 0"),
        ({"messages": [QUESTION, ANSWER | {"train": False}]}, r"messages\[1\]: train: 'false': .*weight 0"),
        (ALPACA | {"weight": 0}, r"weight: '0': a row has no weight; give its messages"),
        (ALPACA | {"system_prompt": "x"}, r"system_prompt: 'x': not supported; name the key system"),
        (ALPACA | {"history": "x"}, r"history: 'x': give a list of \[question, answer\]"),
        (ALPACA | {"history": [["x"]]}, r"history\[0\]: '\[\"x\"\]': give \[question, answer\]"),
        (ALPACA | {"system": [3]}, r"system: '\[3\]': no text"),
        ({"messages": [QUESTION, ANSWER], "history": [["a", "b"]]}, r"history: .*put it into them"),
        ({"messages": [QUESTION, ANSWER], "input": "a"}, r"input: 'a': .*put it into them"),
        ({"messages": [QUESTION, ANSWER | {"reasoning_content": "a"}]}, r".*: reasoning_content: 'a': not"),
        ({"messages": [QUESTION, ANSWER | {"thinking": "a"}]}, r"messages\[1\]: thinking: 'a': not supp"),
        (ALPACA | {"reasoning": "a"}, r"reasoning: 'a': not supported; put it into the answer, or remove"),
        ({"messages": [QUESTION | {"tool_call_id": "a"}, ANSWER]}, r".*: tool_call_id: 'a': tools are not"),
        (ALPACA | {"chosen": "a"}, r"chosen: 'a': answers are not compared; keep one and remove this key"),
        (ALPACA | {"rejected": [ANSWER]}, r"rejected: .*: answers are not compared"),
        ({"messages": [SYSTEM, ANSWER], "system": "x"}, r"system: 'x': messages begins with another"),
        (
            {"conversations": [{"from": "observation"}]},
            r"conversations\[0\]: from: 'observation': unknown; use",
        ),
        ({"messages": ["x"]}, r"messages\[0\]: 'x': give an object"),
        ({"messages": "x"}, r"messages: 'x': give a list"),
        (
            {"metin": "x", "ozet": "y", "id": 3},
            r"'id, metin, ozet': no conversation; give messages; instruction.*"
            r"columns, such as {user: metin, assistant: ozet}",
        ),
        (
            ALPACA | {"response": "İstanbul."},
            "output, response: each could be the answer; name one by `columns`, such as assistant: output",
        ),
        (
            {"prompt": "a", "question": "b", "answer": "c"},
            r"prompt, question: each could be the question; name one by `columns`, such as user: prompt",
        ),
        ([1, 2], "list, not an object"),
        (b'{"prompt": "x", ', "not JSON: Expecting .* at column 16; fix it"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (
            '{"prompt": "ş"}'.encode("iso-8859-9"),
            r"not UTF-8 at byte \d+; convert the file: iconv -f WINDOWS",
        ),
    ],
)
def test_read_conversations_invalid_row_is_one_line_that_names_it(tmp_path, line, message):
    with pytest.raises(UserError, match=r"rows\.jsonl:2: " + message) as error:
        read(tmp_path, {"messages": [QUESTION, ANSWER]}, line)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_read_conversations_of_an_array(tmp_path, monkeypatch):
    row = {"prompt": "Başkent neresi?", "response": "Ankara."}
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps([row, row], indent=2))
    assert len(list(read_conversations(path, Findings()))) == 2
    path.write_text(json.dumps([row, {"metin": "x"}]))
    with pytest.raises(UserError, match=r"alpaca\.json: object 2: 'metin': no conversation") as error:
        list(read_conversations(path, Findings()))
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    assert "alpaca.json: 2. nesne: 'metin': konuşma değil; " in translate(error.value.message)


def test_read_conversations_counts_parts_that_are_no_text(tmp_path):
    parts = [{"type": "image_url", "image_url": {}}, {"type": "text", "text": "Bu ne?"}, {"type": "audio"}]
    findings = Findings()
    (messages,) = read(
        tmp_path, {"messages": [{"role": "user", "content": parts}, ANSWER]}, findings=findings
    )
    assert messages[0]["content"] == "Bu ne?"
    assert findings.list_notes("a") == [
        "a: parts of messages that are no text, left out: audio 1, image_url 1"
    ]


@pytest.mark.parametrize("empty", ["", " \n", None, "\ud800", "\0\ufeff\u00a0"])
def test_read_conversations_leaves_messages_without_words_to_the_rules(tmp_path, empty):
    (messages,) = read(tmp_path, {"prompt": "x", "response": empty})
    assert messages == [{"role": "user", "content": "x"}, {"role": "assistant", "content": ""}]


COLUMNS = {"user": "{metin}\\n\\nSoru: {soru}", "assistant": "yanıt", "system": "{rol}"}


def test_read_conversations_fills_the_columns_that_people_name(tmp_path):
    findings = Findings()
    row = {
        "metin": "Kedi süt içti.",
        "soru": "Ne içti?",
        "yanıt": "Süt.",
        "rol": None,
        "puan": 3,
        "answer": "x",
    }
    path = write(tmp_path, row, row | {"rol": "Kısa konuş.", "yanıt": 7, "metin": None})
    first, second = read_conversations(path, findings, COLUMNS)
    assert [m["content"] for m in first] == ["Kedi süt içti.\n\nSoru: Ne içti?", "Süt."]
    assert [m["content"] for m in second] == ["Kısa konuş.", "\n\nSoru: Ne içti?", "7"]
    assert findings.columns == {"metin": "user", "soru": "user", "yanıt": "assistant", "rol": "system"}
    assert findings.ignored_keys == {"puan", "answer"}
    (third,) = list(read_conversations(write(tmp_path, {"soru": "x", "yanıt": "y"}), findings, COLUMNS))
    assert third[0]["content"] == "\n\nSoru: x"  # blank where a row lacks a column that others have
    fixed = {"user": "soru", "assistant": "yanıt", "system": "Kısa konuş."}
    (fourth,) = list(read_conversations(write(tmp_path, {"soru": "x", "yanıt": "y"}), Findings(), fixed))
    assert fourth[0] == {"role": "system", "content": "Kısa konuş."}
    with pytest.raises(
        UserError, match=r"rows\.jsonl:1: no column 'rol', which `columns` names; it has soru"
    ):
        list(read_conversations(write(tmp_path, {"soru": "x"}), Findings(), COLUMNS | {"user": "soru"}))


def test_prompts_of_messages_are_not_trained(tmp_path):
    row = {"prompt": [QUESTION, ANSWER, QUESTION], "completion": [ANSWER]}
    (messages,) = read(tmp_path, row)
    assert messages == [QUESTION, ANSWER | {"weight": "0"}, QUESTION, ANSWER]


def test_texts_that_are_json_lists_stay_texts(tmp_path):
    (messages,) = read(tmp_path, {"prompt": "[3, 1, 2]", "completion": "[1, 2, 3]"})
    assert [message["content"] for message in messages] == ["[3, 1, 2]", "[1, 2, 3]"]


def test_values_of_tables_are_text(tmp_path):
    row = {"soru": "Ne zaman?", "cevap": date(2024, 1, 2)}
    pq.write_table(pa.Table.from_pylist([row, row | {"cevap": None}]), tmp_path / "a.parquet")
    first, second = read_conversations(tmp_path / "a.parquet", Findings())
    assert (first[1]["content"], second[1]["content"]) == ("2024-01-02", "")
    (numbers,) = read(tmp_path, {"soru": "Kaç?", "cevap": 4})
    assert numbers[1]["content"] == "4"


def test_lists_of_prompt_and_completion_keep_their_system_message(tmp_path):
    row = {"system": "Kısa konuş.", "prompt": [QUESTION], "completion": [ANSWER]}
    assert read(tmp_path, row) == [[SYSTEM, QUESTION, ANSWER]]


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("soru,cevap,cevap\nKaç?,Üç,Dört\n")
    with pytest.raises(UserError, match=r"a\.csv: two columns are called 'cevap'; rename one"):
        list(read_conversations(tmp_path / "a.csv", Findings()))
    (tmp_path / "a.csv").write_text(",soru,cevap\n0,Kaç?,Üç\n")  # an index, as pandas writes it
    findings = Findings()
    assert len(list(read_conversations(tmp_path / "a.csv", findings))) == 1
    assert findings.list_notes("a") == []
