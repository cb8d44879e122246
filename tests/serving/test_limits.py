"""What the server refuses, and clients that leave, wait, or are slow. Every error has one shape."""

import json
import socket
import threading
import time

import pytest

from pipeline.inference.engine import Engine
from pipeline.serving import guards
from pipeline.serving.app import Limits
from tests.serving.conftest import CONTEXT

LONG = {"max_tokens": CONTEXT, "temperature": 1.0, "seed": 0}  # of which the random model does not soon end


def assert_error(response, status, message, code=None):
    """Assert that a response is an error in the one shape."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert message in error["message"], error
    assert "\n" not in error["message"]
    if code:
        assert error["code"] == code


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": []}, "messages: List should have at least 1 item"),
        ({"messages": [{"role": "papağan", "content": "x"}]}, "messages.0.role: Input should be 'system'"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "the last one must be of role user"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"temperature": -1}, "temperature: Input should be greater than or equal to 0"),
        ({"top_p": 0}, "top_p"),
        ({"n": 2}, "n: Input should be 1"),
        ({"stop": ""}, "stop: give up to 16 strings of 1 to 1,000 characters"),
        ({"frequency_penalty": 0.5}, "frequency_penalty: not supported; use repetition_penalty"),
        ({"tools": [{}]}, "tools: not supported; leave it out"),
        ({"logit_bias": {"5": 100}}, "logit_bias: not supported"),
        ({"best_of": 3}, "best_of: not supported"),
        ({"echo": True}, "echo: not supported"),
        ({"stop": ["\u0000"]}, "stop: give up to 16 strings of 1 to 1,000 characters"),
        ({"stop": "q " * 501}, "stop: give up to 16 strings of 1 to 1,000 characters"),
        (
            {"messages": [{"role": "user", "content": "a" * 5000}]},
            "more than 1,000 characters without a space",
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"response_format": {"type": "json_schema"}}, "response_format: json_schema is missing"),
        (
            {"messages": [{"role": "user", "content": "\ud800"}]},
            "messages.0.content: Input should be a valid str",
        ),
        ({"stop": ["a", "\ud800"]}, "stop: Input should be a valid string"),
    ],
)
def test_a_wrong_request_is_one_line(server, body, message):
    ask = {"messages": [{"role": "user", "content": "a"}]} | body
    response = server.client.post(
        "/v1/chat/completions", content=json.dumps(ask), headers={"Content-Type": "application/json"}
    )
    assert_error(response, 400, message)


def test_unknown_model_path_and_method(server):
    assert_error(server.chat(model="gpt-5"), 404, "'gpt-5': no such model; there are sft, base")
    assert_error(server.post("/v1/embeddings", model="sft", input="a"), 404, "no such encoder")
    assert_error(server.client.get("/v1/nothing"), 404, "Not Found")
    assert_error(server.client.get("/v1/chat/completions"), 405, "Method Not Allowed")
    assert_error(
        server.post("/v1/embeddings", input="a", dimensions=3), 400, "dimensions: this encoder has 32"
    )


def test_a_body_that_is_no_json_and_one_of_ten_megabytes(server):
    headers = {"Content-Type": "application/json"}
    assert_error(server.client.post("/v1/completions", content=b"{", headers=headers), 400, "no JSON")
    huge = b'{"prompt": "' + b"a" * 10_000_000 + b'"}'
    response = server.client.post("/v1/completions", content=huge, headers=headers)
    assert_error(response, 413, "more than 4,000,000 bytes", "body_too_large")
    chunks = (huge[start : start + 65536] for start in range(0, len(huge), 65536))  # of unknown length
    response = server.client.post("/v1/completions", content=chunks, headers=headers)
    assert_error(response, 413, "more than 4,000,000 bytes", "body_too_large")


def test_a_schema_that_cannot_be_met(server):
    pytest.importorskip("llguidance")
    schema = {"type": "string", "minLength": 5, "maxLength": 2}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    assert_error(server.chat(response_format=wanted), 400, "schema: Unsatisfiable schema")
    assert_error(server.chat(response_format={"type": "regex", "pattern": "(a"}), 400, "regex: ")
    for schema in ({"enum": ["\ud800"]}, {"const": float("nan")}):
        body = {"messages": [{"role": "user", "content": "a"}]}
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        response = server.client.post(
            "/v1/chat/completions", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert_error(response, 400, "")


def test_text_that_spells_a_special_token_harms_nobody(server):
    pytest.importorskip("llguidance")
    answers = []
    other = threading.Thread(target=lambda: answers.append(server.chat(max_tokens=60, temperature=1.0)))
    other.start()
    for pattern in ("<s>", "</s>", "<unk>"):
        response = server.chat(response_format={"type": "regex", "pattern": pattern})
        assert response.json()["choices"][0]["message"]["content"] == pattern
    other.join()
    assert answers[0].status_code == 200


def test_a_prompt_that_fills_the_context(server):
    response = server.post("/v1/completions", prompt="gün " * 400)
    assert_error(response, 400, f"base reads {CONTEXT}".replace("base", "sft"), "context_length_exceeded")


def test_another_web_site_may_not_ask(server):
    for headers, code in (
        ({"Host": "evil.example"}, "unknown_host"),
        ({"Host": "evil.example:80"}, "unknown_host"),
        ({"Host": "evil]"}, "unknown_host"),
        ({"Host": "[::2]:80"}, "unknown_host"),
        ({"Origin": "https://evil.example"}, "other_origin"),
        ({"Origin": "null"}, "other_origin"),
    ):
        assert_error(server.client.get("/v1/models", headers=headers), 403, "", code)
    for host in ("LOCALHOST:80", "localhost.", "[::1]:80"):
        assert server.client.get("/v1/models", headers={"Host": host}).status_code == 200
    same = {"Origin": server.url}
    response = server.client.get("/v1/models", headers=same)
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_simple_form_of_a_browser_is_no_request(server):
    response = server.client.post(
        "/v1/chat/completions", content='{"messages": []}', headers={"Content-Type": "text/plain"}
    )
    assert_error(response, 400, "send it with Content-Type: application/json")


def test_token_is_asked_for(start_server):
    server = start_server(token="sir-123")
    assert_error(server.client.get("/v1/models"), 401, "give this server's token", "invalid_token")
    wrong = server.client.get("/v1/models", headers={"Authorization": "Bearer sir-124"})
    assert_error(wrong, 401, "give this server's token")
    headers = {"Authorization": "Bearer sir-123"}
    assert server.client.get("/v1/models", headers=headers).status_code == 200
    headers = {"Authorization": "bearer sir-123"}
    assert server.client.get("/v1/models", headers=headers).status_code == 200
    assert server.client.get("/health").status_code == 200


def slow_down(monkeypatch, seconds=0.02):
    """Let every step of an engine take a while."""
    step = Engine.step

    def slow_step(engine):
        time.sleep(seconds)
        return step(engine)

    monkeypatch.setattr(Engine, "step", slow_step)


def test_queue_is_bounded(start_server, monkeypatch):
    server = start_server(Limits(max_waiting=2), slots=1)
    slow_down(monkeypatch)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(server.chat(**LONG).status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200, 200, 200, 429, 429, 429]
    server.wait_until_idle()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_slot_within_a_second(server, monkeypatch, stream):
    slow_down(monkeypatch)
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"messages": [{"role": "user", "content": "a"}], "stream": stream} | LONG).encode()
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        end = time.monotonic() + 5
        while not server.health()["running"]:
            assert time.monotonic() < end
    server.wait_until_idle(1.0)


def test_an_answer_that_takes_too_long_ends(start_server, monkeypatch):
    server = start_server(Limits(seconds=0.3))
    slow_down(monkeypatch)
    assert_error(server.chat(**LONG), 504, "more than 0.3 seconds", "too_slow")
    with server.client.stream(
        "POST",
        "/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "a"}], "stream": True} | LONG,
    ) as response:
        last = [line for line in response.iter_lines() if line][-1]
    assert "more than 0.3 seconds" in json.loads(last.removeprefix("data: "))["error"]["message"]
    server.wait_until_idle(1.0)


def test_a_client_that_sends_a_byte_a_second_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.3)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n{")
        assert b" 408 " in connection.recv(65536)


def test_a_client_that_reads_nothing_holds_no_slot(start_server):
    server = start_server(slots=1)
    host, port = server.url.removeprefix("http://").split(":")
    ask = {
        "messages": [{"role": "user", "content": "a"}],
        "stream": True,
        "logprobs": True,
        "top_logprobs": 20,
    }
    body = json.dumps(ask | LONG).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect((host, int(port)))
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        time.sleep(0.2)
        assert server.chat("b", max_tokens=2).status_code == 200
        server.wait_until_idle()


def test_an_engine_that_breaks_answers_with_500_and_goes_on(server, monkeypatch):
    step = Engine.step

    def broken_step(engine):
        monkeypatch.setattr(Engine, "step", step)
        raise RuntimeError("a bug\nof two lines")

    monkeypatch.setattr(Engine, "step", broken_step)
    assert_error(server.chat(max_tokens=2), 500, "RuntimeError: a bug of two lines", "internal_error")
    assert server.chat(max_tokens=2).status_code == 200
    server.wait_until_idle()


def test_many_clients_at_once_all_get_their_own_answers(server):
    def ask(number):
        response = server.chat(f"{number}. soru", max_tokens=10, seed=number, temperature=1.0)
        answers[number] = response.json()["choices"][0]["message"]["content"]

    alone, answers = {}, {}
    for number in range(12):
        ask(number)
    alone = dict(answers)
    answers.clear()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == alone
