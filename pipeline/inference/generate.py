"""Generation with a cache of keys and values: each token is read once.

B batch    T new tokens read    S all tokens so far, padding included    V vocabulary

A prompt is given as ids, begins with `<s>` and gets no end token. Where it fills the model's
context, its oldest tokens after `<s>` are dropped until one new token fits (`crop`; leave more room
by calling it yourself). Generation never slides: it ends with the context.
"""

from collections.abc import Collection, Iterator, Sequence

import torch

from pipeline.inference.sampling import GREEDY, Sampling, choose, generators
from pipeline.inference.streaming import until, whole_characters
from pipeline.model.decoder import Decoder
from pipeline.model.kv_cache import KVCache
from pipeline.tokenizer.tokenizer import BOS, PAD, UNK, Tokenizer

NEVER = [UNK, BOS, PAD]  # no text continues with them, whatever an untrained row scores


def crop(prompt: Sequence[int], context: int, room: int = 1) -> list[int]:
    """`prompt` with its oldest tokens after `<s>` dropped until `room` new tokens fit in `context`.

    Raises ValueError where that leaves no place for a prompt.
    """
    keep = context - room
    if not 0 < keep < context:
        raise ValueError(f"room {room} does not lie between 1 and context - 1 = {context - 1}")
    dropped = len(prompt) - keep
    return [*prompt[:1], *prompt[1 + dropped :]] if dropped > 0 else list(prompt)


def generate(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    how: Sampling = GREEDY,
    seed: int = 0,
    stop_ids: Collection[int] = (),
    batch_size: int = 32,
) -> list[list[int]]:
    """New tokens of every prompt, in order, without the stop token that ended them.

    A prompt's tokens depend on the prompt, the seed and its place in `prompts`; not on its neighbours
    nor on `batch_size`, which is memory. Raises ValueError for an empty prompt or no token asked for.
    """
    result: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))  # alike lengths: little padding
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = [prompts[row] for row in rows]
        for tokens in steps(model, batch, rows, max_new_tokens, seed, stop_ids, how):
            for row, token in zip(rows, tokens, strict=True):
                if token is not None:
                    result[row].append(token)
    return result


def stream(
    model: Decoder,
    tokenizer: Tokenizer,
    prompt_ids: Sequence[int],
    *,
    max_new_tokens: int,
    how: Sampling = GREEDY,
    seed: int = 0,
    stop_ids: Collection[int] = (),
    stop_strings: Collection[str] = (),
) -> Iterator[str]:
    """The continuation of one prompt as text, piece by piece; joined, it is the whole of it.

    No piece holds a broken character, and no stop string is shown, not even in part, however the
    tokens cut it. The tokens are those of `generate` for a single prompt.
    """
    made = steps(model, [prompt_ids], [0], max_new_tokens, seed, stop_ids, how)
    ids = (token for tokens in made for token in tokens if token is not None)
    return until(whole_characters(ids, tokenizer.decode), stop_strings)


@torch.inference_mode()
def steps(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    max_new_tokens: int,
    seed: int,
    stop_ids: Collection[int],
    how: Sampling,
) -> Iterator[list[int | None]]:
    """One new token of every prompt at a time, None where a prompt has ended; until all have.

    `rows` number the prompts among all that are generated: each draws from its own random numbers.
    """
    if max_new_tokens < 1 or not all(prompts):
        raise ValueError("max_new_tokens is below 1" if max_new_tokens < 1 else "a prompt has no token")
    cropped = [crop(prompt, model.context) for prompt in prompts]
    device = next(model.parameters()).device
    draws = generators(seed, rows)
    lengths_B = torch.tensor([len(prompt) for prompt in cropped])
    limits = [min(max_new_tokens, model.context - len(prompt)) for prompt in cropped]
    longest = int(lengths_B.max())

    ids_BxT = torch.tensor([[PAD] * (longest - len(prompt)) + prompt for prompt in cropped])
    columns = torch.arange(longest + max(limits)) - longest
    positions_BxS = (columns[None] + lengths_B[:, None]).clamp(0, model.context - 1).to(device)
    mask_BxS = (columns[None] >= -lengths_B[:, None]).to(device)
    padded = not bool(mask_BxS.all())
    cache = KVCache(model.config, len(prompts), longest + max(limits) - 1, model.dtype, device)
    running = [True] * len(prompts)
    # An end that the prompt holds, as every turn of a chat does, must stay as likely as it is.
    seen = [set(prompt) - set(stop_ids) for prompt in cropped]

    for step in range(max(limits)):
        read = slice(cache.length, cache.length + ids_BxT.shape[1])
        seen_BxS = mask_BxS[:, : read.stop] if padded else None
        hidden_BxTxD = model.hidden(ids_BxT.to(device), cache, positions_BxS[:, read], seen_BxS)
        logits_BxV = model.lm_head(hidden_BxTxD[:, -1])
        logits_BxV[:, NEVER] = -torch.inf
        tokens = choose(logits_BxV, draws, how, seen)
        running = [
            on and step < limit and token not in stop_ids
            for on, limit, token in zip(running, limits, tokens, strict=True)
        ]
        if not any(running):
            return
        yield [token if on else None for on, token in zip(running, tokens, strict=True)]
        for row, token in zip(seen, tokens, strict=True):
            row.add(token)
        ids_BxT = torch.tensor(tokens)[:, None]
