"""GGUF files: read back by the gguf package, and by llama.cpp in .venv-llama."""

import json
import math
import shutil
import stat
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader, quants

from pipeline.cli import export
from pipeline.common.errors import UserError
from pipeline.data.reader import read_texts
from pipeline.export.gguf import TEMPLATE, check_type, permute_heads, write_gguf
from pipeline.inference.generate import generate
from pipeline.model.hf_io import load_decoder, save_decoder
from pipeline.tokenizer.tokenizer import Tokenizer
from tests.helpers.random_models import make_random_decoder
from tests.helpers.small import make_tokenizer

SHAPES = {
    "qwen3": {},
    "qwen3-gqa-untied": {"kv_heads": 2, "head_dim": 24, "tie_embeddings": False},
    "llama": {"arch": "llama"},
    "llama-gqa-untied": {"arch": "llama", "kv_heads": 1, "rope_theta": 500.0, "tie_embeddings": False},
}
RUN = """
import json, sys
import numpy as np
from llama_cpp import Llama
path, asked = sys.argv[1], json.load(open(sys.argv[2]))
model = Llama(path, n_ctx=asked["context"], n_threads=2, logits_all=True, verbose=False)
greedy = []
for prompt in asked["prompts"]:
    ids = []
    for token in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0):
        ids.append(token)
        if len(ids) == asked["tokens"]:
            break
    greedy.append(ids)
bits, count = 0.0, 0
for window in asked["windows"]:
    model.reset()
    model.eval(window)
    logits = np.array(model.scores[: len(window)], np.float64)
    logits -= logits.max(-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    bits -= sum(logits[i, token] for i, token in enumerate(window[1:]))
    count += len(window) - 1
chat = ""
if asked["chat"]:
    model.reset()
    answer = model.create_chat_completion(asked["chat"], temperature=0, max_tokens=40)
    chat = answer["choices"][0]["message"]["content"]
print(json.dumps([greedy, bits / max(count, 1), chat]))
"""


@pytest.fixture(params=SHAPES)
def folder(request, tokenizer, tmp_path):
    """The folder of a small random model."""
    model = make_random_decoder(**SHAPES[request.param])
    save_decoder(tmp_path / "model", model, tokenizer.folder)
    return tmp_path / "model"


