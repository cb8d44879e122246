"""`tezgah import`: models of others compute here what they compute at home."""

import json
import os
import pickle
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from pipeline.cli.import_model import tanai
from pipeline.cli.import_model.run import run
from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.hf_io import load_decoder

V, D, T, H, FF = 60, 32, 20, 4, 48


def tanai_weights(layers=2, tied=True, width=D, ffn=FF, vocab=V, context=T):
    """A TanAI-Lite state_dict with every weight away from what it begins as."""
    torch.manual_seed(0)
    shapes = {"q_proj": (width, width), "k_proj": (width, width), "v_proj": (width, width)}
    shapes |= {"o_proj": (width, width), "ff_up": (ffn, width), "ff_down": (width, ffn)}
    shapes |= {"norm_attn": (width,), "norm_mlp": (width,)}
    outside = {"tok_emb": (vocab, width), "pos_emb": (context, width), "norm": (width,)}
    named = {f"blocks.{n}.{name}": shape for n in range(layers) for name, shape in shapes.items()}
    weights = {f"{name}.weight": torch.randn(shape) * 0.3 for name, shape in (outside | named).items()}
    weights["lm_head.weight"] = weights["tok_emb.weight"] if tied else torch.randn(vocab, width)
    return weights


def tanai_logits(w, ids, heads, layers=2):
    """The architecture written out: one token after another, one head after another."""

    def rms(x, name):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * w[f"{name}.weight"]

    x = w["tok_emb.weight"][ids] + w["pos_emb.weight"][: len(ids)]
    for n in range(layers):
        b = f"blocks.{n}."
        h = rms(x, b + "norm_attn")
        q, k, v = (h @ w[f"{b}{part}_proj.weight"].T for part in "qkv")
        K = q.shape[1] // heads
        read = torch.zeros_like(x)
        for t in range(len(ids)):
            for at in (slice(i * K, (i + 1) * K) for i in range(heads)):
                shares = (k[: t + 1, at] @ q[t, at] / K**0.5).float().softmax(-1)
                read[t, at] = shares @ v[: t + 1, at]
        x = x + read @ w[b + "o_proj.weight"].T
        inner = rms(x, b + "norm_mlp") @ w[b + "ff_up.weight"].T
        x = x + (inner * (1 + torch.erf(inner / 2**0.5)) / 2) @ w[b + "ff_down.weight"].T
    return rms(x, "norm") @ w["lm_head.weight"].T


def agrees(folder, logits, ids):
    with torch.no_grad():
        return (load_decoder(folder)(ids[None])[0] - logits).abs().max() < 1e-4


@pytest.mark.parametrize("tied", [True, False])
def test_a_tanai_checkpoint_computes_the_same(project, tied, capsys):
    weights, ids = tanai_weights(tied=tied), torch.arange(5, 5 + T)
    extra = {"model_config": {"n_heads": H, "rms_eps": 1e-6}, "train_args": {"lr": 1e-3}}
    torch.save({"step": 3, "model": weights, "optimizer": {"state": {}}, "extra": extra}, "base_best.pt")
    run(project / "base_best.pt", None, None)
    folder = project / "data/raw/model/base_best"
    assert load_decoder(folder).config.tie_embeddings == tied
    assert agrees(folder, tanai_logits(weights, ids, H), ids)
    said = capsys.readouterr().out
    assert "4 heads, as it notes itself" in said
    assert "no tokenizer.model" in said
    assert f"-S train.init_from=data/raw/model/base_best -S model.arch=tanai -S model.width={D} -S" in said


def test_heads_that_are_not_noted_are_the_usual_or_those_asked_for(tmp_path, capsys):
    weights, ids = tanai_weights(), torch.arange(T)
    del weights["lm_head.weight"]
    torch.save({f"module.{key}": value for key, value in weights.items()}, tmp_path / "bare.pt")
    weights["lm_head.weight"] = weights["tok_emb.weight"]
    for heads, says in ((None, "taken to be 8; other: --heads"), (2, "2 heads, as --heads says")):
        run(tmp_path / "bare.pt", tmp_path / f"to{heads}", heads)
        assert says in capsys.readouterr().out
        assert agrees(tmp_path / f"to{heads}", tanai_logits(weights, ids, heads or 8), ids)


