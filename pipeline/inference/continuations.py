"""Continuations of prompts by a base model, as text and as Markdown, for people to read."""

import re
from collections.abc import Sequence

from pipeline.inference.engine import Adjust, crop_prompt, token_limit
from pipeline.inference.generate import generate
from pipeline.inference.sampling import Sampling
from pipeline.inference.streaming import CUT_MARK, REPLACEMENT
from pipeline.model.decoder import Decoder
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer


def continue_prompts(
    model: Decoder,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    adjust: Adjust | None = None,
) -> list[str]:
    """Return up to `max_new_tokens` tokens after each prompt as text, with CUT_MARK where they were cut off.

    The prompts are read as `normalize_prompt` returns them.
    """
    room = min(max_new_tokens, model.context // 2)
    texts = map(normalize_prompt, prompts)
    prompt_ids = [crop_prompt([BOS, *tokenizer.encode(text)], model.context, room) for text in texts]
    new_ids = generate(
        model,
        prompt_ids,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        stop_ids={EOS},
        adjust=adjust,
    )
    continuations = []
    for prompt, new in zip(prompt_ids, new_ids, strict=True):
        mark = CUT_MARK if len(new) == token_limit(model.context, prompt, max_new_tokens) else ""
        # The cut may fall inside a character, as bytes can be tokens.
        continuations.append(tokenizer.decode(new).rstrip(REPLACEMENT).rstrip() + mark)
    return continuations


def normalize_prompt(text: str) -> str:
    """Return `text` normalized, without spaces at its end.

    A word's first token holds the space before it. After a space of its own the model goes astray.
    """
    return normalize_text(text).rstrip(" ")


def format_samples(prompts: Sequence[str], texts: Sequence[str]) -> str:
    """Return the samples as Markdown: each prompt in bold with its continuation, as a quotation."""
    pairs = zip(prompts, texts, strict=True)
    return "\n\n".join(
        quote_markdown(f"**{escape_markdown(prompt.strip())}**{escape_markdown(text)}")
        for prompt, text in pairs
    )


def escape_markdown(text: str) -> str:
    """Escape the characters that Markdown reads as markup."""
    return re.sub(r"([\\`*_<>#\[\]])", r"\\\1", text)


def quote_markdown(text: str) -> str:
    """Return a Markdown quotation in which every line of the text is a paragraph."""
    return "\n>\n".join(f"> {line}" for line in text.splitlines() if line.strip())