@pytest.fixture
def llama_cpp(root, tmp_path):
    """Return a function that lets llama.cpp continue prompts and score windows of ids."""
    python = root / ".venv-llama/bin/python"
    if not python.exists():
        pytest.skip("no .venv-llama; `make test-all` makes it")

    def run(path, context, prompts=(), tokens=64, windows=(), chat=()):
        asked = {"context": context, "prompts": prompts, "tokens": tokens, "windows": windows, "chat": chat}
        (tmp_path / "asked.json").write_text(json.dumps(asked))
        command = [python, "-c", RUN, path, tmp_path / "asked.json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def read_gguf(path):
    reader = GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    return fields, {tensor.name: tensor for tensor in reader.tensors}


def test_write_gguf_has_what_the_model_folder_says(folder, tmp_path):
    write_gguf(tmp_path / "m.gguf", folder, "f32", "deneme")
    fields, tensors = read_gguf(tmp_path / "m.gguf")
    model = load_decoder(folder)
    arch = fields["general.architecture"]
    assert (fields["general.name"], arch) == ("deneme", model.params.arch)
    for key, value in {
        "context_length": model.params.context,
        "embedding_length": model.params.width,
        "block_count": model.params.layers,
        "attention.head_count_kv": model.params.kv_heads,
        "attention.key_length": model.params.head_dim,
    }.items():
        assert fields[f"{arch}.{key}"] == value
    assert fields[f"{arch}.rope.freq_base"] == pytest.approx(model.params.rope_theta)
    assert fields["tokenizer.chat_template"] == TEMPLATE
    assert "generation %}" not in TEMPLATE
    assert [fields[f"tokenizer.ggml.{end}_token_id"] for end in ("bos", "eos", "eot")] == [1, 2, 7]
    assert ("output.weight" in tensors) != model.params.tie_embeddings
    assert sum(int(np.prod(tensor.shape)) for tensor in tensors.values()) == sum(
        weight.numel() for weight in model.parameters()
    )


@pytest.mark.parametrize(("type", "error"), [("f16", 1e-3), ("bf16", 1e-2), ("q8_0", 1e-2)])
def test_write_gguf_rounds_matrices_and_keeps_norms(tokenizer, tmp_path, type, error):
    model = make_random_decoder()
    save_decoder(tmp_path / "model", model, tokenizer.folder)
    write_gguf(tmp_path / "m.gguf", tmp_path / "model", type, "deneme")
    _, tensors = read_gguf(tmp_path / "m.gguf")
    assert tensors["output_norm.weight"].tensor_type == GGMLQuantizationType.F32
    stored = tensors["token_embd.weight"]
    assert stored.tensor_type == GGMLQuantizationType[type.upper()]
    weight = model.model.embed_tokens.weight.detach().numpy()
    assert np.abs(quants.dequantize(stored.data, stored.tensor_type) - weight).max() < error * weight.max()


def test_write_gguf_stores_rows_that_fill_no_block_in_fp16(tokenizer, tmp_path):
    model = make_random_decoder(ffn=40)  # 8 bits are stored in blocks of 32
    save_decoder(tmp_path / "model", model, tokenizer.folder)
    write_gguf(tmp_path / "m.gguf", tmp_path / "model", "q8_0", "deneme")
    _, tensors = read_gguf(tmp_path / "m.gguf")
    assert tensors["blk.0.ffn_down.weight"].tensor_type == GGMLQuantizationType.F16
    assert tensors["blk.0.ffn_up.weight"].tensor_type == GGMLQuantizationType.Q8_0


def test_permute_heads_puts_the_halves_of_a_head_side_by_side():
    rows = np.arange(8)[:, None]  # two heads of width 4
    assert permute_heads(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_export_gguf_refuses_what_llama_cpp_does_not_know(tokenizer, texts, tmp_path):
    save_decoder(tmp_path / "tanai", make_random_decoder(arch="tanai"), tokenizer.folder)
    with pytest.raises(UserError, match=r"model\.arch: tanai: llama\.cpp does not know it; train with qwen3"):
        export.export_gguf(tmp_path / "tanai", "f32", tmp_path / "out", None, None)
    unigram = make_tokenizer(tmp_path / "unigram", "unigram", texts)
    save_decoder(tmp_path / "other", make_random_decoder(), unigram.folder)
    with pytest.raises(UserError, match=r"a unigram tokenizer; .*\. Train with tokenizer\.kind: bpe"):
        export.export_gguf(tmp_path / "other", "f32", tmp_path / "out", None, None)
    (tmp_path / "other/tokenizer.model").unlink()
    with pytest.raises(UserError, match=r"comes from elsewhere, which is not exported; use llama"):
        export.export_gguf(tmp_path / "other", "f32", tmp_path / "out", None, None)
    with pytest.raises(UserError, match=r"none: no such folder; run `dvc repro`, or name a model folder"):
        export.export_gguf(tmp_path / "none", "f32", tmp_path / "out", None, None)
    assert not (tmp_path / "out").exists()


def test_export_gguf_needs_weights_and_leaves_nothing_half_written(tokenizer, tmp_path):
    save_decoder(tmp_path / "model", make_random_decoder(), tokenizer.folder)
    weights = tmp_path / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(UserError, match="model: damaged: "):
        export.export_gguf(tmp_path / "model", "f32", tmp_path / "out", None, None)
    weights.unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: no such file"):
        export.export_gguf(tmp_path / "model", "f32", tmp_path / "out", None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_export_gguf_keeps_what_stands_at_its_target(tokenizer, tmp_path, capsys):
    save_decoder(tmp_path / "model", make_random_decoder(), tokenizer.folder)
    export.export_gguf(tmp_path / "model", "f16", tmp_path / "out", "benim", None)
    assert "benim-f16.gguf: " in capsys.readouterr().out
    before = (tmp_path / "out/benim-f16.gguf").read_bytes()
    with pytest.raises(UserError, match="out: already exists; remove it, or give --to another folder"):
        export.export_gguf(tmp_path / "model", "f32", tmp_path / "out", None, None)
    assert (tmp_path / "out/benim-f16.gguf").read_bytes() == before


@pytest.mark.parametrize("to", ["models/x", "data/x", "model/inside", "reports/x"])
def test_export_refuses_a_place_that_dvc_watches(tokenizer, tmp_path, monkeypatch, to):
    monkeypatch.chdir(tmp_path)
    save_decoder(tmp_path / "model", make_random_decoder(), tokenizer.folder)
    with pytest.raises(UserError, match="lies in a folder that DVC watches; give --to another one"):
        export.export_gguf(tmp_path / "model", "f16", tmp_path / to, None, None)
    assert not (tmp_path / to).exists()


def test_export_that_cannot_be_written_says_so_in_one_line(tokenizer, tmp_path, monkeypatch):
    save_decoder(tmp_path / "model", make_random_decoder(), tokenizer.folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/out: cannot be written: Not a directory"):
        export.export_gguf(tmp_path / "model", "f16", tmp_path / "file/out", None, None)

    def fill_disk(*_, **__):
        raise OSError("53312 requested and 28480 written")  # as numpy says it

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    monkeypatch.setattr("pipeline.export.gguf.write_model", fill_disk)
    with pytest.raises(UserError, match=r"out: cannot be written: the disk is full; free some room"):
        export.export_gguf(tmp_path / "model", "f16", tmp_path / "out", None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model"]


def test_check_type_names_the_tool_of_other_types(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="--type: 'q9': not one of f32, f16"):
        check_type("q9")
    with pytest.raises(UserError, match=r"q4_k_m: llama\.cpp's llama-quantize makes it, and it is not on"):
        check_type("q4_k_m")


@pytest.mark.parametrize("fails", [False, True])
def test_write_gguf_hands_other_types_to_llama_quantize(tokenizer, tmp_path, monkeypatch, fails):
    tool = tmp_path / "bin/llama-quantize"
    tool.parent.mkdir()
    tool.write_text(
        f"#!/bin/sh\n[ {int(fails)} = 1 ] && echo 'no room' >&2 && exit 1\n[ $3 = Q4_K_M ] && cp $1 $2\n"
    )
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    save_decoder(tmp_path / "model", make_random_decoder(), tokenizer.folder)
    if fails:
        with pytest.raises(UserError, match="llama-quantize: no room; take one of f32"):
            export.export_gguf(tmp_path / "model", "q4_k_m", tmp_path / "out", None, None)
        assert not (tmp_path / "out").exists()
    else:
        export.export_gguf(tmp_path / "model", "q4_k_m", tmp_path / "out", None, None)
        assert [path.name for path in (tmp_path / "out").glob("*.gguf")] == ["model-q4_k_m.gguf"]


def count_ties(model, prompts, ours, theirs):
    """Count the continuations that part where two tokens are equally likely but for rounding; others fail."""
    ties = 0
    for prompt, own, their in zip(prompts, ours, theirs, strict=True):
        at = next((i for i, (a, b) in enumerate(zip(own, their, strict=False)) if a != b), None)
        if at is None:
            continue
        with torch.no_grad():
            logits = model(torch.tensor([prompt + own[:at]]))[0, -1]
        assert (logits[own[at]] - logits[their[at]]).abs() < 1e-3, (prompt, at)
        ties += 1
    return ties


@pytest.mark.slow
def test_llama_cpp_continues_as_we_do(folder, tmp_path, llama_cpp):
    write_gguf(tmp_path / "m.gguf", folder, "f32", "deneme")
    model = load_decoder(folder)
    generator = np.random.default_rng(0)
    prompts = [[1, *generator.integers(8, model.vocab_size, 5).tolist()] for _ in range(20)]
    ours = generate(model, prompts, max_new_tokens=30, forbidden_ids=[])
    theirs, _, _ = llama_cpp(tmp_path / "m.gguf", model.context, prompts, 30)
    assert count_ties(model, prompts, ours, theirs) <= 2


@pytest.mark.slow
def test_llama_cpp_runs_the_default_models(root, tmp_path, llama_cpp):
    base, sft, test = root / "models/base", root / "models/sft", root / "data/corpus/test"
    if not (base.is_dir() and sft.is_dir() and test.is_dir()):
        pytest.skip("needs the models and the corpus of `dvc repro`")
    model, tokenizer = load_decoder(base), Tokenizer.load(base)
    texts = [text for _, text in zip(range(300), read_texts(test), strict=False)]
    rows = [tokenizer.encode_start(text) for text in texts]
    prompts = [row[:12] for row in rows[:50]]
    ours = generate(model, prompts, max_new_tokens=64, forbidden_ids=[])
    windows = [row[: model.context] for row in rows]
    with torch.no_grad():
        losses = [
            torch.nn.functional.cross_entropy(
                model(torch.tensor([row]))[0, :-1], torch.tensor(row[1:]), reduction="sum"
            )
            for row in windows
        ]
    own = float(sum(losses)) / sum(len(row) - 1 for row in windows)
    for type, limit in [("f32", 1e-4), ("f16", 1e-3), ("q8_0", 1e-2)]:
        write_gguf(tmp_path / f"{type}.gguf", base, type, "base")
        asked = prompts if type == "f32" else []
        theirs, nats, _ = llama_cpp(tmp_path / f"{type}.gguf", model.context, asked, 64, windows)
        print(f"{type}: perplexity {math.exp(nats):.5f}, ours {math.exp(own):.5f}")
        assert abs(math.exp(nats) / math.exp(own) - 1) < limit
        if asked:
            ties = count_ties(model, prompts, ours, theirs)
            print(f"ties: {ties} of {len(prompts)}")
            assert ties <= 2
    write_gguf(tmp_path / "sft.gguf", sft, "f32", "sft")
    _, _, answer = llama_cpp(
        tmp_path / "sft.gguf", 256, chat=[{"role": "user", "content": "Van'ın plakası kaç?"}]
    )
    assert answer == "65"
