"""`tezgah chat`: conversations and commands."""

import json
import os
import subprocess
import sys

import pytest

from pipeline.cli import chat as chat_module
from pipeline.cli.chat import Chat, print_answer, run_command
from pipeline.cli.infer import open_model
from pipeline.common.errors import UserError
from pipeline.inference import engine
from pipeline.inference.streaming import CUT_MARK
from pipeline.model.decoder import Decoder
from pipeline.sft.conversations import read_conversations
from pipeline.sft.findings import Findings
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.special import END_OF_TURN
from tests.helpers.factories import tiny_model_params
from tests.helpers.paths import ROOT
from tests.helpers.small import ByteTokenizer


@pytest.fixture
def chat(model_folders):
    model, tokenizer = open_model(model_folders / "sft", "cpu")
    return Chat(model, tokenizer, max_new_tokens=2)


def test_answer_is_added_to_the_conversation(chat):
    first = "".join(chat.answer("a"))
    assert [message["content"] for message in chat.messages] == ["a", first.removesuffix(CUT_MARK)]
    assert chat.prompt_ids() == chat.tokenizer.encode_prompt(chat.messages)
    chat.messages.append({"role": "user", "content": "Go\u0308l"})
    assert len(chat.prompt_ids()) > 4


def test_prompt_ids_leave_out_the_oldest_exchanges_and_keep_the_system_message(chat):
    chat.system = "k"
    for _ in range(6):
        "".join(chat.answer("a"))
    chat.messages.append({"role": "user", "content": "son"})
    ids = chat.prompt_ids()
    assert len(ids) <= chat.model.context - 2
    assert ids[:4] == chat.tokenizer.encode_prompt([{"role": "system", "content": "k"}])[:4]
    last = chat.tokenizer.encode_prompt([{"role": "user", "content": "son"}])[1:]  # without <s>
    assert ids[-len(last) :] == last
    assert len(ids) > 4 + len(last)  # earlier exchanges that fit are in it


@pytest.fixture
def wide_chat():
    """A conversation with a model that reads 256 bytes."""
    return Chat(Decoder(tiny_model_params(context=256), ByteTokenizer.vocab_size), ByteTokenizer())


def say(monkeypatch, text):
    """Let the model say `text` and end its turn."""
    ids = iter([*ByteTokenizer().encode(text), END_OF_TURN])
    monkeypatch.setattr(engine, "sample_token", lambda *_: next(ids))


def test_answer_of_200_tokens_is_not_cut_where_the_context_has_room(wide_chat, monkeypatch):
    story = "Bir varmış. " * 14
    assert 128 < len(story.encode()) < 200
    say(monkeypatch, story)
    assert "".join(wide_chat.answer("Anlat")) == story
    assert wide_chat.messages[-1]["content"] == story


