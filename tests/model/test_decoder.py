"""The decoder against the stock implementations."""

import json

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch.nn.attention.flex_attention import BlockMask
from transformers import AutoModelForCausalLM

from pipeline.common.errors import UserError
from pipeline.inference.generate import generate
from pipeline.model import decoder
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise, parameter_count, spelled_out, within
from pipeline.model.hf_io import load_decoder, load_weights, save_decoder
from pipeline.model.kv_cache import KVCache

SHAPES = {
    "qwen3": {},
    "qwen3-gqa-untied-wide-heads": {"kv_heads": 2, "head_dim": 24, "tie_embeddings": False},
    "llama": {"arch": "llama"},
    "llama-gqa": {"arch": "llama", "kv_heads": 1, "rope_theta": 500.0},
}


def shape(**changes):
    default = {
        "arch": "qwen3",
        "width": 64,
        "layers": 3,
        "heads": 4,
        "kv_heads": 4,
        "head_dim": 16,
        "ffn": 96,
        "context": 48,
        "rope_theta": 10000.0,
        "norm_eps": 1e-6,
        "tie_embeddings": True,
    }
    return ModelParams(**{**default, **changes})


def made(**changes) -> Decoder:
    """A decoder with every weight away from zero, as after training."""
    model = Decoder(shape(**changes), 480)
    initialise(model, 0)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.1
    return model.eval()


@pytest.fixture(scope="module", params=SHAPES)
def saved(request, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = made(**SHAPES[request.param])
    save_decoder(folder, model, tokenizer.folder)
    return model, folder


def test_transformers_computes_the_same_logits(saved):
    model, folder = saved
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.randint(0, 480, (3, 48))
    with torch.no_grad():
        assert (stock(ids).logits - model(ids)).abs().max() < 1e-4


def test_transformers_generates_the_same_tokens(saved):
    model, folder = saved
    stock = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompt = [1, 300, 301, 17]
    theirs = stock.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)[0, 4:].tolist()
    ours = generate(model, [prompt], max_new_tokens=20, stop_ids={2, 7})[0]
    assert [i for i in theirs if i not in (2, 7)] == ours
    assert stock.generation_config.eos_token_id == [2, 7]
    assert stock.generation_config.suppress_tokens == [0, 1, 3]


def test_a_folder_comes_back(saved):
    model, folder = saved
    again = load_decoder(folder)
    assert again.config == model.config
    for (name, ours), theirs in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_files_are_as_promised(saved):
    model, folder = saved
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert ("lm_head.weight" in file.keys()) == (not model.config.tie_embeddings)  # noqa: SIM118
    config = json.loads((folder / "config.json").read_text())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == model.config.rope_theta


def test_another_architectures_weights_are_refused(saved, tmp_path):
    model, _ = saved
    other = made(width=32, head_dim=8)
    with pytest.raises(
        UserError, match=r"weights of another architecture: .* is .*, its configuration means"
    ):
        load_weights(model, dict(other.state_dict()), tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"model_type": "gpt2"}, "model_type: 'gpt2'"), ({"hidden_size": "wide"}, "no configuration")],
)
def test_another_architectures_folder_is_refused(tokenizer, tmp_path, change, message):
    save_decoder(tmp_path, made(), tokenizer.folder)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError, match=message):
        load_decoder(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2]", r"config\.json: holds a list"),
        (b'{"model_type": "qwen3"}', r"config\.json: vocab_size: None"),
        (b'{"model_type": "qwen3", "vocab_size": 480}', r"config\.json: .*'hidden_size'"),
        (b'{"model_type": "\xff"}', "damaged: .*utf-8"),
        (b"{", "damaged"),
    ],
)
def test_a_broken_configuration_is_one_line(tmp_path, content, message):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_decoder(tmp_path)
    assert "\n" not in str(error.value)


