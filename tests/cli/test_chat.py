import json
import os
import subprocess
import sys

import pytest

from pipeline.cli import chat as terminal
from pipeline.cli.chat import Chat, command, speak
from pipeline.cli.infer import open_model
from pipeline.common.errors import UserError
from pipeline.sft.data import read_conversations
from pipeline.tokenizer.chat_template import prompt_ids
from tests.helpers.paths import ROOT


@pytest.fixture
def chat(model_folders):
    model, tokenizer = open_model(model_folders / "sft", "cpu")
    return Chat(model, tokenizer, max_new_tokens=2)


def test_the_conversation_is_kept(chat):
    first = "".join(chat.answer("a"))
    assert [message["content"] for message in chat.messages] == ["a", first]
    assert chat.prompt() == prompt_ids(chat.tokenizer, chat.messages)
    chat.messages.append({"role": "user", "content": "Go\u0308l"})
    assert len(chat.prompt()) > 4


def test_the_oldest_exchanges_are_left_out_and_the_system_message_is_not(chat):
    chat.system = "k"
    for _ in range(6):
        "".join(chat.answer("a"))
    chat.messages.append({"role": "user", "content": "son"})
    ids = chat.prompt()
    assert len(ids) <= chat.model.context - 2
    assert ids[:4] == prompt_ids(chat.tokenizer, [{"role": "system", "content": "k"}])[:4]
    last = prompt_ids(chat.tokenizer, [{"role": "user", "content": "son"}])[1:]  # without <s>
    assert ids[-len(last) :] == last
    assert len(ids) > 4 + len(last)  # what fits of the exchanges before is there


def test_a_message_that_is_too_long_is_refused_and_forgotten(chat):
    with pytest.raises(UserError, match=r"message: \d+ tokens leave no room .* reads 24; shorten it"):
        "".join(chat.answer("Van Gölü " * 30))
    assert chat.messages == []


def test_an_answer_that_is_stopped_stays_as_far_as_it_was_said(chat, monkeypatch, capsys):
    def interrupted(*_, **__):
        yield "Van"
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "stream", interrupted)
    speak(chat, "a")
    assert capsys.readouterr().out == "Van …\n"
    assert chat.messages[-1] == {"role": "assistant", "content": "Van"}


def test_commands(chat, tmp_path, capsys):
    "".join(chat.answer("a"))
    saved = tmp_path / "konuşma.jsonl"
    assert command(chat, "/sistem Kısa.")
    assert chat.system == "Kısa."
    assert chat.messages == []
    answer = "".join(chat.answer("b"))
    assert command(chat, f"/kaydet {saved}")
    assert command(chat, f"/kaydet {saved}")
    rows = list(read_conversations(saved))
    assert [message["content"] for message in rows[0]] == ["Kısa.", "b", answer]
    assert rows[0] == rows[1]
    assert command(chat, "/sıcaklık 0,5")
    assert chat.how.temperature == 0.5
    assert command(chat, "/yeni")
    assert chat.messages == []
    assert chat.system == "Kısa."
    assert command(chat, "/sistem")
    assert chat.system is None
    assert command(chat, "/yardım")
    assert "/kaydet" in capsys.readouterr().err
    assert not command(chat, "/çık")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/yen", "/yen: no such command; /yardım names them"),
        ("/sıcaklık sıcak", "/sıcaklık: 'sıcak': give a number from 0 up, such as 0.7"),
        ("/sıcaklık -1", "/sıcaklık: '-1': give a number"),
        ("/kaydet", "/kaydet: which file?"),
        ("/kaydet x", "/kaydet: nothing has been said yet"),
    ],
)
def test_a_command_that_means_nothing_is_refused(chat, line, says):
    with pytest.raises(UserError, match=says.replace("?", r"\?")):
        command(chat, line)


def test_what_is_saved_has_answers_and_lines_of_its_own(chat, tmp_path):
    file = tmp_path / "k.jsonl"
    file.write_text('{"messages": []}', encoding="utf-8")  # without an end of line
    for question, answer in (("a", "Evet."), ("b", " "), ("c", "")):
        chat.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    command(chat, f"/kaydet {file}")
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first == {"messages": []}
    assert [message["content"] for message in second["messages"]] == ["a", "Evet."]
    chat.messages = chat.messages[2:]
    with pytest.raises(UserError, match="nothing has been said yet"):
        command(chat, f"/kaydet {file}")


def test_a_system_message_is_composed_and_one_that_is_too_long_refused(chat):
    chat.system = "go\u0308l"
    assert chat.opening()[0]["content"] == "göl"
    with pytest.raises(UserError, match=r"system message: \d+ tokens, more than half of the 24"):
        command(chat, "/sistem " + "Van Gölü " * 30)
    assert chat.system == "go\u0308l"


def test_input_that_is_no_utf_8_is_one_line(model_folders):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "chat", "--model", str(model_folders / "sft")],
        input=b"a\n\xfe\xff\n",
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict", "TEZGAH_LANG": ""},
    )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1].startswith("error: input: not UTF-8 at byte ")


def test_a_file_that_cannot_be_written_is_named(chat, tmp_path):
    "".join(chat.answer("a"))
    with pytest.raises(UserError, match="Is a directory; name a file that can be written"):
        command(chat, f"/kaydet {tmp_path}")


def test_a_piped_conversation(model_folders, tmp_path):
    lines = f"a\n\n/nedir\nb\n/kaydet {tmp_path}/k.jsonl\n/çık\nc\n"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "chat", "--model", str(model_folders / "sft")],
        input=lines,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "error: /nedir: no such command" in done.stderr
    assert f"{model_folders / 'sft'}: qwen3, " in done.stderr
    (row,) = map(json.loads, (tmp_path / "k.jsonl").read_text(encoding="utf-8").splitlines())
    said = [message["content"] for message in row["messages"]]
    assert said[0] == "a"
    assert said[2] == "b"
    assert done.stdout == f"{said[1]}\n{said[3]}\n"
