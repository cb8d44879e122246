"""The one chat template, as ids and as the Jinja text that other programs render.

    <s><|system|>…<|end|><|user|>…<|end|><|assistant|>…<|end|>

The markers are control symbols set by id, so that a user who types `<|end|>` has typed text. White space
around a message is left out: a space at its end would be a token that no word begins with.
"""

from collections.abc import Sequence

from pipeline.tokenizer.special import ASSISTANT, BOS, END_OF_TURN, SYSTEM, USER
from pipeline.tokenizer.tokenizer import Tokenizer

ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}  # the id of each role's marker

# Between the generation tags stands what is trained. TRL and transformers make their masks by them.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] | trim + '<|end|>' }}{% endgeneration %}"
    "{% else %}"
    "{{ message['content'] | trim + '<|end|>' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

Message = dict[str, str]  # role, content


def encode_conversation(tokenizer: Tokenizer, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """Return a conversation's ids and their loss mask.

    The mask is true for the assistant's words and the `<|end|>` after them. It is false for the
    assistant's marker, which the program sets.
    """
    ids, loss_mask = [BOS], [False]
    for message in messages:
        role, content = ROLES[message["role"]], tokenizer.encode(message["content"].strip())
        ids += [role, *content, END_OF_TURN]
        loss_mask += [False] + [role == ASSISTANT] * (len(content) + 1)
    return ids, loss_mask


def encode_prompt(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """Return the ids that an answer continues: the conversation so far and the assistant's marker."""
    return [*encode_conversation(tokenizer, messages)[0], ASSISTANT]
