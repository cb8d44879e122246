"""The engine: texts that come and go, prefixes that are read once, and the pass in NumPy."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.inference import cpu_decoder
from pipeline.inference import engine as engine_module
from pipeline.inference.cpu_decoder import CpuDecoder, can_read, find_runs
from pipeline.inference.engine import MIN_KEPT, Engine, Generation
from pipeline.inference.generate import generate
from pipeline.inference.sampling import Sampling
from pipeline.model.kv_cache import KVCache
from pipeline.tokenizer.special import BOS, EOS
from tests.helpers.random_models import make_random_decoder

ids_lists = st.lists(st.integers(8, 263), min_size=2, max_size=24)


def run(engine, *generations):
    for generation in generations:
        engine.submit(generation)
    while engine.is_busy:
        engine.step()
    return [generation.new_ids for generation in generations]


def record_reads(model, monkeypatch):
    """Return a list that will hold the ids [B, T] of every forward pass in torch."""
    read, hidden_states = [], model.hidden_states

    def recording(ids, *rest):
        read.append(ids.tolist())
        return hidden_states(ids, *rest)

    monkeypatch.setattr(model, "hidden_states", recording)
    return read


@pytest.mark.parametrize(
    "changes", [{}, {"kv_heads": 2}, {"arch": "llama"}, {"arch": "qwen2", "kv_heads": 1}]
)
def test_cpu_decoder_logits_equal_those_of_the_decoder(changes):
    model = make_random_decoder(**changes)
    assert can_read(model)
    rows = torch.randint(8, 480, (3, 20))
    cache = KVCache(model.params, 5, 20)
    decoder = CpuDecoder(model, cache)
    starts = {0: 4, 1: 1, 4: 9}  # slots that are no run, with texts of unequal lengths
    with torch.no_grad():
        for row, (slot, start) in enumerate(starts.items()):
            cache.place([slot], [0], start)
            model(rows[row : row + 1, :start], cache)
        for step in range(10):
            lengths = [start + step for start in starts.values()]
            ids = [int(rows[row, length]) for row, length in enumerate(lengths)]
            logits, hidden = decoder.read(list(starts), ids, lengths)
            for row, length in enumerate(lengths):
                whole = rows[row : row + 1, : length + 1]
                np.testing.assert_allclose(logits[row], model(whole)[0, -1].numpy(), atol=1e-4)
                np.testing.assert_allclose(hidden[row], model.hidden_states(whole)[0, -1].numpy(), atol=1e-4)


def test_can_read_leaves_other_models_to_torch():
    model = make_random_decoder()
    assert can_read(model)
    assert not can_read(make_random_decoder(arch="tanai"))
    assert not can_read(make_random_decoder().to(torch.bfloat16))

    class Adapted(torch.nn.Linear):
        pass

    model.model.layers[0].self_attn.q_proj = Adapted(32, 32)
    assert not can_read(model)


def test_find_runs_worked_by_hand():
    assert list(find_runs([2])) == [(slice(2, 3), slice(0, 1))]
    assert list(find_runs([0, 1, 2, 5, 7, 8])) == [
        (slice(0, 3), slice(0, 3)),
        (slice(5, 6), slice(3, 4)),
        (slice(7, 9), slice(4, 6)),
    ]


@pytest.mark.parametrize("in_numpy", [True, False])
def test_engine_text_does_not_depend_on_what_comes_and_goes(model, monkeypatch, in_numpy):
    monkeypatch.setattr(engine_module, "can_read", lambda model: in_numpy and cpu_decoder.can_read(model))
    prompts = [[BOS, *range(20, 21 + n)] for n in (3, 0, 9, 1, 5, 2, 7)]
    options = {"sampling": Sampling(1.0, top_p=0.95), "seed": 5}
    alone = [run(Engine(model), Generation(ids, row=row, **options))[0] for row, ids in enumerate(prompts)]
    together = [Generation(ids, row=row, **options) for row, ids in enumerate(prompts)]
    engine = Engine(model, 3)
    for generation in together[:4]:
        engine.submit(generation)
    for _ in range(4):
        engine.step()
    engine.cancel(together[1])
    engine.cancel(together[3])  # one that runs and one that waits, or has just begun
    said = list(together[1].new_ids)
    run(engine, *together[4:])
    for row in (0, 2, 4, 5, 6):
        assert together[row].new_ids == alone[row]
    assert together[1].new_ids == said == alone[1][: len(said)]


def test_engine_reads_each_token_once(model, monkeypatch):
    monkeypatch.setattr(engine_module, "can_read", lambda model: False)
    read = record_reads(model, monkeypatch)
    (new,) = run(Engine(model), Generation([BOS, 20, 21], 4, stop_ids={EOS}))
    assert read == [[[BOS, 20, 21]], *([[token]] for token in new[:-1])]


def test_engine_next_turn_reads_what_is_new(model, monkeypatch):
    prompt = [BOS, *range(20, 20 + MIN_KEPT)]
    engine = Engine(model, 2)
    read = record_reads(model, monkeypatch)
    run(engine, Generation([BOS, 40, 41], 2))
    (new,) = run(engine, Generation(prompt, 3))
    read.clear()
    longer = [*prompt, *new, 50]
    (answer,) = run(engine, Generation(longer, 2))
    assert read == [[[new[-1], 50]]]  # the last token had been chosen and not read
    assert answer == run(Engine(model), Generation(longer, 2))[0]
    read.clear()
    assert run(engine, Generation(longer, 2)) == [answer]
    assert read == []  # of the same again its last token alone, in NumPy


@settings(max_examples=20, deadline=None)
@given(ids_lists, st.data())
def test_engine_cached_logits_equal_uncached(model, ids, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ids) - 1))) | {0, len(ids)})
    cache = KVCache(model.params, 1, 24)
    parts = []
    with torch.no_grad():
        whole = model(torch.tensor([ids]))
        for a, b in pairwise(cuts):
            cache.place([0], [a], b - a)
            parts.append(model(torch.tensor([ids[a:b]]), cache))
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_generate_takes_no_more_of_the_cache_than_its_texts_need(monkeypatch):
    sizes = []
    monkeypatch.setattr(engine_module, "KVCache", lambda *args: sizes.append(args[2]) or KVCache(*args))
    model = make_random_decoder(context=4096)
    generate(model, [[BOS, 20, 21], [BOS]], max_new_tokens=4)
    generate(model, [[BOS] * 4000], max_new_tokens=200)
    assert sizes == [7, 4096]


def test_engine_computes_in_fp32_under_autocast(model):
    prompts = [[BOS, 20 + row] for row in range(4)]
    expected = generate(model, prompts, max_new_tokens=8)
    with torch.autocast("cpu", torch.bfloat16):
        assert generate(model, prompts, max_new_tokens=8) == expected


def test_engine_of_a_model_in_bf16(model):
    model = make_random_decoder().to(torch.bfloat16)
    assert len(generate(model, [[BOS, 20], [BOS]], max_new_tokens=5)[1]) == 5


def test_int8_stays_near_fp32():
    model = make_random_decoder(arch="qwen2", kv_heads=2)  # with biases
    cache = KVCache(model.params, 1, 12)
    decoder, exact = CpuDecoder(model, cache, int8=True), KVCache(model.params, 1, 12)
    for at, token in enumerate([BOS, *range(20, 30)]):
        rounded, _ = decoder.read([0], [token], [at])
        logits, _ = CpuDecoder(model, exact).read([0], [token], [at])
    assert 0 < np.abs(rounded - logits).max() < 0.1 * np.abs(logits).max()


def test_int8_is_refused_where_it_is_not_built():
    with pytest.raises(UserError, match="--int8: for llama, qwen2 and qwen3 on a processor alone"):
        Engine(make_random_decoder(arch="tanai"), int8=True)
