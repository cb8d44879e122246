"""`tezgah infer "…"`: open a model folder and generate a continuation or an answer."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, translate
from pipeline.common.paths import SFT_MODEL
from pipeline.device.device import pick_device
from pipeline.inference.continuations import normalize_prompt
from pipeline.inference.engine import Engine, Generation, crop_prompt
from pipeline.inference.generate import stream
from pipeline.inference.prompts import normalize_argument
from pipeline.inference.sampling import CHAT_SAMPLING, Sampling
from pipeline.inference.streaming import mark_cut
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_to_answer
from pipeline.ngrams.mixture import find_mixture
from pipeline.pretrained.tokenizer import load_chat_tokenizer
from pipeline.tokenizer.chat_template import ChatTokenizer


def infer(
    prompt: str,
    folder: Path | str = SFT_MODEL,
    *,
    raw: bool | None = None,
    system: str | None = None,
    max_new_tokens: int | None = None,
    sampling: Sampling = CHAT_SAMPLING,
    seed: int = 0,
    stop: Sequence[str] = (),
    ngram: bool = True,
    int8: bool = False,
    device: str = "auto",
) -> Iterator[str]:
    """Return an iterator over the generated text, piece by piece, without the prompt.

    A chat model answers `prompt` as a user's message, after a `system` message if there is one. With
    `raw` the model continues `prompt` as plain text; left None, that is so for a folder named
    `base`, such as models/base. The same arguments give the same text on the same machine. A text that is
    cut off, by `max_new_tokens` or by the end of the context, ends in " …".

    n-gram counts in the folder are mixed in (pipeline/ngrams/mixture.py), unless `ngram` is False. `int8`:
    see `Engine`.

    `prompt`, `system` and `stop` are normalized as all training text is. Spaces at the end of plain text
    are left out, which is told on standard error.

    Everything is checked before this returns. Raises UserError for a folder without a model, an
    argument out of range, or a message longer than the model reads.
    """
    prompt = normalize_argument(Translatable("prompt"), prompt)
    stop = [normalize_argument("--stop", text) for text in stop]
    check_arguments(max_new_tokens, seed, stop)
    folder = Path(folder)
    model, tokenizer = open_model(folder, device)
    if raw if raw is not None else folder.resolve().name == "base":
        if system is not None:
            raise UserError(
                "--system: {system}: plain text has no system message; leave it out", system=repr(system)
            )
        if prompt.endswith(" "):
            print(
                translate("prompt: left out the space at its end, which is part of the next word"),
                file=sys.stderr,
            )
        ids = encode_text_prompt(normalize_prompt(prompt), model, tokenizer, max_new_tokens)
    else:
        ids = encode_chat_prompt(prompt, system, model, tokenizer)
    mixture = find_mixture(folder, model.params.width) if ngram else None
    adjust = mixture.mix_next if mixture else None
    engine = Engine(model, forbidden_ids=tokenizer.forbidden_ids, adjust=adjust, int8=int8)
    generation = Generation(ids, max_new_tokens, sampling, seed, stop_ids=tokenizer.stop_ids)
    return mark_cut(stream(engine, tokenizer, generation, stop))


def open_model(folder: Path, device: str = "auto") -> tuple[Decoder, ChatTokenizer]:
    """Return a model folder's decoder and tokenizer. Raises UserError where there is none."""
    if not (folder / "config.json").is_file():
        raise UserError("{folder}: no model there; run `make repro`, or name a model folder", folder=folder)
    return load_to_answer(folder, pick_device(device)), load_chat_tokenizer(folder)


def encode_text_prompt(
    text: str, model: Decoder, tokenizer: ChatTokenizer, max_new_tokens: int | None
) -> list[int]:
    """Return the token ids of plain text to continue.

    The beginning of a long text is dropped, so that up to half of the context is free for new tokens.
    """
    room = max(1, min(max_new_tokens or model.context, model.context // 2))
    return crop_prompt(tokenizer.encode_start(text), model.context, room)


def encode_chat_prompt(text: str, system: str | None, model: Decoder, tokenizer: ChatTokenizer) -> list[int]:
    """Return the token ids that an answer continues. Raises UserError for no text, or too much."""
    if not text.strip():
        raise UserError("prompt: {text}: nothing to answer; give some text", text=repr(text))
    messages = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": normalize_argument("--system", system)})
    ids = tokenizer.encode_prompt(messages)
    if len(ids) >= model.context:
        raise UserError(
            "prompt: {count} tokens leave no room for an answer: the model reads {context}; "
            "shorten it, or pass --raw to continue its end as plain text",
            count=len(ids),
            context=model.context,
        )
    return ids


def make_sampling(
    temperature: float, top_k: int, top_p: float, min_p: float, repetition_penalty: float
) -> Sampling:
    """Return the sampling of the command line's options. Raises UserError for one out of range."""
    try:
        return Sampling(temperature, top_k, top_p, min_p, repetition_penalty)
    except UserError as error:
        option = f"--{error.message.values['name']}".replace("_", "-")
        raise UserError(error.message.template, **{**error.message.values, "name": option}) from None


def check_arguments(max_new_tokens: int | None, seed: int, stop: Sequence[str]) -> None:
    """Raise UserError for an option out of range."""
    if max_new_tokens is not None and max_new_tokens < 1:
        raise UserError("--max-new-tokens: {max_new_tokens}: give 1 or more", max_new_tokens=max_new_tokens)
    if seed < 0:
        raise UserError("--seed: {seed}: give a whole number from 0 up", seed=seed)
    if "" in stop:
        raise UserError("--stop: '': an empty stop string; leave it out")
