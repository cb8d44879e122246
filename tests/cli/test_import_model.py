"""`tezgah import`: imported models compute the same logits as the original code."""

import json
import os
import pickle
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from pipeline.cli.import_model import tanai
from pipeline.cli.import_model.importer import import_model
from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.hf_io import load_decoder

V, D, T, H, FF = 60, 32, 20, 4, 48


def tanai_weights(layers=2, tied=True, width=D, ffn=FF, vocab=V, context=T):
    """Return a TanAI-Lite state_dict with random values in every weight."""
    torch.manual_seed(0)
    shapes = {"q_proj": (width, width), "k_proj": (width, width), "v_proj": (width, width)}
    shapes |= {"o_proj": (width, width), "ff_up": (ffn, width), "ff_down": (width, ffn)}
    shapes |= {"norm_attn": (width,), "norm_mlp": (width,)}
    outer = {"tok_emb": (vocab, width), "pos_emb": (context, width), "norm": (width,)}
    blocks = {f"blocks.{n}.{name}": shape for n in range(layers) for name, shape in shapes.items()}
    weights = {f"{name}.weight": torch.randn(shape) * 0.3 for name, shape in (outer | blocks).items()}
    weights["lm_head.weight"] = weights["tok_emb.weight"] if tied else torch.randn(vocab, width)
    return weights


def tanai_logits(w, ids, heads, layers=2):
    """Return logits of the architecture, written with loops over tokens and heads."""

    def rms(x, name):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * w[f"{name}.weight"]

    x = w["tok_emb.weight"][ids] + w["pos_emb.weight"][: len(ids)]
    for n in range(layers):
        b = f"blocks.{n}."
        h = rms(x, b + "norm_attn")
        q, k, v = (h @ w[f"{b}{part}_proj.weight"].T for part in "qkv")
        K = q.shape[1] // heads
        attended = torch.zeros_like(x)
        for t in range(len(ids)):
            for head in (slice(i * K, (i + 1) * K) for i in range(heads)):
                probabilities = (k[: t + 1, head] @ q[t, head] / K**0.5).float().softmax(-1)
                attended[t, head] = probabilities @ v[: t + 1, head]
        x = x + attended @ w[b + "o_proj.weight"].T
        inner = rms(x, b + "norm_mlp") @ w[b + "ff_up.weight"].T
        x = x + (inner * (1 + torch.erf(inner / 2**0.5)) / 2) @ w[b + "ff_down.weight"].T
    return rms(x, "norm") @ w["lm_head.weight"].T


def has_logits(folder, logits, ids):
    with torch.no_grad():
        return (load_decoder(folder)(ids[None])[0] - logits).abs().max() < 1e-4


@pytest.mark.parametrize("tied", [True, False])
def test_import_model_of_a_tanai_checkpoint_computes_the_same(project, tied, capsys):
    weights, ids = tanai_weights(tied=tied), torch.arange(5, 5 + T)
    extra = {"model_config": {"n_heads": H, "rms_eps": 1e-6}, "train_args": {"lr": 1e-3}}
    torch.save({"step": 3, "model": weights, "optimizer": {"state": {}}, "extra": extra}, "base_best.pt")
    import_model(project / "base_best.pt", None, None)
    folder = project / "data/raw/model/base_best"
    assert load_decoder(folder).params.tie_embeddings == tied
    assert has_logits(folder, tanai_logits(weights, ids, H), ids)
    printed = capsys.readouterr().out
    assert "4 heads, as it notes itself" in printed
    assert "no tokenizer.model" in printed
    assert f"-S train.init_from=data/raw/model/base_best -S model.arch=tanai -S model.width={D} -S" in printed


def test_import_model_takes_default_or_given_heads_where_none_are_noted(tmp_path, capsys):
    weights, ids = tanai_weights(), torch.arange(T)
    del weights["lm_head.weight"]
    torch.save({f"module.{key}": value for key, value in weights.items()}, tmp_path / "bare.pt")
    weights["lm_head.weight"] = weights["tok_emb.weight"]
    for heads, message in ((None, "taken to be 8; other: --heads"), (2, "2 heads, as --heads says")):
        import_model(tmp_path / "bare.pt", tmp_path / f"to{heads}", heads)
        assert message in capsys.readouterr().out
        assert has_logits(tmp_path / f"to{heads}", tanai_logits(weights, ids, heads or 8), ids)


def test_infer_config_of_the_published_tanai_has_its_parameter_count(tmp_path):
    with torch.device("meta"):
        meta = tanai_weights(layers=8, width=512, ffn=2048, vocab=32000, context=1024)
    weights = {name: torch.zeros(1).expand(weight.shape) for name, weight in meta.items()}
    config, vocab_size = tanai.infer_config(weights, {}, None, tmp_path / "base_best.pt")
    with torch.device("meta"):
        assert parameter_count(Decoder(config, vocab_size)) == 42_082_816


SMALL = {
    "vocab_size": V, "hidden_size": D, "intermediate_size": FF, "num_hidden_layers": 2,
    "num_attention_heads": H, "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip


def hf_model(arch, **changes):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(arch, **{**SMALL, **changes})).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias"):  # zero at first, which would hide them
            weight.data.normal_()
    return model


LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip


@pytest.mark.parametrize(
    ("arch", "dtype", "changes"),
    [
        ("llama", torch.float32, {"rope_theta": 500.0, "rms_norm_eps": 1e-5}),
        ("llama", torch.bfloat16, {"tie_word_embeddings": True}),
        ("qwen3", torch.float16, {"head_dim": 16, "bos_token_id": 5}),
        ("qwen2", torch.float32, {"rope_theta": 1e6}),
        ("mistral", torch.bfloat16, {"head_dim": 16, "sliding_window": 32}),
        ("llama", torch.float32, {"rope_parameters": LLAMA3}),
        ("llama", torch.float32, {"rope_parameters": {"rope_type": "linear", "factor": 2.0}}),
    ],
)
def test_import_model_of_a_hugging_face_folder_computes_the_same(tmp_path, arch, dtype, changes):
    home, ids = tmp_path / "home", torch.arange(T)
    hf_model(arch, **changes).to(dtype).save_pretrained(home, max_shard_size="9KB")
    assert (home / "model.safetensors.index.json").exists()
    (home / "tokenizer.json").write_text("{}")
    import_model(home, tmp_path / "to", None)
    assert load_decoder(home).params == load_decoder(tmp_path / "to").params
    theirs = AutoModelForCausalLM.from_pretrained(home, dtype=torch.float32)
    imported = AutoModelForCausalLM.from_pretrained(tmp_path / "to", dtype=torch.float32)
    with torch.no_grad():
        logits = theirs(ids[None]).logits[0]
        assert torch.equal(imported(ids[None]).logits[0], logits)
    assert has_logits(tmp_path / "to", logits, ids)
    assert has_logits(home, logits, ids)  # the folder itself, in parts
    assert (tmp_path / "to/tokenizer.json").read_text() == "{}"
    assert json.loads((tmp_path / "to/config.json").read_text())["bos_token_id"] == theirs.config.bos_token_id
    assert load_file(tmp_path / "to/model.safetensors")["model.norm.weight"].dtype == torch.float32


def test_import_model_of_a_transformers_4_folder_with_a_torch_file(tmp_path):
    model, ids = hf_model("llama", rope_theta=300.0), torch.arange(T)
    config = {**SMALL, "model_type": "llama", "rope_theta": 300.0, "rope_scaling": None, "head_dim": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    rotary = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    torch.save({**model.state_dict(), **rotary}, tmp_path / "pytorch_model.bin")
    import_model(tmp_path, tmp_path / "to", None)
    with torch.no_grad():
        assert has_logits(tmp_path / "to", model(ids[None]).logits[0], ids)


def test_import_model_of_a_state_dict_with_hugging_face_names(tmp_path, capsys):
    wide = {"hidden_size": 128, "num_attention_heads": 2, "num_key_value_heads": 1}
    for arch, changes in (("llama", wide), ("qwen3", {"head_dim": 16})):
        model, ids = hf_model(arch, **changes), torch.arange(T)
        torch.save({"model": model.state_dict(), "iteration": 3}, tmp_path / f"{arch}.pt")
        import_model(tmp_path / f"{arch}.pt", tmp_path / arch, None)
        assert f"taken to be usual: {model.config.num_attention_heads} heads" in capsys.readouterr().out
        with torch.no_grad():
            assert has_logits(tmp_path / arch, model(ids[None]).logits[0], ids)


def refusal(*arguments):
    with pytest.raises(UserError) as error:
        import_model(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model_type", "gpt2", "model_type: 'gpt2'"),
        ("attention_bias", True, "attention_bias: True: this decoder knows False alone"),
        ("mlp_bias", True, "mlp_bias: True"),
        ("hidden_act", "gelu", "hidden_act: 'gelu': this decoder knows 'silu' alone"),
        ("rope_scaling", {"type": "linear", "factor": 0.5}, "rope_scaling: {'type': 'linear'"),
        ("rope_scaling", "default", "rope_scaling: 'default'"),
        ("rope_parameters", {"rope_type": "yarn", "factor": 4.0}, "rope_parameters: {'rope_type': 'yarn'"),
        ("rope_parameters", {"partial_rotary_factor": 0.5}, "rope_parameters.partial_rotary_factor: 0.5"),
        ("use_sliding_window", True, "use_sliding_window: True"),
        ("layer_types", ["full_attention", "sliding_attention"], "layer_types: 'sliding_attention'"),
        ("quantization_config", {"bits": 4}, "quantization_config: {'bits': 4}"),
        ("hidden_size", "wide", "hidden_size: 'wide'"),
        ("num_attention_heads", None, "num_attention_heads: None"),
        ("head_dim", 7, "head_dim 7 is odd"),
        ("rms_norm_eps", "small", "model.norm_eps: 'small'"),
        ("rope_theta", -1, "model.rope_theta: -1"),
        ("num_hidden_layers", 3, "model.layers.2.input_layernorm.weight: missing"),
        ("tie_word_embeddings", True, "tie_word_embeddings: true; set it to false"),
    ],
)
def test_import_model_names_an_unsupported_setting(tmp_path, key, value, message):
    hf_model("llama").save_pretrained(tmp_path / "home")
    path = tmp_path / "home/config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    path.write_text(json.dumps({**config, key: value}))
    error = refusal(tmp_path / "home", tmp_path / "to", None)
    assert error.startswith(str(tmp_path / "home"))
    assert message in error
    assert not (tmp_path / "to").exists()


