"""The decoder: its cache, masks, attention, initialization and size."""

import pytest
import torch
from torch.nn.attention.flex_attention import BlockMask

from pipeline.model import kv_cache
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.model.kv_cache import KVCache
from pipeline.model.masks import document_mask
from tests.helpers.random_models import make_random_decoder, small_decoder_params


@pytest.mark.parametrize("changes", [{"kv_heads": 2}, {"arch": "tanai"}])
def test_decoder_logits_with_cache_equal_those_without(changes):
    model = make_random_decoder(**changes)
    ids = torch.randint(0, 480, (2, 20))
    cache = KVCache(model.params, 2, 20)
    with torch.no_grad():
        whole = model(ids)
        parts = [read(model, cache, ids, a, b) for a, b in ((0, 7), (7, 8), (8, 15), (15, 20))]
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-5


def read(model, cache, ids, a, b):
    cache.place([0, 1], [a, a], b - a)
    return model(ids[:, a:b], cache)


@pytest.mark.parametrize("changes", [{"kv_heads": 2}, {"arch": "tanai"}])
def test_decoder_rows_of_unequal_length_and_slots_in_any_order(changes):
    model = make_random_decoder(**changes)
    one, two = torch.randint(8, 480, (2, 1, 12))
    cache = KVCache(model.params, 5, 20)
    with torch.no_grad():
        cache.place([3, 1], [0, 0], 8)
        padded = torch.cat([one[:, :8], torch.cat([two[:, :5], torch.full((1, 3), 3)], 1)])
        first = model(padded, cache)
        cache.place([3, 1], [8, 5], 3)
        second = model(torch.cat([one[:, 8:11], two[:, 5:8]]), cache)
        assert (torch.cat([first[:1], second[:1]], 1) - model(one[:, :11])).abs().max() < 1e-5
        assert (torch.cat([first[1:, :5], second[1:]], 1) - model(two[:, :8])).abs().max() < 1e-5


def test_kv_cache_grows_with_the_text_up_to_its_capacity(monkeypatch):
    monkeypatch.setattr(kv_cache, "FIRST_CAPACITY", 4)
    model = make_random_decoder()
    ids = torch.randint(0, 480, (2, 20))
    cache = KVCache(model.params, 2, 20)
    sizes = []
    with torch.no_grad():
        whole = model(ids)
        parts = []
        for a, b in ((0, 3), (3, 4), (4, 5), (5, 12), (12, 20)):
            parts.append(read(model, cache, ids, a, b))
            sizes.append(cache.keys[0].shape[2])
        assert (torch.cat(parts, 1) - whole).abs().max() < 1e-5
        assert sizes == [4, 4, 10, 20, 20]
        with pytest.raises(ValueError, match="21 tokens do not fit its capacity of 20"):
            read(model, cache, ids, 20, 21)


@pytest.mark.parametrize("arch", ["qwen3", "tanai"])
def test_decoder_tokens_do_not_attend_to_later_ones(arch):
    model = make_random_decoder(arch=arch)
    ids = torch.randint(0, 480, (1, 30))
    changed = ids.clone()
    changed[0, 20:] = 5
    with torch.no_grad():
        assert torch.equal(model(ids)[:, :20], model(changed)[:, :20])


def test_decoder_documents_of_a_row_do_not_attend_to_one_another():
    model = make_random_decoder()
    one, two = torch.randint(8, 480, (1, 9)), torch.randint(8, 480, (1, 12))
    documents = torch.tensor([[0] * 9 + [1] * 12])
    with torch.no_grad():
        joined = model(torch.cat([one, two], 1), document_BxT=documents)
        apart = torch.cat([model(one), model(two)], 1)
    assert (joined - apart).abs().max() < 1e-4  # logits are up to 6; processors round differently


@pytest.mark.parametrize("kv_heads", [1, 4])
def test_document_mask_of_compiled_layers_is_a_block_mask(kv_heads):
    model = make_random_decoder(kv_heads=kv_heads).requires_grad_(False)  # on a CPU blocks have no way back
    ids = torch.randint(8, 480, (3, 24))
    documents = torch.randint(0, 2, (3, 24)).cumsum(1)
    expected = model(ids, document_BxT=documents)
    model.compile_layers(backend="eager")
    assert isinstance(document_mask(documents, as_blocks=True), BlockMask)
    assert (model(ids, document_BxT=documents) - expected).abs().max() < 1e-5
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    model(ids, document_BxT=documents.flip(0))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled  # not anew for every batch


def test_initialize_is_seeded_and_untied_model_starts_uniform():
    models = [Decoder(small_decoder_params(tie_embeddings=False), 480) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        initialize(model, seed)
    first, same, other = (m.model.embed_tokens.weight for m in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert models[0](torch.tensor([[1, 2, 3]])).abs().max() == 0


def test_parameter_count_of_a_known_model():
    # Qwen3-shaped: 2 x V x D apart from the layers when untied, once when tied.
    tied, untied = make_random_decoder(), make_random_decoder(tie_embeddings=False)
    assert parameter_count(untied) - parameter_count(tied) == 480 * 64
    attention, norms = 4 * 64 * 64, 2 * 64 + 2 * 16
    assert parameter_count(tied) == 480 * 64 + 3 * (attention + 3 * 64 * 96 + norms) + 64


def test_tanai_decoder_matches_its_definition():
    model = make_random_decoder(arch="tanai", layers=1)
    weights = {name.removeprefix("model."): weight for name, weight in model.state_dict().items()}

    def rms(x, name):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weights[f"{name}.weight"]

    def linear(x, name):
        return x @ weights[f"layers.0.{name}.weight"].T

    ids = torch.randint(0, 480, (7,))
    x = weights["embed_tokens.weight"][ids] + weights["embed_positions.weight"][:7]
    normed = rms(x, "layers.0.input_layernorm")
    q, k, v = (linear(normed, f"self_attn.{name}_proj").view(7, 4, 16).transpose(0, 1) for name in "qkv")
    scores = (q @ k.transpose(1, 2) / 4).masked_fill(torch.ones(7, 7).triu(1).bool(), -torch.inf)
    x = x + linear((scores.softmax(-1) @ v).transpose(0, 1).reshape(7, 64), "self_attn.o_proj")
    inner = linear(rms(x, "layers.0.post_attention_layernorm"), "mlp.up_proj")
    x = x + linear(inner * (1 + torch.erf(inner / 2**0.5)) / 2, "mlp.down_proj")
    with torch.no_grad():
        assert (model(ids[None])[0] - rms(x, "norm") @ weights["embed_tokens.weight"].T).abs().max() < 1e-4


def test_tanai_parameter_count_is_that_of_tanai_lite():
    config = small_decoder_params(
        arch="tanai", width=512, layers=8, heads=8, kv_heads=8, head_dim=64, ffn=2048, context=1024
    )
    with torch.device("meta"):
        assert parameter_count(Decoder(config, 32000)) == 42_082_816