@pytest.mark.parametrize(("limit", "letters"), [(None, (256 - 9) // 2), (7, 3)])
def test_answer_that_is_cut_off_ends_in_a_mark_that_the_conversation_lacks(
    wide_chat, monkeypatch, limit, letters
):
    wide_chat.max_new_tokens = limit
    say(monkeypatch, "ş" * 200)  # two bytes each
    assert list(wide_chat.answer("Anlat")) == ["ş"] * letters + [" …"]
    assert [message["content"] for message in wide_chat.messages] == ["Anlat", "ş" * letters]


def test_prompt_ids_leave_half_of_the_context_for_the_answer_and_a_quarter_after_a_long_message(wide_chat):
    for _ in range(4):
        wide_chat.messages += [
            {"role": "user", "content": "a" * 20},
            {"role": "assistant", "content": "b" * 20},
        ]
    wide_chat.messages.append({"role": "user", "content": "son"})
    assert 256 // 2 - 45 < len(wide_chat.prompt_ids()) <= 256 // 2 + 1
    wide_chat.max_new_tokens = 10
    assert len(wide_chat.prompt_ids()) > 160
    wide_chat.max_new_tokens = None
    wide_chat.messages[-1]["content"] = "a" * 180
    assert len(wide_chat.prompt_ids()) == 184  # the message alone
    wide_chat.messages[-1]["content"] = "a" * 189
    with pytest.raises(UserError, match="message: 193 tokens leave no room"):
        wide_chat.prompt_ids()


def test_answer_refuses_and_forgets_a_message_that_is_too_long(chat):
    with pytest.raises(UserError, match=r"message: \d+ tokens leave no room .* reads 24; shorten it"):
        "".join(chat.answer("Van Gölü " * 30))
    assert chat.messages == []


def test_print_answer_keeps_the_part_of_an_interrupted_answer(chat, monkeypatch, capsys):
    def interrupted(*_, **__):
        yield "Van"
        raise KeyboardInterrupt

    monkeypatch.setattr(chat_module, "stream", interrupted)
    print_answer(chat, "a")
    assert capsys.readouterr().out == "Van …\n"
    assert chat.messages[-1] == {"role": "assistant", "content": "Van"}


def test_run_command_carries_out_every_command(chat, tmp_path, capsys, monkeypatch):
    said = chat.tokenizer.encode("a")[0]
    monkeypatch.setattr(engine, "sample_token", lambda *_: said)
    "".join(chat.answer("a"))
    saved = tmp_path / "konuşma.jsonl"
    assert run_command(chat, "/sistem Kısa.")
    assert chat.system == "Kısa."
    assert chat.messages == []
    answer = "".join(chat.answer("Ankara"))
    assert run_command(chat, f"/kaydet {saved}")
    assert run_command(chat, f"/kaydet {saved}")
    rows = list(read_conversations(saved, Findings()))
    assert [message["content"] for message in rows[0]] == ["Kısa.", "Ankara", answer.removesuffix(CUT_MARK)]
    assert rows[0] == rows[1]
    assert run_command(chat, "/sıcaklık 0,5")
    assert chat.sampling.temperature == 0.5
    assert run_command(chat, "/yeni")
    assert chat.messages == []
    assert chat.system == "Kısa."
    assert run_command(chat, "/sistem")
    assert chat.system is None
    assert run_command(chat, "/yardım")
    assert "/kaydet" in capsys.readouterr().err
    assert not run_command(chat, "/çık")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/yen", "/yen: no such command; /yardım names them"),
        ("/sıcaklık sıcak", "/sıcaklık: 'sıcak': give a number from 0 up, such as 0.7"),
        ("/sıcaklık -1", "/sıcaklık: '-1': give a number"),
        ("/kaydet", "/kaydet: which file?"),
        ("/kaydet x", "/kaydet: nothing has been said yet"),
    ],
)
def test_run_command_refuses_an_invalid_command(chat, line, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        run_command(chat, line)


def test_save_appends_answered_exchanges_on_a_new_line(chat, tmp_path):
    file = tmp_path / "k.jsonl"
    file.write_text('{"messages": []}', encoding="utf-8")  # without an end of line
    for question, answer in (("a", "Evet."), ("b", " "), ("c", "")):
        chat.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    run_command(chat, f"/kaydet {file}")
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first == {"messages": []}
    assert [message["content"] for message in second["messages"]] == ["a", "Evet."]
    chat.messages = chat.messages[2:]
    with pytest.raises(UserError, match="nothing has been said yet"):
        run_command(chat, f"/kaydet {file}")


def test_saved_conversations_are_read_again_whatever_the_model_said(chat, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for question, answer in (("a", "\x13"), ("b", "\x13Evet\u00a0ya.\ufeff")):
        chat.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    run_command(chat, "/kaydet ~/k.jsonl")
    (row,) = read_conversations(tmp_path / "k.jsonl", Findings())
    assert [message["content"] for message in row] == ["b", "Evet ya."]


def test_answer_reads_a_message_in_the_form_of_training_text(chat):
    plain = "".join(chat.answer("Bir göl"))
    for version in ("Bir go\u0308l", "Bir\u00a0göl", "Bir\tgöl \n", "\ufeffBir göl\0"):
        chat.restart()
        assert "".join(chat.answer(version)) == plain
    chat.messages.append({"role": "user", "content": "Bir göl "})
    messages = [*chat.messages[:-1], {"role": "user", "content": "Bir göl"}]
    assert chat.prompt_ids() == chat.tokenizer.encode_prompt(messages)


def test_system_message_is_normalized_and_refused_if_too_long(chat):
    chat.system = "go\u0308l"
    assert chat.system_messages()[0]["content"] == "göl"
    with pytest.raises(UserError, match=r"system message: \d+ tokens, more than half of the 24"):
        run_command(chat, "/sistem " + "Van Gölü " * 30)
    assert chat.system == "go\u0308l"


def test_command_chat_names_input_that_is_not_utf_8(model_folders):
    completed = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "chat", "--model", str(model_folders / "sft")],
        input=b"a\n\xfe\xff\n",
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict", "TEZGAH_LANG": ""},
    )
    assert completed.returncode == 1
    assert completed.stderr.decode().splitlines()[-1].startswith("error: input: not UTF-8 at byte ")


def test_message_of_several_lines(monkeypatch):
    typed = iter(["bir \\", "iki\\", " üç ", "dört\\"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed, None) or raise_end())
    assert chat_module.read_message() == "bir \niki\n üç"
    assert chat_module.read_message() == "dört"
    assert chat_module.read_message() is None


def raise_end():
    raise EOFError


def test_save_names_a_file_that_cannot_be_written(chat, tmp_path):
    "".join(chat.answer("a"))
    with pytest.raises(UserError, match="Is a directory; name a file that can be written"):
        run_command(chat, f"/kaydet {tmp_path}")


def test_command_chat_reads_a_piped_conversation(model_folders, tmp_path):
    lines = f"a\n\n/nedir\nb\n/kaydet {tmp_path}/k.jsonl\n/çık\nc\n"
    completed = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "chat", "--model", str(model_folders / "sft")],
        input=lines,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert completed.returncode == 0, completed.stderr
    assert "error: /nedir: no such command" in completed.stderr
    assert f"{model_folders / 'sft'}: qwen3, " in completed.stderr
    (row,) = map(json.loads, (tmp_path / "k.jsonl").read_text(encoding="utf-8").splitlines())
    contents = [message["content"] for message in row["messages"]]
    assert contents[0] == "a"
    assert contents[2] == "b"
    assert normalize_text(completed.stdout).replace(CUT_MARK, "") == f"{contents[1]}\n{contents[3]}\n"