class Unsafe:
    def __reduce__(self):
        return os.system, ("touch ran",)


def without(key):
    return lambda weights: weights.pop(key)


def changed(key, value):
    return lambda weights: weights.update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("blocks.1.k_proj.weight"), "blocks.1.k_proj.weight: missing"),
        (without("blocks.0.ff_up.weight"), "blocks.0.ff_up.weight: missing"),
        (without("pos_emb.weight"), "pos_emb.weight: missing"),
        (without("tok_emb.weight"), "no model of TanAI-Lite"),
        (changed("blocks.0.q_proj.bias", torch.zeros(D)), "q_proj.bias: this program's tanai has no such"),
        (changed("blocks.1.v_proj.weight", torch.zeros(D, 3)), "of shape (32, 3), where (32, 32) belongs"),
        (changed("norm.weight", torch.full((D,), torch.nan)), "norm.weight: not all of it are numbers"),
        (changed("norm.weight", torch.ones(D).int()), "norm.weight: of type torch.int32"),
        (changed("norm.weight", "x"), "norm.weight: missing"),
        (lambda weights: weights.clear(), "no weights in it (it holds step, model)"),
        (changed("extra", Unsafe()), "may run code: it holds posix.system"),
    ],
)  # fmt: skip
def test_import_model_names_the_fault_of_a_checkpoint(project, change, message):
    weights = tanai_weights()
    change(weights)
    torch.save({"step": 1, "model": weights}, "x.pt")
    error = refusal(project / "x.pt", None, None)
    assert error.startswith(f"{project / 'x.pt'}: ")
    assert message in error
    assert not (project / "data/raw/model/x").exists()
    assert not (project / "ran").exists()


def test_import_model_names_a_file_that_is_no_checkpoint(tmp_path):
    torch.save(tanai_weights(), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:100] + b"x" * 900 + whole[1000:]):
        (tmp_path / "x.pt").write_bytes(content)
        assert re.search(r"x\.pt: (damaged|refused)", refusal(tmp_path / "x.pt", tmp_path / "to", None))
    (tmp_path / "x.pt").write_bytes(pickle.dumps({"model": Unsafe()}))
    assert "may run code: it holds a pickle" in refusal(tmp_path / "x.pt", tmp_path / "to", None)
    (tmp_path / "x.safetensors").write_bytes(b"hello")
    assert "damaged" in refusal(tmp_path / "x.safetensors", tmp_path / "to", None)
    assert "no such file" in refusal(tmp_path / "none.pt", tmp_path / "to", None)


def test_import_model_refuses_wrong_heads_and_existing_folders(tmp_path):
    torch.save({"model": tanai_weights(), "extra": {"config": {"n_heads": 4}}}, tmp_path / "x.pt")
    assert "was trained with 4; leave the option out" in refusal(tmp_path / "x.pt", tmp_path / "to", 2)
    torch.save(tanai_weights(), tmp_path / "y.pt")
    assert "5 heads do not divide its width 32" in refusal(tmp_path / "y.pt", tmp_path / "to", 5)
    assert "0 heads do not divide" in refusal(tmp_path / "y.pt", tmp_path / "to", 0)
    assert f"{tmp_path}: already exists" in refusal(tmp_path / "y.pt", tmp_path, None)
    torch.save(hf_model("llama").state_dict(), tmp_path / "z.pt")
    assert "give --heads as trained" in refusal(tmp_path / "z.pt", tmp_path / "to", None)


def test_import_model_names_the_fault_of_an_incomplete_folder(tmp_path):
    home, to = tmp_path / "home", tmp_path / "to"
    hf_model("qwen3").save_pretrained(home, max_shard_size="9KB")
    assert "config.json tells it; leave the option out" in refusal(home, to, 4)
    index = home / "model.safetensors.index.json"
    part = sorted(home.glob("model-*.safetensors"))[1]
    part.rename(tmp_path / "part")
    assert f"weight_map: {part.name}: no such file beside it" in refusal(home, to, None)
    save_file({"x": torch.ones(1)}, part)
    assert "missing; the file is incomplete" in refusal(home, to, None)
    index.write_text('{"weight_map": {"x": "../part"}}')
    assert "../part: no such file beside it" in refusal(home, to, None)
    index.write_text("{}")
    assert "names no file" in refusal(home, to, None)
    shutil.move(index, tmp_path)
    assert "no weights there; fetch model.safetensors" in refusal(home, to, None)
    (home / "config.json").write_text("[]")
    assert "holds a list" in refusal(home, to, None)
    (home / "config.json").write_text("{")
    assert "damaged" in refusal(home, to, None)
    (home / "config.json").unlink()
    assert "config.json: no such file" in refusal(home, to, None)
