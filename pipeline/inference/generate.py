"""Generation of whole texts, and of one text piece by piece (see engine.py)."""

from collections.abc import Collection, Iterator, Sequence

from pipeline.inference.engine import Adjust, Engine, Generation
from pipeline.inference.sampling import GREEDY, Sampling
from pipeline.inference.streaming import TextDecoder, TextStream
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.chat_template import ChatTokenizer
from pipeline.tokenizer.tokenizer import Tokenizer


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
    int8: bool = False,
) -> list[list[int]]:
    """Return the new tokens of every prompt, in order, without the stop token that ended them.

    A prompt's tokens depend on the prompt, the seed and its position in `prompts`. They depend neither on
    its neighbors nor on `batch_size`, which only sets the memory. `int8`: see `Engine`. Raises ValueError for
    an empty prompt or `max_new_tokens` below 1.
    """
    generations = [
        Generation(prompt, max_new_tokens, sampling, seed, row, stop_ids)
        for row, prompt in enumerate(prompts)
    ]
    if not generations:
        return []
    slots = min(batch_size, len(prompts))
    lengths = [min(len(prompt) + max_new_tokens, model.context) for prompt in prompts]
    engine = Engine(
        model, slots, capacity=max(lengths), forbidden_ids=forbidden_ids, adjust=adjust, int8=int8
    )
    for generation in sorted(generations, key=lambda generation: len(generation.prompt)):  # little padding
        engine.submit(generation)
    while engine.is_busy:
        engine.step()
    return [generation.new_ids for generation in generations]


def stream(
    engine: Engine, tokenizer: ChatTokenizer, generation: Generation, stop_strings: Collection[str] = ()
) -> TextStream:
    """Return a text as it is generated, piece by piece. Joined, the pieces are all of it.

    No piece holds a broken character. No part of a stop string is in it, however the tokens cut it. The
    tokens are those of `generate` for a single prompt.
    """

    def pieces() -> Iterator[str]:
        decoder = TextDecoder(tokenizer.decode, stop_strings)
        engine.submit(generation)
        try:
            while not generation.end and not decoder.is_stopped:
                before = len(generation.new_ids)
                engine.step()
                if len(generation.new_ids) > before and (piece := decoder.add(generation.new_ids[-1])):
                    yield piece
            if rest := decoder.finish():
                yield rest
            text.is_cut = generation.end == "length" and not decoder.is_stopped
        finally:
            engine.cancel(generation)  # where a stop string or the reader has ended the text

    text = TextStream(pieces())
    return text
