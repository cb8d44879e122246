"""From what people write to the tokens that a model continues."""

from collections.abc import Sequence

from pipeline.common.errors import UserError
from pipeline.text.normalize import LONE_SURROGATE, normalize_text
from pipeline.tokenizer.chat_template import ChatTokenizer, Message


def normalize_argument(name: str, text: str) -> str:
    """Return `text` normalized. Raises UserError for a broken character, as another encoding leaves it."""
    if broken := LONE_SURROGATE.search(text):
        raise UserError(
            "{name}: {broken} at character {start}: a lone surrogate, which is no Unicode text; type it anew",
            name=name,
            broken=repr(broken[0]),
            start=broken.start(),
        )
    return normalize_text(text)


def fit_conversation(
    tokenizer: ChatTokenizer,
    messages: Sequence[Message],
    context: int,
    max_new_tokens: int | None = None,
    begun: Sequence[int] = (),
) -> list[int]:
    """Return the token ids of a conversation, which the next answer continues; `begun` are its first ones.

    The oldest exchanges are left out until the answer has half of what the system message leaves of the
    context. The last message may be longer, if it leaves a quarter of the context. Raises UserError where it
    does not.
    """
    system = [message for message in messages[:1] if message["role"] == "system"]
    talk = messages[len(system) :]
    half = (context - len(tokenizer.encode_prompt(system))) // 2
    limit = max_new_tokens or context
    starts = [start for start, message in enumerate(talk) if message["role"] == "user"] or [0]
    starts[0] = 0
    fitting: list[int] = []
    for start in reversed(starts):  # from the newest on, as there may be very many
        ids = [*tokenizer.encode_prompt([*system, *talk[start:]]), *begun]
        room = half if start < starts[-1] else min(half, context // 4)
        if len(ids) + min(limit, room) > context:
            break
        fitting = ids
    if not fitting:
        raise UserError(
            "message: {count} tokens leave no room for an answer: the model reads {context}; shorten it",
            count=len(ids),
            context=context,
        )
    return fitting
