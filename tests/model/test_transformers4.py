"""The stock formats open in transformers 4 too, which has an environment of its own (`make test-all`)."""

import json
import subprocess

import pytest
import torch

from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from pipeline.tokenizer.chat_template import encode_conversation
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
print(json.dumps({"ids": ids, "logits": logits, "chat": tokenizer.apply_chat_template(chat)}))
"""
CHAT = [{"role": "user", "content": "Merhaba!"}, {"role": "assistant", "content": "İyi günler."}]


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["qwen3", "llama"])
def test_save_decoder_transformers_4_computes_the_same_logits(root, tokenizer, tmp_path, arch):
    python = root / ".venv-transformers4/bin/python"
    if not python.exists():
        pytest.skip("no .venv-transformers4; `make test-all` makes it")
    params = tiny_model_params(arch=arch, width=64, heads=4, ffn=96, context=48, rope_theta=500.0)
    model = Decoder(params, tokenizer.vocab_size)
    initialize(model, 0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.1
    save_decoder(tmp_path, model.eval(), tokenizer.folder)
    text = "Iğdır'ın ışığı; iki  boşluk\nve satır 🙂"
    process = subprocess.run(
        [python, "-c", PROGRAM, tmp_path, text, json.dumps(CHAT)], capture_output=True, text=True, check=True
    )
    theirs = json.loads(process.stdout)
    ids = [1, *tokenizer.encode(text)]
    assert theirs["ids"] == ids
    assert theirs["chat"] == encode_conversation(tokenizer, CHAT)[0]
    with torch.no_grad():
        ours = model(torch.tensor([ids]))[0, -1]
    assert (ours - torch.tensor(theirs["logits"])).abs().max() < 1e-4