def test_the_published_shape_has_its_size(tmp_path):
    with torch.device("meta"):
        meta = tanai_weights(layers=8, width=512, ffn=2048, vocab=32000, context=1024)
    weights = {name: torch.zeros(1).expand(weight.shape) for name, weight in meta.items()}
    config, vocab_size = tanai.configuration(weights, {}, None, tmp_path / "base_best.pt")
    with torch.device("meta"):
        assert parameter_count(Decoder(config, vocab_size)) == 42_082_816


SMALL = {
    "vocab_size": V, "hidden_size": D, "intermediate_size": FF, "num_hidden_layers": 2,
    "num_attention_heads": H, "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip


def stock(arch, **changes):
    kinds = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}
    configuration, model = kinds[arch]
    torch.manual_seed(0)
    return model(configuration(**{**SMALL, **changes})).eval()


@pytest.mark.parametrize(
    ("arch", "dtype", "changes"),
    [
        ("llama", torch.float32, {"rope_theta": 500.0, "rms_norm_eps": 1e-5}),
        ("llama", torch.bfloat16, {"tie_word_embeddings": True}),
        ("qwen3", torch.float16, {"head_dim": 16, "bos_token_id": 5}),
    ],
)
def test_a_stock_folder_computes_the_same(tmp_path, arch, dtype, changes):
    home, ids = tmp_path / "home", torch.arange(T)
    stock(arch, **changes).to(dtype).save_pretrained(home, max_shard_size="9KB")
    assert (home / "model.safetensors.index.json").exists()
    (home / "tokenizer.json").write_text("{}")
    run(home, tmp_path / "to", None)
    theirs = AutoModelForCausalLM.from_pretrained(home, dtype=torch.float32)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "to", dtype=torch.float32)
    with torch.no_grad():
        logits = theirs(ids[None]).logits[0]
        assert torch.equal(again(ids[None]).logits[0], logits)
    assert agrees(tmp_path / "to", logits, ids)
    assert (tmp_path / "to/tokenizer.json").read_text() == "{}"
    assert json.loads((tmp_path / "to/config.json").read_text())["bos_token_id"] == theirs.config.bos_token_id
    assert load_file(tmp_path / "to/model.safetensors")["model.norm.weight"].dtype == torch.float32


