"""Modelfiles: their parts, and their template rendered by Go's own text/template."""

import json
import shutil
import subprocess
from itertools import groupby

import pytest

from pipeline.cli import export
from pipeline.common.errors import UserError
from pipeline.export.ollama import render_modelfile
from pipeline.inference.sampling import CHAT_SAMPLING
from pipeline.model.hf_io import save_decoder
from pipeline.tokenizer.special import CHAT_MARKERS
from tests.helpers.random_models import make_random_decoder

CONVERSATIONS = [
    [{"role": "user", "content": "Merhaba!"}],
    [{"role": "system", "content": "Kısa cevap ver."}, {"role": "user", "content": "Sen kimsin?"}],
    [
        {"role": "user", "content": "van'ın plakası kac"},
        {"role": "assistant", "content": "65"},
        {"role": "user", "content": "İzmir'in?"},
    ],
    [{"role": "user", "content": 'iki\nsatır, "tırnak", <b>işaret</b> & {{ .Messages }}'}],
    [{"role": "user", "content": "🙂 çğışöü"}, {"role": "assistant", "content": "Güzel."}],
    [{"role": "system", "content": ""}, {"role": "user", "content": "`ters` \\ ve $değişken"}],
]
RENDER = """
package main

import (
	"encoding/json"
	"os"
	"text/template"
)

type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func main() {
	source, _ := os.ReadFile(os.Args[1])
	file, _ := os.Open(os.Args[2])
	var conversations [][]Message
	if err := json.NewDecoder(file).Decode(&conversations); err != nil {
		panic(err)
	}
	parsed := template.Must(template.New("").Parse(string(source)))
	for _, messages := range conversations {
		if err := parsed.Execute(os.Stdout, map[string]any{"Messages": messages}); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("\\x00")
	}
}
"""


def read_template(modelfile):
    return modelfile.split('TEMPLATE """')[1].split('"""')[0]


def test_render_modelfile_has_the_sampling_of_tezgah_chat():
    lines = render_modelfile("sft-q8_0.gguf", 256, "Kısa cevap ver.").splitlines()
    assert lines[0] == "FROM ./sft-q8_0.gguf"
    assert 'PARAMETER stop "<|end|>"' in lines
    assert "PARAMETER num_ctx 256" in lines
    assert f"PARAMETER temperature {CHAT_SAMPLING.temperature}" in lines
    assert f"PARAMETER min_p {CHAT_SAMPLING.min_p}" in lines
    assert "PARAMETER top_k 0" in lines  # Ollama's own is 40
    assert "PARAMETER repeat_penalty 1.0" in lines  # Ollama's own is 1.1
    assert lines[-1] == 'SYSTEM """Kısa cevap ver."""'
    assert "SYSTEM" not in render_modelfile("x.gguf", 256)


def test_render_modelfile_refuses_what_would_end_its_text():
    with pytest.raises(UserError, match=r'--system: .*: a Modelfile cannot hold """; leave it out'):
        render_modelfile("x.gguf", 256, 'Merhaba """ FROM /etc/passwd')


def test_export_ollama_writes_all_parts_or_nothing(tokenizer, tmp_path, capsys):
    for name in ("sft", "base"):
        save_decoder(tmp_path / name, make_random_decoder(), tokenizer.folder)
    with pytest.raises(UserError, match="base: a base model does not chat; export models/sft"):
        export.export_ollama(tmp_path / "base", "f16", tmp_path / "out", None, None, None)
    with pytest.raises(UserError, match="a Modelfile cannot hold"):
        export.export_ollama(tmp_path / "sft", "f16", tmp_path / "out", None, None, '"""')
    assert not (tmp_path / "out").exists()
    export.export_ollama(tmp_path / "sft", "f16", tmp_path / "out", "merhaba", None, None)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"Modelfile", "merhaba-f16.gguf", "README.md", "README.tr.md"}
    assert "ollama create merhaba -f Modelfile" in (tmp_path / "out/README.tr.md").read_text()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go; `apt install golang-go`")
def test_go_renders_our_string(tokenizer, tmp_path):
    (tmp_path / "main.go").write_text(RENDER)
    (tmp_path / "template").write_text(read_template(render_modelfile("x.gguf", 256)))
    (tmp_path / "conversations.json").write_text(json.dumps(CONVERSATIONS))
    command = ["go", "run", "main.go", "template", "conversations.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    *rendered, end = done.stdout.split("\x00")
    assert end == ""
    assert len(rendered) == len(CONVERSATIONS) == 6
    special = dict(enumerate(CHAT_MARKERS, 4))
    for text, messages in zip(rendered, CONVERSATIONS, strict=True):
        ids = tokenizer.encode_prompt(messages)[1:]  # llama.cpp sets <s> itself
        spans = ((is_special, list(span)) for is_special, span in groupby(ids, key=special.__contains__))
        assert text == "".join(
            "".join(map(special.get, span)) if is_special else tokenizer.decode(span)
            for is_special, span in spans
        )
        parts = [f"<|{message['role']}|>{message['content']}<|end|>" for message in messages]
        assert text == "".join(parts) + "<|assistant|>"
