import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.inference import engine as engine_module
from pipeline.inference.engine import Engine, Generation, crop_prompt
from pipeline.inference.generate import generate, stream
from pipeline.inference.sampling import Sampling
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer

CONTEXT = 24
prompt_lists = st.lists(
    st.lists(st.integers(8, 263), max_size=30).map(lambda ids: [BOS, *ids]), min_size=1, max_size=5
)


@torch.no_grad()
def generate_uncached(model, prompt, count):
    """Generate without cache and batch: the whole sequence is read for every token."""
    ids, new = crop_prompt(prompt, model.context), []
    while len(new) < count and len(ids) < model.context:
        logits = model(torch.tensor([ids]))[0, -1]
        logits[Tokenizer.forbidden_ids] = -torch.inf
        new.append(int(logits.argmax()))
        ids.append(new[-1])
    return new


@settings(max_examples=25, deadline=None)
@given(prompt_lists, st.integers(1, 10))
def test_generate_batch_of_unequal_prompts_equals_each_without_cache(model, prompts, count):
    expected = [generate_uncached(model, prompt, count) for prompt in prompts]
    assert generate(model, prompts, max_new_tokens=count) == expected
    assert generate(model, prompts, max_new_tokens=count, batch_size=2) == expected


def test_generate_sampled_row_depends_on_position_and_seed_alone(model):
    prompts = [[BOS, 20 + i] * (i + 1) for i in range(4)]
    options = {"max_new_tokens": 8, "sampling": Sampling(1.0, top_p=0.9, top_k=50)}
    batch = generate(model, prompts, seed=1, **options)
    assert batch == generate(model, prompts, seed=1, batch_size=1, **options)
    assert batch[:2] == generate(model, prompts[:2], seed=1, **options)
    assert batch != generate(model, prompts, seed=2, **options)
    twice = generate(model, [prompts[0], prompts[0]], seed=1, **options)
    assert twice[0] != twice[1]


def test_generate_ends_before_the_stop_token_of_its_own_row(model):
    prompts = [[BOS, 20], [BOS, 21, 22]]
    free = generate(model, prompts, max_new_tokens=8)
    stop = free[0][3]
    stopped = generate(model, prompts, max_new_tokens=8, stop_ids={stop})
    assert stopped[0] == free[0][: free[0].index(stop)]
    assert stopped[1] == (free[1][: free[1].index(stop)] if stop in free[1] else free[1])


def test_stream_tells_whether_the_text_was_cut_off(model, tokenizer, monkeypatch):
    def stream_what_is_said(said, stops=(), **options):
        ids = iter([*tokenizer.encode(said), EOS])
        monkeypatch.setattr(engine_module, "sample_token", lambda *_: next(ids))
        text = stream(Engine(model), tokenizer, Generation([BOS, 70], stop_ids={EOS}, **options), stops)
        return "".join(text), text.is_cut

    assert stream_what_is_said("çiğ") == ("çiğ", False)
    assert stream_what_is_said("çiğ", max_new_tokens=6) == ("çiğ", False)
    assert stream_what_is_said("çiğ", max_new_tokens=5) == ("çiğ", True)  # whether it goes on is not known
    assert stream_what_is_said("çiğ", max_new_tokens=4) == ("çi", True)  # no half of a letter
    assert stream_what_is_said("çiğ", ["ğ"], max_new_tokens=5) == ("çi", False)
    assert stream_what_is_said("a" * 30) == ("a" * (CONTEXT - 2), True)
    assert stream_what_is_said("") == ("", False)


def test_stream_that_nobody_reads_on_frees_its_slot(model, tokenizer):
    engine = Engine(model)
    pieces = iter(stream(engine, tokenizer, Generation([BOS, 70])))
    next(pieces)
    assert engine.is_busy
    pieces.close()
    assert not engine.is_busy


def test_generate_ends_with_the_context(model):
    prompts = [[BOS, *range(20, 20 + n)] for n in (3, CONTEXT - 4, CONTEXT + 9)]
    lengths = [len(new) for new in generate(model, prompts, max_new_tokens=1000)]
    assert lengths == [CONTEXT - 4, 3, 1]


def test_crop_prompt_drops_oldest_tokens_after_the_start():
    assert crop_prompt([BOS, 10, 11, 12, 13], context=4) == [BOS, 12, 13]
    assert crop_prompt([BOS, 10, 11, 12, 13], context=4, room=3) == [BOS]
    assert crop_prompt([BOS, 10], context=4) == [BOS, 10]
    with pytest.raises(ValueError, match="room"):
        crop_prompt([BOS], context=4, room=4)


def test_generate_never_returns_forbidden_ids(model):
    biased = torch.nn.Linear(32, 264)
    with torch.no_grad():
        biased.weight.copy_(model.lm_head.weight)
        biased.bias.zero_()
        biased.bias[Tokenizer.forbidden_ids] = 1e4
    original, model.lm_head = model.lm_head, biased
    try:
        for temperature in (0.0, 1.0):
            new = generate(model, [[BOS, 20], [BOS]], max_new_tokens=6, sampling=Sampling(temperature))
            assert not set(Tokenizer.forbidden_ids) & {token for row in new for token in row}
    finally:
        model.lm_head = original


def test_generate_high_penalty_prevents_repetition(model):
    free = generate(model, [[BOS, 20, 21]], max_new_tokens=20)[0]
    assert len(set(free)) < len(free)  # else the test shows nothing
    prompts, penalized = [[BOS, 20, 21], [BOS, 22]], Sampling(repetition_penalty=100)
    for prompt, new in zip(
        prompts,
        generate(model, prompts, max_new_tokens=20, sampling=penalized),
        strict=True,
    ):
        assert len(new) >= 10
        assert len({*prompt, *new}) == len(prompt) + len(new)


def test_generation_penalty_leaves_the_stop_token_alone():
    # A stop token stands in the prompt of every later turn of a chat.
    generation = Generation([BOS, 20, 21, 22], stop_ids={21}, new_ids=[30])
    assert generation.seen_ids() == {BOS, 20, 22, 30}


def test_generate_no_prompts_empty_prompt_and_no_new_tokens(model):
    assert generate(model, [], max_new_tokens=3) == []
    with pytest.raises(ValueError, match="max_new_tokens"):
        generate(model, [[BOS]], max_new_tokens=0)
    with pytest.raises(ValueError, match="no token"):
        generate(model, [[]], max_new_tokens=3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.text("abcçdefgğhi ", min_size=1, max_size=2), max_size=2))
def test_stream_equals_generated_text_before_the_stop_string(model, tokenizer, seed, stops):
    options = {"max_new_tokens": 20, "sampling": Sampling(1.5), "seed": seed}
    ids = generate(model, [[BOS, 70]], **options)[0]
    text = "".join(stream(Engine(model), tokenizer, Generation([BOS, 70], **options), stops))
    whole = tokenizer.decode(ids).rstrip("\ufffd")
    assert whole.startswith(text)
    assert not any(stop in text for stop in stops)
    assert text == whole or any(whole[len(text) :].startswith(stop) for stop in stops)
