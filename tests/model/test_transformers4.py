"""The stock formats open in transformers 4 too, which has an environment of its own (`make test-all`)."""

import json
import re
import subprocess

import pytest
import torch

from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from tests.helpers.factories import tiny_model_params

PROGRAM = """
import json, sys, torch, transformers
assert transformers.__version__.startswith("4.")
folder, text, chat = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
ids = tokenizer(text)["input_ids"]
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0, -1].tolist()
generated = model.generate(**tokenizer(text, return_tensors="pt"), max_new_tokens=3, do_sample=False)
literal = tokenizer("<s> <|end|>", split_special_tokens=True)["input_ids"]
print(json.dumps({
    "ids": ids, "logits": logits, "chat": tokenizer.apply_chat_template(chat), "literal": literal,
    "generated": generated[0].tolist(), "max_length": tokenizer.model_max_length,
}))
"""
CHAT = [{"role": "user", "content": "Merhaba!"}, {"role": "assistant", "content": "İyi günler."}]


@pytest.fixture
def python(root):
    """The interpreter that has transformers 4."""
    python = root / ".venv-transformers4/bin/python"
    if not python.exists():
        pytest.skip("no .venv-transformers4; `make test-all` makes it")
    return python


def make_folder(folder, tokenizer, arch):
    """Write a small random model, and return it."""
    params = tiny_model_params(arch=arch, width=64, heads=4, ffn=96, context=48, rope_theta=500.0)
    model = Decoder(params, tokenizer.vocab_size)
    initialize(model, 0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.1
    save_decoder(folder, model.eval(), tokenizer.folder)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "README.tr.md"])
def test_the_python_of_the_readme_runs_in_transformers_4(python, root, tokenizer, tmp_path, page):
    (tmp_path / "models").mkdir()
    make_folder(tmp_path / "models/sft", tokenizer, "qwen3")
    (program,) = re.findall(
        r"```python\n(from transformers .*?)```", (root / page).read_text(encoding="utf-8"), re.S
    )
    process = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("<s><|user|>Ankara hangi bölgededir?<|end|><|assistant|>")


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["qwen3", "llama"])
def test_save_decoder_transformers_4_computes_the_same_logits(python, tokenizer, tmp_path, arch):
    model = make_folder(tmp_path, tokenizer, arch)
    text = "Iğdır'ın ışığı; iki  boşluk\nve satır 🙂"
    process = subprocess.run(
        [python, "-c", PROGRAM, tmp_path, text, json.dumps(CHAT)], capture_output=True, text=True, check=True
    )
    theirs = json.loads(process.stdout)
    ids = [1, *tokenizer.encode(text)]
    assert theirs["ids"] == ids
    assert theirs["generated"][: len(ids)] == ids
    assert theirs["literal"] == [1, *tokenizer.encode("<s> <|end|>")]
    assert theirs["max_length"] == 48
    assert theirs["chat"] == tokenizer.encode_conversation(CHAT)[0]
    with torch.no_grad():
        ours = model(torch.tensor([ids]))[0, -1]
    assert (ours - torch.tensor(theirs["logits"])).abs().max() < 1e-4