def test_a_folder_of_transformers_4_with_a_torch_file(tmp_path):
    model, ids = stock("llama", rope_theta=300.0), torch.arange(T)
    config = {**SMALL, "model_type": "llama", "rope_theta": 300.0, "rope_scaling": None, "head_dim": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    turns = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    torch.save({**model.state_dict(), **turns}, tmp_path / "pytorch_model.bin")
    run(tmp_path, tmp_path / "to", None)
    with torch.no_grad():
        assert agrees(tmp_path / "to", model(ids[None]).logits[0], ids)


def test_weights_alone_with_stock_names(tmp_path, capsys):
    wide = {"hidden_size": 128, "num_attention_heads": 2, "num_key_value_heads": 1}
    for arch, changes in (("llama", wide), ("qwen3", {"head_dim": 16})):
        model, ids = stock(arch, **changes), torch.arange(T)
        torch.save({"model": model.state_dict(), "iteration": 3}, tmp_path / f"{arch}.pt")
        run(tmp_path / f"{arch}.pt", tmp_path / arch, None)
        assert f"taken to be usual: {model.config.num_attention_heads} heads" in capsys.readouterr().out
        with torch.no_grad():
            assert agrees(tmp_path / arch, model(ids[None]).logits[0], ids)


def refused(*given):
    with pytest.raises(UserError) as error:
        run(*given)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("model_type", "gpt2", "model_type: 'gpt2'"),
        ("attention_bias", True, "attention_bias: True: this decoder knows False alone"),
        ("mlp_bias", True, "mlp_bias: True"),
        ("hidden_act", "gelu", "hidden_act: 'gelu': this decoder knows 'silu' alone"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling: {'type': 'linear'"),
        ("rope_scaling", "default", "rope_scaling: 'default'"),
        ("rope_parameters", {"rope_type": "yarn", "factor": 4.0}, "rope_parameters: {'rope_type': 'yarn'"),
        ("rope_parameters", {"partial_rotary_factor": 0.5}, "rope_parameters.partial_rotary_factor: 0.5"),
        ("use_sliding_window", True, "use_sliding_window: True"),
        ("sliding_window", 4096, "sliding_window: 4096"),
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
def test_a_setting_that_our_decoder_lacks_is_named(tmp_path, key, value, says):
    stock("llama").save_pretrained(tmp_path / "home")
    path = tmp_path / "home/config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    path.write_text(json.dumps({**config, key: value}))
    message = refused(tmp_path / "home", tmp_path / "to", None)
    assert message.startswith(str(tmp_path / "home"))
    assert says in message
    assert not (tmp_path / "to").exists()


class Unsafe:
    def __reduce__(self):
        return os.system, ("touch ran",)


def without(key):
    return lambda weights: weights.pop(key)


def changed(key, value):
    return lambda weights: weights.update({key: value})


@pytest.mark.parametrize(
    ("change", "says"),
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
def test_a_broken_checkpoint_is_one_line(project, change, says):
    weights = tanai_weights()
    change(weights)
    torch.save({"step": 1, "model": weights}, "x.pt")
    message = refused(project / "x.pt", None, None)
    assert message.startswith(f"{project / 'x.pt'}: ")
    assert says in message
    assert not (project / "data/raw/model/x").exists()
    assert not (project / "ran").exists()


def test_a_file_that_is_none_is_one_line(tmp_path):
    torch.save(tanai_weights(), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:100] + b"x" * 900 + whole[1000:]):
        (tmp_path / "x.pt").write_bytes(content)
        assert re.search(r"x\.pt: (damaged|refused)", refused(tmp_path / "x.pt", tmp_path / "to", None))
    (tmp_path / "x.pt").write_bytes(pickle.dumps({"model": Unsafe()}))
    assert "may run code: it holds a pickle" in refused(tmp_path / "x.pt", tmp_path / "to", None)
    (tmp_path / "x.safetensors").write_bytes(b"hello")
    assert "damaged" in refused(tmp_path / "x.safetensors", tmp_path / "to", None)
    assert "no such file" in refused(tmp_path / "none.pt", tmp_path / "to", None)


def test_heads_that_do_not_fit_and_folders_that_are_there(tmp_path):
    torch.save({"model": tanai_weights(), "extra": {"config": {"n_heads": 4}}}, tmp_path / "x.pt")
    assert "was trained with 4; leave the option out" in refused(tmp_path / "x.pt", tmp_path / "to", 2)
    torch.save(tanai_weights(), tmp_path / "y.pt")
    assert "5 heads do not divide its width 32" in refused(tmp_path / "y.pt", tmp_path / "to", 5)
    assert "0 heads do not divide" in refused(tmp_path / "y.pt", tmp_path / "to", 0)
    assert f"{tmp_path}: is there already" in refused(tmp_path / "y.pt", tmp_path, None)
    torch.save(stock("llama").state_dict(), tmp_path / "z.pt")
    assert "give --heads as trained" in refused(tmp_path / "z.pt", tmp_path / "to", None)


def test_an_incomplete_folder_is_one_line(tmp_path):
    home, to = tmp_path / "home", tmp_path / "to"
    stock("qwen3").save_pretrained(home, max_shard_size="9KB")
    assert "config.json tells it; leave the option out" in refused(home, to, 4)
    index = home / "model.safetensors.index.json"
    part = sorted(home.glob("model-*.safetensors"))[1]
    part.rename(tmp_path / "part")
    assert f"weight_map: {part.name}: no such file beside it" in refused(home, to, None)
    save_file({"x": torch.ones(1)}, part)
    assert "missing; the file is incomplete" in refused(home, to, None)
    index.write_text('{"weight_map": {"x": "../part"}}')
    assert "../part: no such file beside it" in refused(home, to, None)
    index.write_text("{}")
    assert "names no file" in refused(home, to, None)
    shutil.move(index, tmp_path)
    assert "no weights there; fetch model.safetensors" in refused(home, to, None)
    (home / "config.json").write_text("[]")
    assert "holds a list" in refused(home, to, None)
    (home / "config.json").write_text("{")
    assert "damaged" in refused(home, to, None)
    (home / "config.json").unlink()
    assert "config.json: no such file" in refused(home, to, None)
