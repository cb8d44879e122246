"""Generation with a KV cache: each token is read once.

B batch    T new tokens read    S all tokens so far, padding included    V vocabulary

A prompt is given as ids, begins with `<s>` and gets no end token. Where it fills the model's
context, its oldest tokens after `<s>` are dropped until one new token fits (`crop_prompt`; call it
yourself to leave more room). There is no sliding window: generation ends with the context.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from torch import Tensor

from pipeline.inference.sampling import GREEDY, Sampling, make_generators, sample_tokens
from pipeline.inference.streaming import TextStream, cut_at_stop, decode_characters
from pipeline.model.decoder import Decoder
from pipeline.model.kv_cache import KVCache
from pipeline.tokenizer.chat_template import ChatTokenizer
from pipeline.tokenizer.special import PAD
from pipeline.tokenizer.tokenizer import Tokenizer

# From the logits [B, V], the last hidden states [B, D] and each row's tokens so far: the logits to draw from.
Adjust = Callable[[Tensor, Tensor, Sequence[Sequence[int]]], Tensor]


def crop_prompt(prompt: Sequence[int], context: int, room: int = 1) -> list[int]:
    """Drop the oldest tokens of `prompt` after `<s>` until `room` new tokens fit in `context`.

    Raises ValueError where that leaves no room for a prompt.
    """
    keep = context - room
    if not 0 < keep < context:
        raise ValueError(f"room {room} does not lie between 1 and context - 1 = {context - 1}")
    dropped = len(prompt) - keep
    return [*prompt[:1], *prompt[1 + dropped :]] if dropped > 0 else list(prompt)


def token_limit(context: int, prompt: Sequence[int], max_new_tokens: int | None = None) -> int:
    """Return how many new tokens may follow `prompt`: what `context` has room for, up to `max_new_tokens`."""
    room = max(1, context - len(prompt))  # a prompt too long is cropped until one fits
    return room if max_new_tokens is None else min(room, max_new_tokens)


def generate(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    stop_ids: Collection[int] = (),
    forbidden_ids: Sequence[int] = Tokenizer.forbidden_ids,
    adjust: Adjust | None = None,
    batch_size: int = 32,
) -> list[list[int]]:
    """Return the new tokens of every prompt, in order, without the stop token that ended them.

    A prompt's tokens depend on the prompt, the seed and its position in `prompts`. They depend neither on
    its neighbors nor on `batch_size`, which only sets the memory. Raises ValueError for an empty prompt or
    `max_new_tokens` below 1.
    """
    result: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))  # similar lengths: little padding
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = [prompts[row] for row in rows]
        for tokens in generate_steps(
            model, batch, rows, max_new_tokens, seed, stop_ids, forbidden_ids, sampling, adjust
        ):
            for row, token in zip(rows, tokens, strict=True):
                if token is not None:
                    result[row].append(token)
    return result


def stream(
    model: Decoder,
    tokenizer: ChatTokenizer,
    prompt_ids: Sequence[int],
    *,
    max_new_tokens: int | None = None,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    stop_ids: Collection[int] = (),
    stop_strings: Collection[str] = (),
    adjust: Adjust | None = None,
) -> TextStream:
    """Return the continuation of one prompt as text, piece by piece. Joined, the pieces are all of it.

    It is cut off after `max_new_tokens`, if they are given, and where the context ends. No piece holds a
    broken character. No part of a stop string is in it, however the tokens cut it. The tokens are those of
    `generate` for a single prompt.
    """
    limit = token_limit(model.context, prompt_ids, max_new_tokens)

    def new_ids() -> Iterator[int]:
        count = 0
        for tokens in generate_steps(
            model, [prompt_ids], [0], limit, seed, stop_ids, tokenizer.forbidden_ids, sampling, adjust
        ):
            count += 1
            yield from (token for token in tokens if token is not None)
        text.is_cut = count == limit  # not reached where a stop string ends the text

    text = TextStream(cut_at_stop(decode_characters(new_ids(), tokenizer.decode), stop_strings))
    return text


@torch.inference_mode()
def generate_steps(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    max_new_tokens: int,
    seed: int,
    stop_ids: Collection[int],
    forbidden_ids: Sequence[int],
    sampling: Sampling,
    adjust: Adjust | None = None,
) -> Iterator[list[int | None]]:
    """Yield one new token of every prompt at a time, None where a prompt has ended, until all have.

    `rows` are the prompts' positions among all that are generated. Each has a random generator of its own.
    `adjust` replaces the logits before a token is drawn.
    """
    if max_new_tokens < 1 or not all(prompts):
        raise ValueError("max_new_tokens is below 1" if max_new_tokens < 1 else "a prompt has no token")
    cropped = [crop_prompt(prompt, model.context) for prompt in prompts]
    device = next(model.parameters()).device
    generators = make_generators(seed, rows)
    lengths_B = torch.tensor([len(prompt) for prompt in cropped])
    limits = [token_limit(model.context, prompt, max_new_tokens) for prompt in cropped]
    longest = int(lengths_B.max())

    ids_BxT = torch.tensor([[PAD] * (longest - len(prompt)) + prompt for prompt in cropped])
    columns = torch.arange(longest + max(limits)) - longest
    positions_BxS = (columns[None] + lengths_B[:, None]).clamp(0, model.context - 1).to(device)
    mask_BxS = (columns[None] >= -lengths_B[:, None]).to(device)
    is_padded = not bool(mask_BxS.all())
    cache = KVCache(model.params, len(prompts), longest + max(limits) - 1, model.dtype, device)
    is_running = [True] * len(prompts)
    # A stop token in the prompt, as in every turn of a chat, must not become less likely.
    seen_ids = [set(prompt) - set(stop_ids) for prompt in cropped]
    texts = [list(prompt) for prompt in prompts]

    for step in range(max(limits)):
        columns_read = slice(cache.length, cache.length + ids_BxT.shape[1])
        key_mask_BxS = mask_BxS[:, : columns_read.stop] if is_padded else None
        hidden_BxTxD = model.hidden_states(
            ids_BxT.to(device), cache, positions_BxS[:, columns_read], key_mask_BxS
        )
        logits_BxV = model.lm_head(hidden_BxTxD[:, -1])
        if adjust is not None:
            logits_BxV = adjust(logits_BxV, hidden_BxTxD[:, -1], texts)
        logits_BxV[:, forbidden_ids] = -torch.inf
        tokens = sample_tokens(logits_BxV, generators, sampling, seen_ids)
        is_running = [
            running and step < limit and token not in stop_ids
            for running, limit, token in zip(is_running, limits, tokens, strict=True)
        ]
        if not any(is_running):
            return
        yield [token if running else None for running, token in zip(is_running, tokens, strict=True)]
        for seen, text, token in zip(seen_ids, texts, tokens, strict=True):
            seen.add(token)
            text.append(token)
        ids_BxT = torch.tensor(tokens)[:, None]
