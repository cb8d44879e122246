"""What a base model writes after a prompt, for reading."""

import re
from collections.abc import Sequence

from pipeline.inference.generate import crop, generate
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer


def continuations(
    model: Decoder, tokenizer: Tokenizer, prompts: Sequence[str], tokens: int, how: Sampling, seed: int
) -> list[str]:
    """Up to `tokens` tokens after each prompt as text; `…` where it had not come to an end."""
    room = min(tokens, model.context // 2)
    ids = [crop([BOS, *tokenizer.encode(prompt)], model.context, room) for prompt in prompts]
    written = generate(model, ids, max_new_tokens=tokens, how=how, seed=seed, stop_ids={EOS})
    texts = []
    for prompt, new in zip(ids, written, strict=True):
        cut = len(new) == min(tokens, model.context - len(prompt))
        # It may be cut inside a character, whose bytes are tokens.
        texts.append(tokenizer.decode(new).rstrip("\ufffd").rstrip() + (" …" if cut else ""))
    return texts


def as_markdown(prompts: Sequence[str], texts: Sequence[str]) -> str:
    """Each prompt in bold with what follows it, as a quotation."""
    pairs = zip(prompts, texts, strict=True)
    return "\n\n".join(quoted(f"**{escaped(prompt.strip())}**{escaped(text)}") for prompt, text in pairs)


def escaped(text: str) -> str:
    """Letters that Markdown would read as markup, shown as themselves."""
    return re.sub(r"([\\`*_<>#\[\]])", r"\\\1", text)


def quoted(text: str) -> str:
    """A Markdown quotation; every line of the text is a paragraph of it."""
    return "\n>\n".join(f"> {line}" for line in text.splitlines() if line.strip())