def test_damaged_or_missing_folders_are_named(tokenizer, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_decoder(tmp_path / "none")
    save_decoder(tmp_path, made(), tokenizer.folder)
    (tmp_path / "model.safetensors").write_bytes(b"xx")
    with pytest.raises(UserError, match="damaged"):
        load_decoder(tmp_path)


@pytest.mark.parametrize("changes", [{"kv_heads": 2}, {"arch": "tanai"}])
def test_cached_logits_equal_uncached(changes):
    model = made(**changes)
    ids = torch.randint(0, 480, (2, 20))
    cache = KVCache(model.config, 2, 20)
    with torch.no_grad():
        whole = model(ids)
        parts = [model(ids[:, a:b], cache) for a, b in ((0, 7), (7, 8), (8, 15), (15, 20))]
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-5


@pytest.mark.parametrize("arch", ["qwen3", "tanai"])
def test_no_token_sees_the_future(arch):
    model = made(arch=arch)
    ids = torch.randint(0, 480, (1, 30))
    changed = ids.clone()
    changed[0, 20:] = 5
    with torch.no_grad():
        assert torch.equal(model(ids)[:, :20], model(changed)[:, :20])


@pytest.mark.parametrize("arch", ["qwen3", "tanai"])
def test_left_padding_changes_nothing(arch):
    model = made(arch=arch)
    ids = torch.randint(8, 480, (1, 10))
    padded = torch.cat([torch.full((1, 4), 3), ids], 1)
    positions = torch.cat([torch.zeros(1, 4, dtype=torch.long), torch.arange(10)[None]], 1)
    mask = torch.arange(14)[None] >= 4
    with torch.no_grad():
        out = model(padded, positions_BxT=positions, mask_BxS=mask)
    assert torch.isfinite(out).all()
    assert (out[:, 4:] - model(ids)).abs().max() < 1e-5


def test_documents_of_a_row_do_not_see_one_another():
    model = made()
    one, two = torch.randint(8, 480, (1, 9)), torch.randint(8, 480, (1, 12))
    documents = torch.tensor([[0] * 9 + [1] * 12])
    with torch.no_grad():
        together = model(torch.cat([one, two], 1), document_BxT=documents)
        apart = torch.cat([model(one), model(two)], 1)
    assert (together - apart).abs().max() < 1e-4  # logits are up to 6; processors round differently


@pytest.mark.parametrize("kv_heads", [1, 4])
def test_compiled_layers_mask_documents_by_blocks(kv_heads):
    model = made(kv_heads=kv_heads).requires_grad_(False)  # on a CPU blocks have no way back
    ids = torch.randint(8, 480, (3, 24))
    documents = torch.randint(0, 2, (3, 24)).cumsum(1)
    expected = model(ids, document_BxT=documents)
    model.compile_layers(backend="eager")
    assert isinstance(within(documents, blocks=True), BlockMask)
    assert (model(ids, document_BxT=documents) - expected).abs().max() < 1e-5
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    model(ids, document_BxT=documents.flip(0))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled  # not anew for every batch


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_spelled_out_is_the_fused_one(kv_heads, masked):
    q = torch.randn(2, 4, 9, 8, dtype=torch.double, requires_grad=True)
    k, v = (torch.randn(2, kv_heads, 9, 8, dtype=torch.double, requires_grad=True) for _ in range(2))
    mask = torch.ones(9, 9, dtype=torch.bool).tril()
    if masked:  # two documents
        apart = torch.arange(9) < 4
        mask = mask & (apart[:, None] == apart[None])
    ours = spelled_out(q, k, v, mask[None, None] if masked else None)
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    assert torch.allclose(ours, theirs)
    weights = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), (q, k, v)),
        torch.autograd.grad((theirs * weights).sum(), (q, k, v)),
        strict=True,
    ):
        assert torch.allclose(a, b)


def test_training_spells_short_windows_out_and_fuses_long_ones(monkeypatch):
    model, calls = made(), []
    monkeypatch.setattr(decoder, "spelled_out", lambda *given: calls.append(1) or spelled_out(*given))
    ids = torch.randint(8, 480, (1, 9))
    short = model(ids)
    assert len(calls) == model.config.layers
    for block in model.model.layers:
        block.self_attn.short = 8
    assert torch.allclose(model(ids), short, atol=1e-5)
    with torch.no_grad():
        model(ids)
    assert len(calls) == model.config.layers


def test_initialisation_is_seeded_and_starts_from_a_uniform_guess_when_untied():
    models = [Decoder(shape(tie_embeddings=False), 480) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        initialise(model, seed)
    first, same, other = (m.model.embed_tokens.weight for m in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert models[0](torch.tensor([[1, 2, 3]])).abs().max() == 0


def test_parameters_of_a_known_model():
    # Qwen3-shaped: 2 x V x D apart from the layers when untied, once when tied.
    tied, untied = made(), made(tie_embeddings=False)
    assert parameter_count(untied) - parameter_count(tied) == 480 * 64
    attention, norms = 4 * 64 * 64, 2 * 64 + 2 * 16
    assert parameter_count(tied) == 480 * 64 + 3 * (attention + 3 * 64 * 96 + norms) + 64


def test_tanai_computes_what_its_description_says():
    model = made(arch="tanai", layers=1)
    weights = {name.removeprefix("model."): weight for name, weight in model.state_dict().items()}

    def rms(x, name):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weights[f"{name}.weight"]

    def by(x, name):
        return x @ weights[f"layers.0.{name}.weight"].T

    ids = torch.randint(0, 480, (7,))
    x = weights["embed_tokens.weight"][ids] + weights["embed_positions.weight"][:7]
    normed = rms(x, "layers.0.input_layernorm")
    q, k, v = (by(normed, f"self_attn.{name}_proj").view(7, 4, 16).transpose(0, 1) for name in "qkv")
    scores = (q @ k.transpose(1, 2) / 4).masked_fill(torch.ones(7, 7).triu(1).bool(), -torch.inf)
    x = x + by((scores.softmax(-1) @ v).transpose(0, 1).reshape(7, 64), "self_attn.o_proj")
    inner = by(rms(x, "layers.0.post_attention_layernorm"), "mlp.up_proj")
    x = x + by(inner * (1 + torch.erf(inner / 2**0.5)) / 2, "mlp.down_proj")
    with torch.no_grad():
        assert (model(ids[None])[0] - rms(x, "norm") @ weights["embed_tokens.weight"].T).abs().max() < 1e-4


def test_a_tanai_folder_comes_back_here_and_is_named_as_no_stock_model(tokenizer, tmp_path):
    model = made(arch="tanai")
    save_decoder(tmp_path, model, tokenizer.folder)
    again = load_decoder(tmp_path)
    assert again.config == model.config
    ids = torch.randint(0, 480, (2, 20))
    with torch.no_grad():
        assert torch.equal(again(ids), model(ids))
    with pytest.raises(ValueError, match="tanai"):
        AutoModelForCausalLM.from_pretrained(tmp_path)


def test_tanai_has_the_size_of_tanai_lite():
    config = shape(
        arch="tanai", width=512, layers=8, heads=8, kv_heads=8, head_dim=64, ffn=2048, context=1024
    )
    with torch.device("meta"):
        assert parameter_count(Decoder(config, 32000)) == 42_082_816
