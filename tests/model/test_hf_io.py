"""Decoder folders against transformers, and their errors."""

import json
import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.common.errors import UserError
from pipeline.inference.generate import generate
from pipeline.model.hf_folder import load_weights
from pipeline.model.hf_io import load_decoder, save_decoder
from tests.helpers.random_models import make_random_decoder

SHAPES = {
    "qwen3": {},
    "qwen3-gqa-untied-wide-heads": {"kv_heads": 2, "head_dim": 24, "tie_embeddings": False},
    "llama": {"arch": "llama"},
    "llama-gqa": {"arch": "llama", "kv_heads": 1, "rope_theta": 500.0},
}


@pytest.fixture(scope="module", params=SHAPES)
def saved(request, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = make_random_decoder(**SHAPES[request.param])
    save_decoder(folder, model, tokenizer.folder)
    return model, folder


def test_save_decoder_transformers_computes_the_same_logits(saved):
    model, folder = saved
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.randint(0, 480, (3, 48))
    with torch.no_grad():
        assert (stock(ids).logits - model(ids)).abs().max() < 1e-4


def test_save_decoder_transformers_generates_the_same_tokens(saved):
    model, folder = saved
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompt = [1, 300, 301, 17]
    theirs = stock.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)[0, 4:].tolist()
    ours = generate(model, [prompt], max_new_tokens=20, stop_ids={2, 7})[0]
    assert [i for i in theirs if i not in (2, 7)] == ours
    assert stock.generation_config.eos_token_id == [2, 7]
    assert stock.generation_config.suppress_tokens == [0, 1, 3]


def test_save_decoder_transformers_generates_from_a_text(saved):
    model, folder = saved
    tokenizer = AutoTokenizer.from_pretrained(folder)
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = tokenizer("Iğdır'ın ışığı", return_tensors="pt")
    assert set(inputs) == {"input_ids", "attention_mask"}
    assert tokenizer.model_max_length == model.params.context
    ids = stock.generate(**inputs, max_new_tokens=5, do_sample=False)[0]
    assert ids.shape[0] > inputs["input_ids"].shape[1]


def test_the_python_of_the_readme_runs(root, tokenizer, tmp_path, monkeypatch, capsys):
    save_decoder(tmp_path / "models/sft", make_random_decoder(), tokenizer.folder)
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(
        r"```python\n(from transformers .*?)```", (root / "README.md").read_text(encoding="utf-8"), re.S
    )
    exec(program, {})
    assert capsys.readouterr().out.startswith("<s><|user|>Ankara hangi bölgededir?<|end|><|assistant|>")


def test_load_decoder_restores_what_save_decoder_wrote(saved):
    model, folder = saved
    again = load_decoder(folder)
    assert again.params == model.params
    for (name, ours), theirs in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_save_decoder_writes_stock_files(saved):
    model, folder = saved
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert ("lm_head.weight" in file.keys()) == (not model.params.tie_embeddings)  # noqa: SIM118
    config = json.loads((folder / "config.json").read_text())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == model.params.rope_theta


def test_load_weights_refuses_another_architecture(saved, tmp_path):
    model, _ = saved
    other = make_random_decoder(width=32, head_dim=8)
    with pytest.raises(
        UserError, match=r"weights of another architecture: .* is .*, its configuration means"
    ):
        load_weights(model, dict(other.state_dict()), tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "model_type: 'gpt2'"),
        ({"hidden_size": "wide"}, "hidden_size: .wide.: not a whole number"),
    ],
)
def test_load_decoder_refuses_another_architecture(tokenizer, tmp_path, change, message):
    save_decoder(tmp_path, make_random_decoder(), tokenizer.folder)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError, match=message):
        load_decoder(tmp_path)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("model.norm.weight", None, r"model.norm.weight is none, its configuration means \(64,\)"),
        ("model.norm.bias", torch.ones(64), r"model.norm.bias is \(64,\), its configuration means none"),
        ("model.embed_tokens.weight", None, r"lm_head.weight is none, its configuration means"),
    ],
)
def test_load_decoder_refuses_other_weights(tokenizer, tmp_path, name, tensor, message):
    save_decoder(tmp_path, make_random_decoder(), tokenizer.folder)
    weights = {**load_file(tmp_path / "model.safetensors"), name: tensor}
    save_file({k: v for k, v in weights.items() if v is not None}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=message) as error:
        load_decoder(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2]", r"config\.json: holds a list"),
        (b'{"model_type": "qwen3"}', r"config\.json: vocab_size: None"),
        (b'{"model_type": "qwen3", "vocab_size": 480}', r"config\.json: hidden_size: None: not"),
        (b'{"model_type": "\xff"}', "damaged: .*utf-8"),
        (b"{", "damaged"),
    ],
)
def test_load_decoder_broken_config_is_one_line(tmp_path, content, message):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_decoder(tmp_path)
    assert "\n" not in str(error.value)


def test_load_decoder_names_damaged_or_missing_folder(tokenizer, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_decoder(tmp_path / "none")
    save_decoder(tmp_path, make_random_decoder(), tokenizer.folder)
    (tmp_path / "model.safetensors").write_bytes(b"xx")
    with pytest.raises(UserError, match="damaged"):
        load_decoder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: no such file; run `dvc repro`, or name a"):
        load_decoder(tmp_path)


def test_tanai_folder_is_restored_and_refused_by_transformers(tokenizer, tmp_path):
    model = make_random_decoder(arch="tanai")
    save_decoder(tmp_path, model, tokenizer.folder)
    again = load_decoder(tmp_path)
    assert again.params == model.params
    ids = torch.randint(0, 480, (2, 20))
    with torch.no_grad():
        assert torch.equal(again(ids), model(ids))
    with pytest.raises(ValueError, match="tanai"):
        AutoModelForCausalLM.from_pretrained(tmp_path)
