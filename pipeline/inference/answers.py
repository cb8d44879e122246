"""Greedy answers of a chat model, for measuring it."""

from collections.abc import Sequence

from pipeline.inference.engine import crop_prompt
from pipeline.inference.generate import generate
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.chat_template import ChatTokenizer, Message


def answer_greedily(
    model: Decoder,
    tokenizer: ChatTokenizer,
    conversations: Sequence[Sequence[Message]],
    max_new_tokens: int,
    room: int = 1,
) -> list[str]:
    """Return the greedy answer to each conversation, which ends with a message of the user.

    Of a conversation too long for the model's context, the beginning is dropped until `room` new tokens fit.
    """
    prompts = [tokenizer.encode_prompt(messages) for messages in conversations]
    cropped = [crop_prompt(prompt, model.context, room) for prompt in prompts]
    answers = generate(
        model,
        cropped,
        max_new_tokens=max_new_tokens,
        stop_ids=tokenizer.stop_ids,
        forbidden_ids=tokenizer.forbidden_ids,
    )
    return [tokenizer.decode(ids).strip() for ids in answers]
