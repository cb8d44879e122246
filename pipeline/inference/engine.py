"""The engine: generates many texts at once with a KV cache, so that each token is read once.

B texts    T new tokens read    D model width    V vocabulary

A text takes a slot of the cache from its first token to its last. Texts come and go at any step. A slot
keeps what it has read: of a prompt that begins with the same tokens, as in the next turn of a chat, the rest
alone is read.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.inference.constraint import Constraint
from pipeline.inference.cpu_decoder import CpuDecoder, can_read
from pipeline.inference.sampling import (
    GREEDY,
    Choice,
    Sampling,
    describe_choice,
    make_generator,
    sample_token,
)
from pipeline.model.decoder import Decoder
from pipeline.model.kv_cache import KVCache
from pipeline.tokenizer.special import PAD
from pipeline.tokenizer.tokenizer import Tokenizer

MIN_KEPT = 16  # tokens of a prompt that a slot has read; fewer are not worth a forward pass of their own

# From the logits [B, V], the last hidden states [B, D] and each text's tokens: the logits to draw from.
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


@dataclass(eq=False)
class Generation:
    """A text that an engine generates: what is asked, and what came of it so far.

    The prompt is ids, begins with `<s>` and gets no end token. Raises ValueError for an empty one, or
    `max_new_tokens` below 1.
    """

    prompt: Sequence[int]
    max_new_tokens: int | None = None  # None: as many as the context allows
    sampling: Sampling = GREEDY
    seed: int = 0
    row: int = 0  # among texts of the same seed, which draw differently
    stop_ids: Collection[int] = ()
    constraint: Constraint | None = None
    rivals: int | None = None  # how many `choices` name of each token; None: no choices are kept
    choices: list[Choice] = field(default_factory=list)
    new_ids: list[int] = field(default_factory=list)  # without the stop token
    end: Literal["", "stop", "length"] = ""  # "": goes on

    def __post_init__(self) -> None:
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise ValueError("max_new_tokens is below 1")
        if not self.prompt:
            raise ValueError("a prompt has no token")
        self.generator = make_generator(self.seed, self.row)

    def seen_ids(self) -> set[int]:
        """Return the tokens that a repetition penalty lowers.

        A stop token in the prompt, as in every turn of a chat, must not become less likely.
        """
        return set(self.prompt).difference(self.stop_ids).union(self.new_ids)


@dataclass(eq=False)
class Slot:
    """A row of the KV cache, and the text that uses it, if any."""

    number: int
    ids: list[int] = field(default_factory=list)  # of the text that uses it or did last, its prompt included
    read: int = 0  # how many of them the cache has
    generation: Generation | None = None

    @property
    def unread(self) -> list[int]:
        """The tokens that the next forward pass reads."""
        return self.ids[self.read :]


class Engine:
    """Generates texts, each as soon as a slot is free. Not for several threads at once.

    A text that fills the model's context ends there. A prompt that fills it loses its oldest tokens after
    `<s>` until one new token fits (`crop_prompt`; call it yourself to leave more room).
    """

    def __init__(
        self,
        model: Decoder,
        slots: int = 1,
        *,
        capacity: int | None = None,
        forbidden_ids: Sequence[int] = Tokenizer.forbidden_ids,
        adjust: Adjust | None = None,
        int8: bool = False,
    ) -> None:
        """`capacity`: tokens of the longest text, prompt included; None: the model's context.

        `forbidden_ids` are never generated. `adjust` replaces the logits before a token is chosen.
        With `int8` a processor multiplies in 8 bits. Raises UserError where that is not built.
        """
        self.model, self.forbidden_ids, self.adjust = model, list(forbidden_ids), adjust
        self.device = next(model.parameters()).device
        dtype = torch.float32 if can_read(model) else model.dtype
        self.cache = KVCache(model.params, slots, capacity or model.context, dtype, self.device)
        self.cpu_decoder = CpuDecoder(model, self.cache, int8) if can_read(model) else None
        if int8 and self.cpu_decoder is None:
            raise UserError("--int8: for llama, qwen2 and qwen3 on a processor alone; leave it out")
        self.slots = [Slot(number) for number in range(slots)]
        self.waiting: deque[Generation] = deque()

    @property
    def is_busy(self) -> bool:
        """True while a text goes on or waits."""
        return bool(self.waiting) or any(slot.generation for slot in self.slots)

    def submit(self, generation: Generation) -> None:
        """Queue a text."""
        self.waiting.append(generation)

    def cancel(self, generation: Generation) -> None:
        """Take a text out. What it has so far stays as it is."""
        if generation in self.waiting:
            self.waiting.remove(generation)
        for slot in self.slots:
            if slot.generation is generation:
                slot.generation = None

    @torch.inference_mode()
    def step(self) -> list[Generation]:
        """Read the prompts of texts that found a slot, or else a token of each text; choose the next of each.

        Returns these texts: each has a new token, or has ended.
        """
        slots = self._admit() or [slot for slot in self.slots if slot.generation]
        if not slots:
            return []
        # An evaluation during training runs under autocast, which NumPy does not know.
        with torch.autocast("cpu", enabled=False) if self.cpu_decoder else nullcontext():
            logits_BxV, hidden_BxD = self._read(slots)
            if self.adjust is not None:
                logits_BxV = self.adjust(logits_BxV, hidden_BxD, [slot.ids for slot in slots])
        logits = logits_BxV.float().cpu().numpy()
        logits[:, self.forbidden_ids] = -np.inf
        return [self._choose(slot, logits_V) for slot, logits_V in zip(slots, logits, strict=True)]

    def _admit(self) -> list[Slot]:
        """Give waiting texts the free slots, as long as there are any; return these slots."""
        free = [slot for slot in self.slots if slot.generation is None]
        admitted = []
        while free and self.waiting:
            generation = self.waiting.popleft()
            prompt = crop_prompt(generation.prompt, self.model.context)
            # The slot that has read most of the prompt, or else the one that has read least.
            kept = [count_shared(slot.ids[: slot.read], prompt[:-1]) for slot in free]
            kept = [count if count >= MIN_KEPT else 0 for count in kept]
            best = max(range(len(free)), key=lambda i: (kept[i], -free[i].read))
            slot = free.pop(best)
            slot.ids, slot.read, slot.generation = prompt, kept[best], generation
            admitted.append(slot)
        return sorted(admitted, key=lambda slot: slot.number)

    def _read(self, slots: list[Slot]) -> tuple[Tensor, Tensor]:
        """Read what is unread of each slot; return the logits [B, V] of the next tokens and the last hidden
        states [B, D].
        """
        if self.cpu_decoder and all(len(slot.unread) == 1 for slot in slots):
            numbers, lengths = [slot.number for slot in slots], [slot.read for slot in slots]
            logits, hidden = self.cpu_decoder.read(numbers, [slot.ids[-1] for slot in slots], lengths)
            hidden_BxD, logits_BxV = torch.from_numpy(hidden), torch.from_numpy(logits)
        else:
            groups = split_rows(slots)
            parts = [self._read_rows([slots[row] for row in rows]) for rows in groups]
            hidden_BxD = torch.cat(parts)[np.argsort(np.concatenate(groups))]
            logits_BxV = self.model.lm_head(hidden_BxD)
        for slot in slots:
            slot.read = len(slot.ids)
        return logits_BxV, hidden_BxD

    def _read_rows(self, slots: list[Slot]) -> Tensor:
        """Read what is unread of some slots in one forward pass; return the last hidden states [B, D]."""
        longest = max(len(slot.unread) for slot in slots)
        self.cache.place([slot.number for slot in slots], [slot.read for slot in slots], longest)
        ids_BxT = torch.tensor([slot.unread + [PAD] * (longest - len(slot.unread)) for slot in slots])
        hidden_BxTxD = self.model.hidden_states(ids_BxT.to(self.device), self.cache)
        last_B = torch.tensor([len(slot.unread) - 1 for slot in slots], device=self.device)
        return hidden_BxTxD[torch.arange(len(slots), device=self.device), last_B]

    def _choose(self, slot: Slot, logits_V: np.ndarray) -> Generation:
        """Choose the next token of a slot's text, or end the text. Returns the text."""
        generation = slot.generation
        assert generation is not None
        seen_ids = generation.seen_ids() if generation.sampling.repetition_penalty != 1 else ()
        allowed_V = logits_V
        if generation.constraint:
            allowed_V = np.where(generation.constraint.allowed_tokens(), logits_V, -np.inf)
            if np.isneginf(allowed_V).all():  # nothing may follow, not even an end
                generation.end, slot.generation = "stop", None
                return generation
        token = sample_token(allowed_V, generation.generator, generation.sampling, seen_ids)
        if token in generation.stop_ids:
            generation.end = "stop"
        else:
            if generation.constraint:
                generation.constraint.add(token)
            if generation.rivals is not None:
                generation.choices.append(describe_choice(logits_V, token, generation.rivals))
            generation.new_ids.append(token)
            slot.ids.append(token)
            limit = token_limit(self.model.context, generation.prompt, generation.max_new_tokens)
            if len(generation.new_ids) == limit:
                generation.end = "length"
        if generation.end:
            slot.generation = None
        return generation


def count_shared(ids: Sequence[int], prompt: Sequence[int]) -> int:
    """Return how many tokens two texts begin with alike."""
    pairs = zip(ids, prompt, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ids), len(prompt)))


def split_rows(slots: Sequence[Slot]) -> list[list[int]]:
    """Return rows that are read together: all where each has one token, or else those of new prompts.

    The others continue what their slot has read, from a place of their own, and are read alone.
    """
    if all(len(slot.unread) == 1 for slot in slots):
        return [list(range(len(slots)))]
    new = [row for row, slot in enumerate(slots) if not slot.read]
    alone = [[row] for row, slot in enumerate(slots) if slot.read]
    return [new, *alone] if new else alone
